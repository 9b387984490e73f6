//! Things. API Reference, `CreateThing`, `DescribeThing`, `ListThings`, `UpdateThing`, `DeleteThing`.

use serde::Deserialize;
use serde_json::{Value, json};

use super::attributes::AttributePayload;
use super::names::{THING, arn, registry_id};
use crate::core::Config;
use crate::error::Error;
use crate::https::error::ApiError;
use crate::https::page::Page;
use crate::https::reply::Reply;
use crate::https::route::{Answer, Call};
use crate::names::ThingName;
use crate::registry::things::{self, Filter, Thing};
use crate::store::Tx;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreateThing {
    thing_type_name: Option<String>,
    billing_group_name: Option<String>,
    #[serde(default)]
    attribute_payload: AttributePayload,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UpdateThing {
    thing_type_name: Option<String>,
    expected_version: Option<u64>,
    #[serde(default)]
    remove_thing_type: bool,
    attribute_payload: Option<AttributePayload>,
}

/// `POST /things/{thingName}`
pub(super) async fn create(call: Call<'_>, name: &str) -> Answer {
    let name = ThingName::parse(name)?;
    let asked: CreateThing = call.request.json()?;
    if asked.thing_type_name.is_some() {
        return Err(ApiError::unsupported("thingTypeName"));
    }
    if asked.billing_group_name.is_some() {
        return Err(ApiError::unsupported("billingGroupName"));
    }
    let attributes = asked.attribute_payload.of_new().map_err(ApiError::of_things)?;
    call.core.create_thing(name.clone(), attributes).await?;
    let thing = found(call, name).await?;
    let arn = thing_arn(&call.core.broker.config, &thing);
    Ok(Reply::json(&json!({"thingName": thing.name, "thingArn": arn, "thingId": id(&thing)})))
}

/// `GET /things/{thingName}`
pub(super) async fn describe(call: Call<'_>, name: &str) -> Answer {
    let thing = found(call, ThingName::parse(name)?).await?;
    let mut described = summary(&call.core.broker.config, &thing);
    if let Some(members) = described.as_object_mut() {
        members.insert("defaultClientId".into(), thing.name.as_str().into());
        members.insert("thingId".into(), id(&thing).into());
    }
    Ok(Reply::json(&described))
}

/// `GET /things`
pub(super) async fn list(call: Call<'_>) -> Answer {
    let page = Page::of(call.request, "nextToken", "maxResults")?;
    let (filter, after) = (filter(call)?, page.after().to_owned());
    let read = move |connection: &rusqlite::Connection| things::list(connection, &filter, &after);
    let (things, next) = page.cut(call.core.broker.store.read(read).await?, |thing| thing.name.as_str());
    let things: Vec<Value> = things.iter().map(|thing| summary(&call.core.broker.config, thing)).collect();
    Ok(Reply::json(&json!({"things": things, "nextToken": next})))
}

/// `attributeName`, `attributeValue`, `usePrefixAttributeValue` and `thingTypeName` of the query.
fn filter(call: Call<'_>) -> Result<Filter, ApiError> {
    let text = |name| call.request.query(name).map(str::to_owned);
    let (attribute, value) = (text("attributeName"), text("attributeValue"));
    if attribute.is_none() && value.is_some() {
        return Err(ApiError::invalid("an attributeValue is given without an attributeName"));
    }
    let is_prefix = call.request.flag("usePrefixAttributeValue")?;
    Ok(Filter { type_name: text("thingTypeName"), attribute, value, is_prefix })
}

/// `PATCH /things/{thingName}`. Merged attributes replace those of their names; an empty one removes it.
pub(super) async fn update(call: Call<'_>, name: &str) -> Answer {
    let name = ThingName::parse(name)?;
    let asked: UpdateThing = call.request.json()?;
    if asked.thing_type_name.is_some() {
        return Err(ApiError::unsupported("thingTypeName"));
    }
    let job = move |tx: &mut Tx<'_>| {
        things::expect_version(tx.connection, &name, asked.expected_version)?;
        let thing = things::get(tx.connection, &name)?;
        let thing = thing.ok_or_else(|| Error::not_found("thing", name.as_str()))?;
        let type_name = thing.type_name.filter(|_| !asked.remove_thing_type);
        let attributes = match asked.attribute_payload {
            Some(payload) => payload.over(thing.attributes)?,
            None => thing.attributes,
        };
        things::update(tx.connection, &name, type_name.as_deref(), &attributes)
    };
    call.core.change(job).await.map_err(ApiError::of_things)?;
    Ok(Reply::empty())
}

/// `DELETE /things/{thingName}?expectedVersion={version}`. AWS succeeds for a thing that does not exist, and takes a thing with certificates for a wrong
/// request.
pub(super) async fn delete(call: Call<'_>, name: &str) -> Answer {
    let (name, expected) = (ThingName::parse(name)?, call.request.number("expectedVersion")?);
    match call.core.delete_thing_of_version(name, expected).await {
        Ok(()) | Err(Error::NotFound { .. }) => Ok(Reply::empty()),
        Err(error) => Err(ApiError::of_things(error)),
    }
}

async fn found(call: Call<'_>, name: ThingName) -> Result<Thing, ApiError> {
    let thing = call.core.describe_thing(name.clone()).await?;
    thing.ok_or_else(|| Error::not_found("thing", name.as_str()).into())
}

fn thing_arn(config: &Config, thing: &Thing) -> String {
    arn(config, THING, &thing.name)
}

fn summary(config: &Config, thing: &Thing) -> Value {
    json!({
        "thingName": thing.name,
        "thingTypeName": thing.type_name,
        "thingArn": thing_arn(config, thing),
        "attributes": thing.attributes,
        "version": thing.version,
    })
}

fn id(thing: &Thing) -> String {
    registry_id(thing.created_ms, thing.name.as_str())
}
