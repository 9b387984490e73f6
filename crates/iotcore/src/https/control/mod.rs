//! The control plane: botocore's model `iot`. For operators alone.

mod attributes;
mod certificates;
mod connectivity;
mod endpoint;
mod groups;
mod jobs;
mod memberships;
mod names;
mod policies;
mod policy_versions;
mod principals;
mod template_versions;
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
        ("GET", ["things", name, "principals-v2"]) => principals::list_v2(call, name).await,
        ("GET", ["principals", "things"]) => principals::things(call).await,
        ("GET", ["principals", "things-v2"]) => principals::things_v2(call).await,
        ("GET", ["things", name, "thing-groups"]) => memberships::groups(call, name).await,
        ("PUT", ["thing-groups", "addThingToThingGroup"]) => memberships::add(call).await,
        ("PUT", ["thing-groups", "removeThingFromThingGroup"]) => memberships::remove(call).await,
        ("PUT", ["thing-groups", "updateThingGroupsForThing"]) => memberships::update(call).await,
        ("GET", ["thing-groups"]) => groups::list(call).await,
        ("POST", ["thing-groups", name]) => groups::create(call, name).await,
        ("GET", ["thing-groups", name]) => groups::describe(call, name).await,
        ("PATCH", ["thing-groups", name]) => groups::update(call, name).await,
        ("DELETE", ["thing-groups", name]) => groups::delete(call, name).await,
        ("GET", ["thing-groups", name, "things"]) => memberships::things(call, name).await,
        ("POST", ["keys-and-certificate"]) => certificates::create_with_keys(call).await,
        ("POST", ["certificates"]) => certificates::create_from_csr(call).await,
        ("POST", ["certificate", "register-no-ca"]) => certificates::register_without_ca(call).await,
        ("GET", ["certificates"]) => certificates::list(call).await,
        ("GET", ["certificates", id]) => certificates::describe(call, id).await,
        ("PUT", ["certificates", id]) => certificates::update(call, id).await,
        ("DELETE", ["certificates", id]) => certificates::delete(call, id).await,
        ("GET", ["policies"]) => policies::list(call).await,
        ("POST", ["policies", name]) => policies::create(call, name).await,
        ("GET", ["policies", name]) => policies::get(call, name).await,
        ("DELETE", ["policies", name]) => policies::delete(call, name).await,
        ("POST", ["policies", name, "version"]) => policy_versions::create(call, name).await,
        ("GET", ["policies", name, "version"]) => policy_versions::list(call, name).await,
        ("GET", ["policies", name, "version", id]) => policy_versions::get(call, name, id).await,
        ("PATCH", ["policies", name, "version", id]) => policy_versions::set_default(call, name, id).await,
        ("DELETE", ["policies", name, "version", id]) => policy_versions::delete(call, name, id).await,
        ("PUT", ["target-policies", name]) => policies::attach(call, name).await,
        ("POST", ["target-policies", name]) => policies::detach(call, name).await,
        ("POST", ["attached-policies", target]) => policies::list_attached(call, target).await,
        ("POST", ["policy-targets", name]) => policies::list_targets(call, name).await,
        ("GET", ["provisioning-templates"]) => templates::list(call).await,
        ("POST", ["provisioning-templates"]) => templates::create(call).await,
        ("GET", ["provisioning-templates", name]) => templates::describe(call, name).await,
        ("PATCH", ["provisioning-templates", name]) => templates::update(call, name).await,
        ("DELETE", ["provisioning-templates", name]) => templates::delete(call, name).await,
        ("POST", ["provisioning-templates", name, "versions"]) => template_versions::create(call, name).await,
        ("GET", ["provisioning-templates", name, "versions"]) => template_versions::list(call, name).await,
        ("GET", ["provisioning-templates", name, "versions", id]) => template_versions::describe(call, name, id).await,
        ("DELETE", ["provisioning-templates", name, "versions", id]) => template_versions::delete(call, name, id).await,
        ("POST", ["provisioning-templates", name, "provisioning-claim"]) => templates::claim(call, name).await,
        ("POST", ["things", name, "connectivity-data"]) => connectivity::get(call, name).await,
        (method, ["jobs", job @ ..]) => jobs::route(call, method, job).await,
        (method, ["things", thing, "jobs", job @ ..]) => jobs::route_of_thing(call, method, thing, job).await,
        _ => Err(ApiError::unknown_operation()),
    }
}
