//! Things. API Reference, `CreateThing`, `DescribeThing`, `ListThings`, `UpdateThing`, `DeleteThing`. They have no versions.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::names::arn;
use crate::core::Config;
use crate::error::Error;
use crate::https::error::ApiError;
use crate::https::page::Page;
use crate::https::reply::{Reply, uuid};
use crate::https::route::{Answer, Call};
use crate::names::ThingName;
use crate::registry::things::{self, Thing};
use crate::store::Tx;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreateThing {
    thing_type_name: Option<String>,
    billing_group_name: Option<String>,
    #[serde(default)]
    attribute_payload: AttributePayload,
}

#[derive(Default, Deserialize)]
struct AttributePayload {
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    #[serde(default)]
    merge: bool,
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
    call.core.create_thing(name.clone(), asked.attribute_payload.attributes).await?;
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
    call.request.without(&["attributeName", "attributeValue", "thingTypeName", "usePrefixAttributeValue"])?;
    let page = Page::of(call.request, "nextToken", "maxResults")?;
    let (things, next) = page.cut(call.core.list_things(page.after()).await?, |thing| thing.name.as_str());
    let things: Vec<Value> = things.iter().map(|thing| summary(&call.core.broker.config, thing)).collect();
    Ok(Reply::json(&json!({"things": things, "nextToken": next})))
}

/// `PATCH /things/{thingName}`. Merged attributes replace those of their names; an empty one removes it.
pub(super) async fn update(call: Call<'_>, name: &str) -> Answer {
    let name = ThingName::parse(name)?;
    let asked: UpdateThing = call.request.json()?;
    if asked.thing_type_name.is_some() {
        return Err(ApiError::unsupported("thingTypeName"));
    }
    if asked.expected_version.is_some() {
        return Err(ApiError::unsupported("expectedVersion"));
    }
    let job = move |tx: &mut Tx<'_>| {
        let thing = things::get(tx.connection, &name)?;
        let Thing { type_name, mut attributes, .. } = thing.ok_or_else(|| Error::not_found("thing", name.as_str()))?;
        let type_name = type_name.filter(|_| !asked.remove_thing_type);
        if let Some(payload) = asked.attribute_payload {
            if !payload.merge {
                attributes.clear();
            }
            attributes.extend(payload.attributes);
            attributes.retain(|_, value| !(payload.merge && value.is_empty()));
        }
        things::update(tx.connection, &name, type_name.as_deref(), &attributes)
    };
    call.core.change(job).await?;
    Ok(Reply::empty())
}

/// `DELETE /things/{thingName}`. AWS succeeds for a thing that does not exist, and takes a thing with certificates for a wrong
/// request.
pub(super) async fn delete(call: Call<'_>, name: &str) -> Answer {
    call.request.without(&["expectedVersion"])?;
    match call.core.delete_thing(ThingName::parse(name)?).await {
        Ok(()) | Err(Error::NotFound { .. }) => Ok(Reply::empty()),
        Err(error @ Error::DeleteConflict { .. }) => Err(ApiError::invalid(error.to_string())),
        Err(error) => Err(error.into()),
    }
}

async fn found(call: Call<'_>, name: ThingName) -> Result<Thing, ApiError> {
    let thing = call.core.describe_thing(name.clone()).await?;
    thing.ok_or_else(|| Error::not_found("thing", name.as_str()).into())
}

fn thing_arn(config: &Config, thing: &Thing) -> String {
    arn(config, "thing", &thing.name)
}

fn summary(config: &Config, thing: &Thing) -> Value {
    json!({
        "thingName": thing.name,
        "thingTypeName": thing.type_name,
        "thingArn": thing_arn(config, thing),
        "attributes": thing.attributes,
    })
}

/// Differs when a thing is created again under its name, as AWS's does.
fn id(thing: &Thing) -> String {
    let hash: [u8; 32] = Sha256::digest(format!("{}\n{}", thing.created_ms, thing.name)).into();
    let first = hash.first_chunk().copied().unwrap_or_default();
    uuid(first)
}
