//! Certificates of things. API Reference, `AttachThingPrincipal`, `DetachThingPrincipal`, `ListThingPrincipals`.

use serde_json::json;

use super::names::{arn, certificate_of};
use crate::error::Error;
use crate::https::error::ApiError;
use crate::https::page::Page;
use crate::https::reply::Reply;
use crate::https::route::{Answer, Call};
use crate::ids::CertificateId;
use crate::names::ThingName;

/// `PUT /things/{thingName}/principals`, the ARN in `x-amzn-principal`
pub(super) async fn attach(call: Call<'_>, name: &str) -> Answer {
    match call.request.query("thingPrincipalType") {
        None | Some("NON_EXCLUSIVE_THING") => {}
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
    let name = ThingName::parse(name)?;
    let page = Page::of(call.request, "nextToken", "maxResults")?;
    if call.core.describe_thing(name.clone()).await?.is_none() {
        return Err(Error::not_found("thing", name.as_str()).into());
    }
    let ids = call.core.list_thing_certificates(name).await?;
    let ids = ids.iter().map(CertificateId::to_string).filter(|id| id.as_str() > page.after());
    let (ids, next) = page.cut(ids.collect(), String::as_str);
    let arns: Vec<_> = ids.iter().map(|id| arn(&call.core.broker.config, "cert", id)).collect();
    Ok(Reply::json(&json!({"principals": arns, "nextToken": next})))
}

fn principal(call: Call<'_>) -> Result<CertificateId, ApiError> {
    let arn = call.request.header("x-amzn-principal")?.ok_or_else(|| ApiError::invalid("there is no principal"))?;
    certificate_of(&call.core.broker.config, arn)
}
