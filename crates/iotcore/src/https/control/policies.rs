//! Policies. API Reference, `CreatePolicy`, `GetPolicy`, `ListPolicies`, `DeletePolicy`, `AttachPolicy`, `DetachPolicy`,
//! `ListAttachedPolicies`. A policy has one version, and is attached to certificates.

use serde::Deserialize;
use serde_json::{Value, json};

use super::names::{arn, certificate_of};
use crate::error::Error;
use crate::https::error::ApiError;
use crate::https::page::Page;
use crate::https::reply::Reply;
use crate::https::route::{Answer, Call};
use crate::ids::CertificateId;

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
    Ok(Reply::json(&json!({
        "policyName": name,
        "policyArn": arn(&call.core.broker.config, "policy", name),
        "policyDocument": policy_document,
        "policyVersionId": "1",
    })))
}

/// `GET /policies/{policyName}`
pub(super) async fn get(call: Call<'_>, name: &str) -> Answer {
    let policy = call.core.get_policy(name).await?.ok_or_else(|| Error::not_found("policy", name))?;
    Ok(Reply::json(&json!({
        "policyName": policy.name,
        "policyArn": arn(&call.core.broker.config, "policy", name),
        "policyDocument": policy.document,
        "defaultVersionId": "1",
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
    call.core.attach_policy(name, target(call)?).await?;
    Ok(Reply::empty())
}

/// `POST /target-policies/{policyName}`
pub(super) async fn detach(call: Call<'_>, name: &str) -> Answer {
    call.core.detach_policy(name, target(call)?).await?;
    Ok(Reply::empty())
}

/// `POST /attached-policies/{target}`
pub(super) async fn list_attached(call: Call<'_>, target: &str) -> Answer {
    let page = Page::of(call.request, "marker", "pageSize")?;
    let certificate = certificate_of(&call.core.broker.config, target)?;
    let mut names = call.core.list_attached_policies(certificate).await?;
    names.retain(|name| name.as_str() > page.after());
    let (names, next) = page.cut(names, String::as_str);
    let policies: Vec<Value> = names.iter().map(|name| summary(call, name)).collect();
    Ok(Reply::json(&json!({"policies": policies, "nextMarker": next})))
}

#[derive(Deserialize)]
struct Target {
    target: String,
}

fn target(call: Call<'_>) -> Result<CertificateId, ApiError> {
    let Target { target } = call.request.json()?;
    certificate_of(&call.core.broker.config, &target)
}
