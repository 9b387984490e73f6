//! The things in thing groups. API Reference, `AddThingToThingGroup`, `RemoveThingFromThingGroup`,
//! `UpdateThingGroupsForThing`, `ListThingsInThingGroup`, `ListThingGroupsForThing`. There are no dynamic groups to override.

use serde::Deserialize;
use serde_json::{Value, json};

use super::groups::named;
use super::names::{GROUP, THING, by_name_or_arn};
use crate::error::Error;
use crate::https::error::ApiError;
use crate::https::page::Page;
use crate::https::reply::Reply;
use crate::https::route::{Answer, Call};
use crate::names::ThingName;
use crate::registry::{groups, things};
use crate::store::Tx;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Membership {
    thing_name: Option<String>,
    thing_arn: Option<String>,
    thing_group_name: Option<String>,
    thing_group_arn: Option<String>,
}

/// The thing and the group of a request.
fn membership(call: Call<'_>) -> Result<(ThingName, String), ApiError> {
    let asked: Membership = call.request.json()?;
    let config = &call.core.broker.config;
    let thing = by_name_or_arn(config, THING, asked.thing_name, asked.thing_arn.as_deref())?;
    let group = by_name_or_arn(config, GROUP, asked.thing_group_name, asked.thing_group_arn.as_deref())?;
    Ok((ThingName::parse(&thing)?, group))
}

/// `PUT /thing-groups/addThingToThingGroup`
pub(super) async fn add(call: Call<'_>) -> Answer {
    let (thing, group) = membership(call)?;
    call.core.add_thing_to_group(thing, &group).await.map_err(ApiError::of_things)?;
    Ok(Reply::json(&json!({})))
}

/// `PUT /thing-groups/removeThingFromThingGroup`
pub(super) async fn remove(call: Call<'_>) -> Answer {
    let (thing, group) = membership(call)?;
    let job = move |tx: &mut Tx<'_>| {
        things::require(tx.connection, &thing)?;
        groups::require(tx.connection, &group)?;
        groups::remove(tx.connection, &thing, &group)
    };
    call.core.change(job).await?;
    Ok(Reply::json(&json!({})))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UpdateThingGroupsForThing {
    thing_name: ThingName,
    #[serde(default)]
    thing_groups_to_add: Vec<String>,
    #[serde(default)]
    thing_groups_to_remove: Vec<String>,
}

/// `PUT /thing-groups/updateThingGroupsForThing`: all of it or nothing.
pub(super) async fn update(call: Call<'_>) -> Answer {
    let asked: UpdateThingGroupsForThing = call.request.json()?;
    let job = move |tx: &mut Tx<'_>| {
        things::require(tx.connection, &asked.thing_name)?;
        for group in &asked.thing_groups_to_remove {
            groups::require(tx.connection, group)?;
            groups::remove(tx.connection, &asked.thing_name, group)?;
        }
        asked.thing_groups_to_add.iter().try_for_each(|group| groups::add(tx.connection, &asked.thing_name, group))
    };
    call.core.change(job).await.map_err(ApiError::of_things)?;
    Ok(Reply::json(&json!({})))
}

/// `GET /thing-groups/{thingGroupName}/things?recursive={true|false}`
pub(super) async fn things(call: Call<'_>, group: &str) -> Answer {
    let page = Page::of(call.request, "nextToken", "maxResults")?;
    let recursive = call.request.flag("recursive")?;
    let things = call.core.list_things_in_group(group, recursive, page.after()).await?;
    let (things, next) = page.cut(things, ThingName::as_str);
    Ok(Reply::json(&json!({"things": things, "nextToken": next})))
}

/// `GET /things/{thingName}/thing-groups`
pub(super) async fn groups(call: Call<'_>, thing: &str) -> Answer {
    let (thing, page) = (ThingName::parse(thing)?, Page::of(call.request, "nextToken", "maxResults")?);
    let read = move |connection: &rusqlite::Connection| {
        things::require(connection, &thing)?;
        Ok::<_, Error>(groups::of_thing(connection, &thing)?)
    };
    let (names, next) = page.cut_all(call.core.broker.store.read(read).await?, String::as_str);
    let names: Vec<Value> = names.iter().map(|name| named(&call.core.broker.config, name)).collect();
    Ok(Reply::json(&json!({"thingGroups": names, "nextToken": next})))
}
