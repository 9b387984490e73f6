//! The control plane: botocore's model `iot`. For operators alone.

mod certificates;
mod connectivity;
mod endpoint;
mod jobs;
mod names;
mod policies;
mod principals;
mod templates;
mod things;

use super::error::ApiError;
use super::route::{Answer, Call};

pub(super) async fn route(call: Call<'_>) -> Answer {
    let path = call.request.path();
    match (call.request.method(), path.as_slice()) {
        ("GET", ["endpoint"]) => endpoint::describe(call),
        ("GET", ["things"]) => things::list(call).await,
        ("POST", ["things", name]) => things::create(call, name).await,
        ("GET", ["things", name]) => things::describe(call, name).await,
        ("PATCH", ["things", name]) => things::update(call, name).await,
        ("DELETE", ["things", name]) => things::delete(call, name).await,
        ("GET", ["things", name, "principals"]) => principals::list(call, name).await,
        ("PUT", ["things", name, "principals"]) => principals::attach(call, name).await,
        ("DELETE", ["things", name, "principals"]) => principals::detach(call, name).await,
        ("POST", ["keys-and-certificate"]) => certificates::create_with_keys(call).await,
        ("POST", ["certificates"]) => certificates::create_from_csr(call).await,
        ("GET", ["certificates"]) => certificates::list(call).await,
        ("GET", ["certificates", id]) => certificates::describe(call, id).await,
        ("PUT", ["certificates", id]) => certificates::update(call, id).await,
        ("DELETE", ["certificates", id]) => certificates::delete(call, id).await,
        ("GET", ["policies"]) => policies::list(call).await,
        ("POST", ["policies", name]) => policies::create(call, name).await,
        ("GET", ["policies", name]) => policies::get(call, name).await,
        ("DELETE", ["policies", name]) => policies::delete(call, name).await,
        ("PUT", ["target-policies", name]) => policies::attach(call, name).await,
        ("POST", ["target-policies", name]) => policies::detach(call, name).await,
        ("POST", ["attached-policies", target]) => policies::list_attached(call, target).await,
        ("GET", ["provisioning-templates"]) => templates::list(call).await,
        ("POST", ["provisioning-templates"]) => templates::create(call).await,
        ("GET", ["provisioning-templates", name]) => templates::describe(call, name).await,
        ("DELETE", ["provisioning-templates", name]) => templates::delete(call, name).await,
        ("POST", ["provisioning-templates", name, "provisioning-claim"]) => templates::claim(call, name).await,
        ("POST", ["things", name, "connectivity-data"]) => connectivity::get(call, name).await,
        (method, ["jobs", job @ ..]) => jobs::route(call, method, job).await,
        (method, ["things", thing, "jobs", job @ ..]) => jobs::route_of_thing(call, method, thing, job).await,
        _ => Err(ApiError::unknown_operation()),
    }
}
