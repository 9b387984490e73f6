//! Static thing groups. API Reference, `CreateThingGroup`, `DescribeThingGroup`, `ListThingGroups`, `UpdateThingGroup`,
//! `DeleteThingGroup`.

use serde::Deserialize;
use serde_json::{Value, json};

use super::attributes::AttributePayload;
use super::names::{GROUP, arn, registry_id, timestamp};
use crate::core::Config;
use crate::error::Error;
use crate::https::error::ApiError;
use crate::https::page::Page;
use crate::https::reply::Reply;
use crate::https::route::{Answer, Call};
use crate::limits::GROUP_DESCRIPTION_CHARS_MAX;
use crate::registry::groups::{self, ThingGroup};
use crate::store::Tx;

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Properties {
    thing_group_description: Option<Description>,
    attribute_payload: Option<AttributePayload>,
}

#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Description(String);

impl TryFrom<String> for Description {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.chars().count() > GROUP_DESCRIPTION_CHARS_MAX || text.chars().any(char::is_control) {
            return Err(format!("a description is up to {GROUP_DESCRIPTION_CHARS_MAX} printable characters"));
        }
        Ok(Self(text))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreateThingGroup {
    parent_group_name: Option<String>,
    #[serde(default)]
    thing_group_properties: Properties,
    #[serde(default)]
    tags: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UpdateThingGroup {
    thing_group_properties: Properties,
    expected_version: Option<u64>,
}

/// `POST /thing-groups/{thingGroupName}`
pub(super) async fn create(call: Call<'_>, name: &str) -> Answer {
    let CreateThingGroup { parent_group_name, thing_group_properties, tags } = call.request.json()?;
    if !tags.is_empty() {
        return Err(ApiError::unsupported("tags"));
    }
    let Properties { thing_group_description, attribute_payload } = thing_group_properties;
    let description = thing_group_description.map(|Description(text)| text).unwrap_or_default();
    let attributes = attribute_payload.unwrap_or_default().of_new().map_err(ApiError::of_things)?;
    let (name, now_ms) = (name.to_owned(), call.core.broker.clock.now_ms());
    let job = move |tx: &mut Tx<'_>| {
        groups::create(tx.connection, &name, parent_group_name.as_deref(), &description, &attributes, now_ms)?;
        groups::get(tx.connection, &name)?.ok_or_else(|| Error::not_found("thing group", &name))
    };
    let group = call.core.broker.store.write(job).await.map_err(ApiError::of_things)?;
    Ok(Reply::json(&json!({
        "thingGroupName": group.name,
        "thingGroupArn": arn(&call.core.broker.config, GROUP, &group.name),
        "thingGroupId": id(&group),
    })))
}

/// `GET /thing-groups/{thingGroupName}`
pub(super) async fn describe(call: Call<'_>, name: &str) -> Answer {
    let group = call.core.describe_thing_group(name).await?;
    let group = group.ok_or_else(|| Error::not_found("thing group", name))?;
    let config = &call.core.broker.config;
    let description = Some(&group.description).filter(|description| !description.is_empty());
    Ok(Reply::json(&json!({
        "thingGroupName": group.name,
        "thingGroupArn": arn(config, GROUP, &group.name),
        "thingGroupId": id(&group),
        "version": group.version,
        "thingGroupProperties": {
            "thingGroupDescription": description,
            "attributePayload": {"attributes": group.attributes},
        },
        "thingGroupMetadata": {
            "parentGroupName": group.ancestors.last(),
            "rootToParentThingGroups": group.ancestors.iter().map(|name| named(config, name)).collect::<Vec<_>>(),
            "creationDate": timestamp(group.created_ms),
        },
    })))
}

/// `GET /thing-groups?parentGroup={name}&recursive={true|false}&namePrefixFilter={prefix}`
pub(super) async fn list(call: Call<'_>) -> Answer {
    let page = Page::of(call.request, "nextToken", "maxResults")?;
    let parent = call.request.query("parentGroup").map(str::to_owned);
    let prefix = call.request.query("namePrefixFilter").unwrap_or_default().to_owned();
    let (recursive, after) = (call.request.flag("recursive")?, page.after().to_owned());
    let read = move |connection: &rusqlite::Connection| {
        parent.as_deref().map(|parent| groups::require(connection, parent)).transpose()?;
        Ok::<_, Error>(groups::list(connection, parent.as_deref(), recursive, &prefix, &after)?)
    };
    let (names, next) = page.cut(call.core.broker.store.read(read).await?, String::as_str);
    let names: Vec<Value> = names.iter().map(|name| named(&call.core.broker.config, name)).collect();
    Ok(Reply::json(&json!({"thingGroups": names, "nextToken": next})))
}

/// `PATCH /thing-groups/{thingGroupName}`. What is not given stays.
pub(super) async fn update(call: Call<'_>, name: &str) -> Answer {
    let asked: UpdateThingGroup = call.request.json()?;
    let name = name.to_owned();
    let job = move |tx: &mut Tx<'_>| {
        let group = groups::get(tx.connection, &name)?.ok_or_else(|| Error::not_found("thing group", &name))?;
        expect_version(&group, asked.expected_version)?;
        let Properties { thing_group_description, attribute_payload } = asked.thing_group_properties;
        let description = thing_group_description.map_or(group.description, |Description(text)| text);
        let attributes = match attribute_payload {
            Some(payload) => payload.over(group.attributes)?,
            None => group.attributes,
        };
        groups::update(tx.connection, &name, &description, &attributes)
    };
    let version = call.core.broker.store.write(job).await.map_err(ApiError::of_things)?;
    Ok(Reply::json(&json!({"version": version})))
}

/// `DELETE /thing-groups/{thingGroupName}?expectedVersion={version}`. As for a thing, there is no error for one that does not
/// exist.
pub(super) async fn delete(call: Call<'_>, name: &str) -> Answer {
    let (expected, name) = (call.request.number("expectedVersion")?, name.to_owned());
    let job = move |tx: &mut Tx<'_>| {
        let Some(group) = groups::get(tx.connection, &name)? else { return Ok(()) };
        expect_version(&group, expected)?;
        groups::delete(tx.connection, &name)
    };
    call.core.change(job).await.map_err(ApiError::of_things)?;
    Ok(Reply::json(&json!({})))
}

fn expect_version(group: &ThingGroup, expected: Option<u64>) -> Result<(), Error> {
    let ThingGroup { name, version, .. } = group;
    match expected {
        Some(expected) if expected != *version => {
            Err(Error::VersionConflict { kind: "thing group", name: name.clone(), version: *version })
        }
        _ => Ok(()),
    }
}

/// Name and ARN of a group, as lists have them.
pub(super) fn named(config: &Config, name: &str) -> Value {
    json!({"groupName": name, "groupArn": arn(config, GROUP, name)})
}

fn id(group: &ThingGroup) -> String {
    registry_id(group.created_ms, &group.name)
}
