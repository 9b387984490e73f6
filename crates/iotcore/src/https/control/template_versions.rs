//! Versions of provisioning templates. API Reference, `CreateProvisioningTemplateVersion`,
//! `ListProvisioningTemplateVersions`, `DescribeProvisioningTemplateVersion`, `DeleteProvisioningTemplateVersion`.

use serde::Deserialize;
use serde_json::{Value, json};

use super::names::{arn, timestamp, version};
use crate::error::Error;
use crate::https::page::Page;
use crate::https::reply::Reply;
use crate::https::route::{Answer, Call};
use crate::registry::template_versions::TemplateVersion;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreateVersion {
    template_body: String,
}

/// `POST /provisioning-templates/{templateName}/versions?setAsDefault={true|false}`
pub(super) async fn create(call: Call<'_>, template: &str) -> Answer {
    let is_default = call.request.flag("setAsDefault")?;
    let CreateVersion { template_body } = call.request.json()?;
    let version = call.core.create_template_version(template, &template_body, is_default).await?;
    Ok(Reply::json(&json!({
        "templateArn": arn(&call.core.broker.config, "provisioningtemplate", template),
        "templateName": template,
        "versionId": version,
        "isDefaultVersion": is_default,
    })))
}

/// `GET /provisioning-templates/{templateName}/versions`
pub(super) async fn list(call: Call<'_>, template: &str) -> Answer {
    let page = Page::of(call.request, "nextToken", "maxResults")?;
    let after = Some(page.after()).filter(|after| !after.is_empty()).map(version).transpose()?.unwrap_or(0);
    let versions = call.core.list_template_versions(template, after).await?;
    let versions = versions.iter().map(|version| (version.version.to_string(), summary(version)));
    let (versions, next) = page.cut(versions.collect(), |(number, _)| number);
    let versions: Vec<Value> = versions.into_iter().map(|(_, version)| version).collect();
    Ok(Reply::json(&json!({"versions": versions, "nextToken": next})))
}

/// `GET /provisioning-templates/{templateName}/versions/{versionId}`
pub(super) async fn describe(call: Call<'_>, template: &str, id: &str) -> Answer {
    let found = call.core.get_template_version(template, version(id)?).await?;
    let found = found.ok_or_else(|| Error::not_found("template version", &format!("{template}/{id}")))?;
    let mut described = summary(&found);
    if let Some(members) = described.as_object_mut() {
        members.insert("templateBody".into(), found.body.into());
    }
    Ok(Reply::json(&described))
}

/// `DELETE /provisioning-templates/{templateName}/versions/{versionId}`
pub(super) async fn delete(call: Call<'_>, template: &str, id: &str) -> Answer {
    call.core.delete_template_version(template, version(id)?).await?;
    Ok(Reply::empty())
}

fn summary(version: &TemplateVersion) -> Value {
    json!({
        "versionId": version.version,
        "isDefaultVersion": version.is_default,
        "creationDate": timestamp(version.created_ms),
    })
}
