//! Shadows. API Reference, data plane, `GetThingShadow`, `UpdateThingShadow`, `DeleteThingShadow`, `ListNamedShadowsForThing`.

use mqtt_protocol_core::mqtt::prelude::IntoPayload;
use serde_json::json;

use crate::control::ShadowRequestError;
use crate::https::error::ApiError;
use crate::https::page::Page;
use crate::https::reply::Reply;
use crate::https::route::{Answer, Call};
use crate::names::{ShadowName, ThingName};
use crate::policy::{Action, Resource};
use crate::shadow::ShadowAddress;
use crate::shadows::{Request, Verb, submit};

/// `GET /things/{thingName}/shadow?name={shadowName}`
pub(super) async fn get(call: Call<'_>, thing: &str) -> Answer {
    let ShadowAddress { thing, name } = allowed(call, thing, Action::GetThingShadow)?;
    Ok(Reply::bytes(call.core.shadow_get(thing, name).await?))
}

/// `POST /things/{thingName}/shadow?name={shadowName}`
pub(super) async fn update(call: Call<'_>, thing: &str) -> Answer {
    change(call, allowed(call, thing, Action::UpdateThingShadow)?, Verb::Update).await
}

/// `DELETE /things/{thingName}/shadow?name={shadowName}`
pub(super) async fn delete(call: Call<'_>, thing: &str) -> Answer {
    change(call, allowed(call, thing, Action::DeleteThingShadow)?, Verb::Delete).await
}

/// `GET /api/things/shadow/ListNamedShadowsForThing/{thingName}`
pub(super) async fn list_named(call: Call<'_>, thing: &str) -> Answer {
    let resource = Resource::Thing(thing);
    call.caller.must_be_allowed(&call.core.broker, Action::ListNamedShadowsForThing, resource)?;
    let thing = ThingName::parse(thing)?;
    let page = Page::of(call.request, "nextToken", "pageSize")?;
    let names = call.core.list_named_shadows(thing, page.after()).await?;
    let (names, next) = page.cut(names, ShadowName::as_str);
    let timestamp = call.core.broker.clock.now_ms() / 1000;
    Ok(Reply::json(&json!({"results": names, "nextToken": next, "timestamp": timestamp})))
}

/// The shadow, if the caller may do this to it. A policy's resource for a named shadow is `thing/{thing}/{shadow}`. Developer
/// Guide, "AWS IoT Core action resources".
fn allowed(call: Call<'_>, thing: &str, action: Action) -> Result<ShadowAddress, ApiError> {
    let name = call.request.query("name");
    let resource = name.map_or_else(|| thing.to_owned(), |name| format!("{thing}/{name}"));
    call.caller.must_be_allowed(&call.core.broker, action, Resource::Thing(&resource))?;
    Ok(ShadowAddress { thing: ThingName::parse(thing)?, name: name.map(ShadowName::parse).transpose()? })
}

async fn change(call: Call<'_>, address: ShadowAddress, verb: Verb) -> Answer {
    let payload = call.request.body().as_ref().into_payload();
    let request = Request { address, verb };
    let pending = submit(&call.core.broker, request, payload, None, call.caller.certificate()).await?;
    let reply = pending.durable().await?.map_err(ShadowRequestError::Rejected)?;
    Ok(Reply::bytes(reply))
}
