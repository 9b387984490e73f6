//! Certificates of things, none of which is exclusive. API Reference, `AttachThingPrincipal`, `DetachThingPrincipal`,
//! `ListThingPrincipals`, `ListThingPrincipalsV2`, `ListPrincipalThings`, `ListPrincipalThingsV2`.

use serde_json::{Value, json};

use super::names::{arn, certificate_of};
use crate::error::Error;
use crate::https::error::ApiError;
use crate::https::page::Page;
use crate::https::reply::Reply;
use crate::https::route::{Answer, Call};
use crate::ids::CertificateId;
use crate::names::ThingName;

const NON_EXCLUSIVE: &str = "NON_EXCLUSIVE_THING";

/// `PUT /things/{thingName}/principals`, the ARN in `x-amzn-principal`
pub(super) async fn attach(call: Call<'_>, name: &str) -> Answer {
    match call.request.query("thingPrincipalType") {
        None | Some(NON_EXCLUSIVE) => {}
        Some(other) => return Err(ApiError::unsupported(&format!("the thing principal type {other}"))),
    }
    call.core.attach_thing(ThingName::parse(name)?, principal(call)?).await?;
    Ok(Reply::empty())
}

/// `DELETE /things/{thingName}/principals`, the ARN in `x-amzn-principal`
pub(super) async fn detach(call: Call<'_>, name: &str) -> Answer {
    call.core.detach_thing(ThingName::parse(name)?, principal(call)?).await?;
    Ok(Reply::empty())
}

/// `GET /things/{thingName}/principals`
pub(super) async fn list(call: Call<'_>, name: &str) -> Answer {
    let (arns, next) = principals(call, name).await?;
    Ok(Reply::json(&json!({"principals": arns, "nextToken": next})))
}

/// `GET /things/{thingName}/principals-v2?thingPrincipalType={type}`
pub(super) async fn list_v2(call: Call<'_>, name: &str) -> Answer {
    let (arns, next) = principals(call, name).await?;
    let arns = arns.iter().map(|arn| json!({"principal": arn, "thingPrincipalType": NON_EXCLUSIVE}));
    let arns: Vec<Value> = arns.filter(of_type(call)?).collect();
    Ok(Reply::json(&json!({"thingPrincipalObjects": arns, "nextToken": next})))
}

/// A page of the ARNs of a thing's certificates.
async fn principals(call: Call<'_>, name: &str) -> Result<(Vec<String>, Option<String>), ApiError> {
    let name = ThingName::parse(name)?;
    let page = Page::of(call.request, "nextToken", "maxResults")?;
    if call.core.describe_thing(name.clone()).await?.is_none() {
        return Err(Error::not_found("thing", name.as_str()).into());
    }
    let ids = call.core.list_thing_certificates(name).await?;
    let arns = ids.iter().map(|id| arn(&call.core.broker.config, "cert", id)).collect();
    Ok(page.cut_all(arns, String::as_str))
}

/// `GET /principals/things`, the ARN in `x-amzn-principal`
pub(super) async fn things(call: Call<'_>) -> Answer {
    let (things, next) = things_of(call).await?;
    Ok(Reply::json(&json!({"things": things, "nextToken": next})))
}

/// `GET /principals/things-v2?thingPrincipalType={type}`, the ARN in `x-amzn-principal`
pub(super) async fn things_v2(call: Call<'_>) -> Answer {
    let (things, next) = things_of(call).await?;
    let things = things.iter().map(|thing| json!({"thingName": thing, "thingPrincipalType": NON_EXCLUSIVE}));
    let things: Vec<Value> = things.filter(of_type(call)?).collect();
    Ok(Reply::json(&json!({"principalThingObjects": things, "nextToken": next})))
}

/// A page of a certificate's things.
async fn things_of(call: Call<'_>) -> Result<(Vec<ThingName>, Option<String>), ApiError> {
    let page = Page::of(call.request, "nextToken", "maxResults")?;
    let things = call.core.list_certificate_things(principal(call)?, page.after()).await?;
    Ok(page.cut(things, ThingName::as_str))
}

/// What the query asks for by `thingPrincipalType`: all, or none.
fn of_type(call: Call<'_>) -> Result<impl Fn(&Value) -> bool, ApiError> {
    let wanted = match call.request.query("thingPrincipalType") {
        None | Some(NON_EXCLUSIVE) => true,
        Some("EXCLUSIVE_THING") => false,
        Some(other) => return Err(ApiError::invalid(format!("`{other}` is no thing principal type"))),
    };
    Ok(move |_: &Value| wanted)
}

fn principal(call: Call<'_>) -> Result<CertificateId, ApiError> {
    let arn = call.request.header("x-amzn-principal")?.ok_or_else(|| ApiError::invalid("there is no principal"))?;
    certificate_of(&call.core.broker.config, arn)
}
