//! Versions of policies. API Reference, `CreatePolicyVersion`, `ListPolicyVersions`, `GetPolicyVersion`,
//! `SetDefaultPolicyVersion`, `DeletePolicyVersion`.

use serde::Deserialize;
use serde_json::{Value, json};

use super::names::{arn, timestamp, version};
use crate::error::Error;
use crate::https::reply::Reply;
use crate::https::route::{Answer, Call};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreatePolicyVersion {
    policy_document: String,
}

/// `POST /policies/{policyName}/version?setAsDefault={true|false}`
pub(super) async fn create(call: Call<'_>, policy: &str) -> Answer {
    let is_default = call.request.flag("setAsDefault")?;
    let CreatePolicyVersion { policy_document } = call.request.json()?;
    let version = call.core.create_policy_version(policy, &policy_document, is_default).await?;
    Ok(Reply::json(&json!({
        "policyArn": arn(&call.core.broker.config, "policy", policy),
        "policyDocument": policy_document,
        "policyVersionId": version.to_string(),
        "isDefaultVersion": is_default,
    })))
}

/// `GET /policies/{policyName}/version`
pub(super) async fn list(call: Call<'_>, policy: &str) -> Answer {
    let versions = call.core.list_policy_versions(policy).await?;
    let versions = versions.iter().map(|version| {
        json!({
            "versionId": version.version.to_string(),
            "isDefaultVersion": version.is_default,
            "createDate": timestamp(version.created_ms),
        })
    });
    Ok(Reply::json(&json!({"policyVersions": versions.collect::<Vec<Value>>()})))
}

/// `GET /policies/{policyName}/version/{policyVersionId}`
pub(super) async fn get(call: Call<'_>, policy: &str, id: &str) -> Answer {
    let found = call.core.get_policy_version(policy, version(id)?).await?;
    let found = found.ok_or_else(|| Error::not_found("policy version", &format!("{policy}/{id}")))?;
    Ok(Reply::json(&json!({
        "policyArn": arn(&call.core.broker.config, "policy", policy),
        "policyName": policy,
        "policyDocument": found.document,
        "policyVersionId": found.version.to_string(),
        "isDefaultVersion": found.is_default,
        "creationDate": timestamp(found.created_ms),
        "lastModifiedDate": timestamp(found.updated_ms),
    })))
}

/// `PATCH /policies/{policyName}/version/{policyVersionId}`
pub(super) async fn set_default(call: Call<'_>, policy: &str, id: &str) -> Answer {
    call.core.set_default_policy_version(policy, version(id)?).await?;
    Ok(Reply::empty())
}

/// `DELETE /policies/{policyName}/version/{policyVersionId}`
pub(super) async fn delete(call: Call<'_>, policy: &str, id: &str) -> Answer {
    call.core.delete_policy_version(policy, version(id)?).await?;
    Ok(Reply::empty())
}
