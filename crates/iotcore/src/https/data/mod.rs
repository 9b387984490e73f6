//! The data plane: botocore's models `iot-data` and `iot-jobs-data`.

mod connections;
mod jobs;
mod properties;
mod publish;
mod retained;
mod shadows;

use super::route::{Answer, Call};

/// The answer, if it is an operation of the data plane.
pub(super) async fn route(call: Call<'_>) -> Option<Answer> {
    let path = call.request.path();
    Some(match (call.request.method(), path.as_slice()) {
        ("POST", ["topics", topic @ ..]) if !topic.is_empty() => publish::publish(call, &topic.join("/")).await,
        ("GET", ["things", thing, "shadow"]) => shadows::get(call, thing).await,
        ("POST", ["things", thing, "shadow"]) => shadows::update(call, thing).await,
        ("DELETE", ["things", thing, "shadow"]) => shadows::delete(call, thing).await,
        ("GET", ["api", "things", "shadow", "ListNamedShadowsForThing", thing]) => {
            shadows::list_named(call, thing).await
        }
        ("GET", ["retainedMessage"]) => retained::list(call).await,
        ("GET", ["retainedMessage", topic @ ..]) => retained::get(call, &topic.join("/")).await,
        ("GET", ["connections", client_id]) => connections::get(call, client_id).await,
        ("DELETE", ["connections", client_id]) => connections::delete(call, client_id).await,
        (method, ["things", thing, "jobs", job @ ..]) if call.caller.means_jobs_data() => {
            return jobs::route(call, method, thing, job).await;
        }
        _ => return None,
    })
}

/// Properties of a message that is published by a request can be read again, here and by clients of MQTT 5.
#[cfg(any(test, feature = "fuzzing"))]
pub(super) fn check_properties(request: &super::request::Request) {
    let Ok(Some(properties)) = properties::of_request(request) else { return };
    let shown = properties::user_properties_of(properties.as_bytes());
    assert!(shown.is_none_or(|shown| shown.as_array().is_some_and(|pairs| !pairs.is_empty())));
    crate::broker::check_properties(properties);
}
