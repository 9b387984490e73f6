//! Provisioning templates. API Reference, `CreateProvisioningTemplate`, `DescribeProvisioningTemplate`,
//! `ListProvisioningTemplates`, `UpdateProvisioningTemplate`, `DeleteProvisioningTemplate`, `CreateProvisioningClaim`.

use serde::Deserialize;
use serde_json::{Value, json};

use super::certificates::key_pair;
use super::names::{arn, timestamp};
use crate::core::Config;
use crate::error::Error;
use crate::https::error::ApiError;
use crate::https::page::Page;
use crate::https::reply::Reply;
use crate::https::route::{Answer, Call};
use crate::limits::{ROLE_ARN_CHARS_MAX, TEMPLATE_DESCRIPTION_CHARS_MAX};
use crate::registry::templates::{ProvisioningTemplate, TemplateSettings};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreateTemplate {
    template_name: String,
    template_body: String,
    description: Option<String>,
    provisioning_role_arn: Option<String>,
    #[serde(default)]
    enabled: bool,
    pre_provisioning_hook: Option<Value>,
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    tags: Vec<Value>,
}

/// `POST /provisioning-templates`. Roles mean nothing here.
pub(super) async fn create(call: Call<'_>) -> Answer {
    let asked: CreateTemplate = call.request.json()?;
    let kind = asked.kind.as_deref().unwrap_or("FLEET_PROVISIONING");
    let unsupported = [
        (asked.pre_provisioning_hook.is_some(), "preProvisioningHook"),
        (kind != "FLEET_PROVISIONING", "another type than FLEET_PROVISIONING"),
        (!asked.tags.is_empty(), "tags"),
    ];
    if let Some((_, what)) = unsupported.into_iter().find(|(asked_for, _)| *asked_for) {
        return Err(ApiError::unsupported(what));
    }
    check(asked.description.as_deref(), asked.provisioning_role_arn.as_deref())?;
    let settings = TemplateSettings {
        description: asked.description.unwrap_or_default(),
        enabled: asked.enabled,
        role_arn: asked.provisioning_role_arn,
    };
    call.core.create_template(&asked.template_name, &asked.template_body, settings).await?;
    let arn = arn(&call.core.broker.config, "provisioningtemplate", &asked.template_name);
    Ok(Reply::json(&json!({"templateArn": arn, "templateName": asked.template_name, "defaultVersionId": 1})))
}

fn check(description: Option<&str>, role_arn: Option<&str>) -> Result<(), ApiError> {
    if description.is_some_and(|text| text.chars().count() > TEMPLATE_DESCRIPTION_CHARS_MAX) {
        return Err(ApiError::invalid(format!("a description is up to {TEMPLATE_DESCRIPTION_CHARS_MAX} characters")));
    }
    if role_arn.is_some_and(|text| text.chars().count() > ROLE_ARN_CHARS_MAX) {
        return Err(ApiError::invalid(format!("a role's ARN is up to {ROLE_ARN_CHARS_MAX} characters")));
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UpdateTemplate {
    description: Option<String>,
    enabled: Option<bool>,
    default_version_id: Option<u64>,
    provisioning_role_arn: Option<String>,
    pre_provisioning_hook: Option<Value>,
}

/// `PATCH /provisioning-templates/{templateName}`. What is not given stays; there is no hook to remove.
pub(super) async fn update(call: Call<'_>, name: &str) -> Answer {
    let asked: UpdateTemplate = call.request.json()?;
    if asked.pre_provisioning_hook.is_some() {
        return Err(ApiError::unsupported("preProvisioningHook"));
    }
    check(asked.description.as_deref(), asked.provisioning_role_arn.as_deref())?;
    let change = move |settings: &mut TemplateSettings| {
        if let Some(description) = asked.description {
            settings.description = description;
        }
        settings.enabled = asked.enabled.unwrap_or(settings.enabled);
        if let Some(role_arn) = asked.provisioning_role_arn {
            settings.role_arn = Some(role_arn);
        }
    };
    call.core.update_template(name, change, asked.default_version_id).await?;
    Ok(Reply::empty())
}

/// `GET /provisioning-templates/{templateName}`
pub(super) async fn describe(call: Call<'_>, name: &str) -> Answer {
    let template = call.core.get_template(name).await?.ok_or_else(|| Error::not_found("template", name))?;
    let mut described = summary(&call.core.broker.config, &template);
    if let Some(members) = described.as_object_mut() {
        members.insert("templateBody".into(), template.body.into());
        members.insert("defaultVersionId".into(), template.default_version.into());
        members.insert("provisioningRoleArn".into(), template.settings.role_arn.into());
    }
    Ok(Reply::json(&described))
}

/// `GET /provisioning-templates`
pub(super) async fn list(call: Call<'_>) -> Answer {
    let page = Page::of(call.request, "nextToken", "maxResults")?;
    let (templates, next) = page.cut(call.core.list_templates(page.after()).await?, |template| &template.name);
    let templates: Vec<Value> = templates.iter().map(|template| summary(&call.core.broker.config, template)).collect();
    Ok(Reply::json(&json!({"templates": templates, "nextToken": next})))
}

/// `DELETE /provisioning-templates/{templateName}`
pub(super) async fn delete(call: Call<'_>, name: &str) -> Answer {
    call.core.delete_template(name).await?;
    Ok(Reply::empty())
}

/// `POST /provisioning-templates/{templateName}/provisioning-claim`
pub(super) async fn claim(call: Call<'_>, name: &str) -> Answer {
    let (made, expires_ms) = call.core.create_temporary_claim(name).await?;
    Ok(Reply::json(&json!({
        "certificateId": made.certificate_id.to_string(),
        "certificatePem": made.certificate_pem,
        "keyPair": key_pair(&made.private_key_pem)?,
        "expiration": timestamp(expires_ms),
    })))
}

fn summary(config: &Config, template: &ProvisioningTemplate) -> Value {
    json!({
        "templateArn": arn(config, "provisioningtemplate", &template.name),
        "templateName": template.name,
        "description": template.settings.description,
        "enabled": template.settings.enabled,
        "type": "FLEET_PROVISIONING",
        "creationDate": timestamp(template.created_ms),
        "lastModifiedDate": timestamp(template.updated_ms),
    })
}
