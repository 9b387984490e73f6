//! Policies. API Reference, `CreatePolicy`, `GetPolicy`, `ListPolicies`, `DeletePolicy`, `AttachPolicy`, `DetachPolicy`,
//! `ListAttachedPolicies`, `ListTargetsForPolicy`. Policies are attached to certificates and thing groups.

use rusqlite::Connection;
use serde::Deserialize;
use serde_json::{Value, json};

use super::names::{arn, target_arn, target_of, timestamp};
use crate::error::Error;
use crate::https::error::ApiError;
use crate::https::page::Page;
use crate::https::reply::Reply;
use crate::https::route::{Answer, Call};
use crate::registry::policies::{self, PolicyTarget};
use crate::registry::{certificates, groups};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreatePolicy {
    policy_document: String,
    #[serde(default)]
    tags: Vec<Value>,
}

/// `POST /policies/{policyName}`
pub(super) async fn create(call: Call<'_>, name: &str) -> Answer {
    let CreatePolicy { policy_document, tags } = call.request.json()?;
    if !tags.is_empty() {
        return Err(ApiError::unsupported("tags"));
    }
    call.core.create_policy(name, &policy_document).await?;
    // One that was there already with this document may be of another version than the first.
    let policy = call.core.get_policy(name).await?.ok_or_else(|| Error::not_found("policy", name))?;
    Ok(Reply::json(&json!({
        "policyName": name,
        "policyArn": arn(&call.core.broker.config, "policy", name),
        "policyDocument": policy_document,
        "policyVersionId": policy.default_version.to_string(),
    })))
}

/// `GET /policies/{policyName}`
pub(super) async fn get(call: Call<'_>, name: &str) -> Answer {
    let policy = call.core.get_policy(name).await?.ok_or_else(|| Error::not_found("policy", name))?;
    Ok(Reply::json(&json!({
        "policyName": policy.name,
        "policyArn": arn(&call.core.broker.config, "policy", name),
        "policyDocument": policy.document,
        "defaultVersionId": policy.default_version.to_string(),
        "creationDate": timestamp(policy.created_ms),
        "lastModifiedDate": timestamp(policy.updated_ms),
    })))
}

/// `GET /policies`
pub(super) async fn list(call: Call<'_>) -> Answer {
    let page = Page::of(call.request, "marker", "pageSize")?;
    let (policies, next) = page.cut(call.core.list_policies(page.after()).await?, |policy| &policy.name);
    let policies: Vec<Value> = policies.iter().map(|policy| summary(call, &policy.name)).collect();
    Ok(Reply::json(&json!({"policies": policies, "nextMarker": next})))
}

fn summary(call: Call<'_>, name: &str) -> Value {
    json!({"policyName": name, "policyArn": arn(&call.core.broker.config, "policy", name)})
}

/// `DELETE /policies/{policyName}`
pub(super) async fn delete(call: Call<'_>, name: &str) -> Answer {
    call.core.delete_policy(name).await?;
    Ok(Reply::empty())
}

/// `PUT /target-policies/{policyName}`
pub(super) async fn attach(call: Call<'_>, name: &str) -> Answer {
    match target(call)? {
        PolicyTarget::Certificate(id) => call.core.attach_policy(name, id).await?,
        PolicyTarget::Group(group) => call.core.attach_group_policy(name, &group).await?,
    }
    Ok(Reply::empty())
}

/// `POST /target-policies/{policyName}`
pub(super) async fn detach(call: Call<'_>, name: &str) -> Answer {
    match target(call)? {
        PolicyTarget::Certificate(id) => call.core.detach_policy(name, id).await?,
        PolicyTarget::Group(group) => call.core.detach_group_policy(name, &group).await?,
    }
    Ok(Reply::empty())
}

/// `POST /attached-policies/{target}?recursive={true|false}`. With it, a thing group has the policies of those above it, too.
pub(super) async fn list_attached(call: Call<'_>, target: &str) -> Answer {
    let page = Page::of(call.request, "marker", "pageSize")?;
    let target = target_of(&call.core.broker.config, target)?;
    let recursive = call.request.flag("recursive")?;
    let read = move |connection: &Connection| attached(connection, &target, recursive);
    let (names, next) = page.cut_all(call.core.broker.store.read(read).await?, String::as_str);
    let policies: Vec<Value> = names.iter().map(|name| summary(call, name)).collect();
    Ok(Reply::json(&json!({"policies": policies, "nextMarker": next})))
}

/// The names of the policies of a target, in their order.
fn attached(connection: &Connection, target: &PolicyTarget, recursive: bool) -> Result<Vec<String>, Error> {
    let group = match target {
        PolicyTarget::Certificate(id) => {
            certificates::require(connection, *id)?;
            return Ok(policies::of_certificate(connection, *id)?);
        }
        PolicyTarget::Group(group) => group,
    };
    groups::require(connection, group)?;
    if !recursive {
        return Ok(policies::of_group(connection, group)?);
    }
    let mut names = Vec::new();
    for group in groups::lineage(connection, group)? {
        names.extend(policies::of_group(connection, &group)?);
    }
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

/// `POST /policy-targets/{policyName}`
pub(super) async fn list_targets(call: Call<'_>, name: &str) -> Answer {
    let page = Page::of(call.request, "marker", "pageSize")?;
    let config = &call.core.broker.config;
    let after = Some(page.after()).filter(|after| !after.is_empty());
    let after = after.map(|after| target_of(config, after)).transpose()?;
    let targets = call.core.list_policy_targets(name, after).await?;
    let targets = targets.iter().map(|target| target_arn(config, target)).collect();
    let (targets, next) = page.cut(targets, String::as_str);
    Ok(Reply::json(&json!({"targets": targets, "nextMarker": next})))
}

#[derive(Deserialize)]
struct Target {
    target: String,
}

fn target(call: Call<'_>) -> Result<PolicyTarget, ApiError> {
    let Target { target } = call.request.json()?;
    target_of(&call.core.broker.config, &target)
}
