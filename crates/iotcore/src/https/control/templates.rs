//! Provisioning templates. API Reference, `CreateProvisioningTemplate`, `DescribeProvisioningTemplate`,
//! `ListProvisioningTemplates`, `DeleteProvisioningTemplate`, `CreateProvisioningClaim`. A template is enabled, has one version and no description.

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
use crate::registry::templates;
use crate::template::Template;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreateTemplate {
    template_name: String,
    template_body: String,
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
        (!asked.enabled, "a template that is not enabled"),
        (asked.pre_provisioning_hook.is_some(), "preProvisioningHook"),
        (kind != "FLEET_PROVISIONING", "another type than FLEET_PROVISIONING"),
        (!asked.tags.is_empty(), "tags"),
    ];
    if let Some((_, what)) = unsupported.into_iter().find(|(asked_for, _)| *asked_for) {
        return Err(ApiError::unsupported(what));
    }
    let (name, body, now_ms) = (asked.template_name, asked.template_body, call.core.broker.clock.now_ms());
    Template::parse(&body).map_err(Error::from)?;
    let job = {
        let name = name.clone();
        move |tx: &mut crate::store::Tx<'_>| {
            if templates::body(tx.connection, &name)?.is_some() {
                return Err(Error::AlreadyExists { kind: "template", name });
            }
            templates::put(tx.connection, &name, &body, now_ms)
        }
    };
    call.core.broker.store.write(job).await?;
    let arn = arn(&call.core.broker.config, "provisioningtemplate", &name);
    Ok(Reply::json(&json!({"templateArn": arn, "templateName": name, "defaultVersionId": 1})))
}

/// `GET /provisioning-templates/{templateName}`
pub(super) async fn describe(call: Call<'_>, name: &str) -> Answer {
    let body = call.core.get_template(name).await?.ok_or_else(|| Error::not_found("template", name))?;
    let mut described = summary(&call.core.broker.config, name);
    if let Some(members) = described.as_object_mut() {
        members.insert("templateBody".into(), body.into());
        members.insert("defaultVersionId".into(), 1.into());
    }
    Ok(Reply::json(&described))
}

/// `GET /provisioning-templates`
pub(super) async fn list(call: Call<'_>) -> Answer {
    let page = Page::of(call.request, "nextToken", "maxResults")?;
    let (names, next) = page.cut(call.core.list_templates(page.after()).await?, String::as_str);
    let templates: Vec<Value> = names.iter().map(|name| summary(&call.core.broker.config, name)).collect();
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

fn summary(config: &Config, name: &str) -> Value {
    json!({
        "templateArn": arn(config, "provisioningtemplate", name),
        "templateName": name,
        "enabled": true,
        "type": "FLEET_PROVISIONING",
    })
}
