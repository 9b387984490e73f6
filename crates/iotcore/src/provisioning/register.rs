//! `RegisterThing`: the hook decides, the template says what, and one commit makes all of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use tokio::time::timeout;

use super::error::Rejection;
use super::tokens;
use crate::broker::{Broker, Connected};
use crate::ids::{CertificateId, Status};
use crate::limits::HOOK_TIMEOUT;
use crate::ports::HookRequest;
use crate::registry::principal::status;
use crate::registry::{certificates, groups, policies, templates, things};
use crate::store::Tx;
use crate::template::{CertificateStatus, Override, PolicyRef, ProvisioningPlan, Template};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RegisterRequest {
    certificate_ownership_token: String,
    #[serde(default)]
    parameters: BTreeMap<String, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Registered {
    device_configuration: Map<String, Value>,
    thing_name: String,
}

pub(super) async fn register(
    broker: &Arc<Broker>,
    connected: &Connected,
    template_name: &str,
    payload: &[u8],
) -> Result<Registered, Rejection> {
    let RegisterRequest { certificate_ownership_token: token, mut parameters } =
        serde_json::from_slice(payload).map_err(Rejection::Payload)?;
    let now_ms = broker.clock.now_ms();
    let (body, certificate_id) = {
        let (name, token) = (template_name.to_owned(), token.clone());
        let read = move |connection: &rusqlite::Connection| {
            let Some(template) = templates::get(connection, &name)? else { return Err(Rejection::NoTemplate(name)) };
            if !template.settings.enabled {
                return Err(Rejection::Disabled(name));
            }
            Ok((template.body, tokens::certificate(connection, &token, now_ms)?))
        };
        broker.store.read(read).await?
    };
    let template = Template::parse(&body)?;
    if let Some(hook) = &broker.hook {
        let request = HookRequest {
            template: template_name.into(),
            certificate_id,
            claim_certificate_id: connected.certificate_id,
            client_id: Arc::clone(&connected.client_id),
            parameters: parameters.clone(),
        };
        let decision = timeout(HOOK_TIMEOUT, hook.decide(request)).await;
        let decision = decision.map_err(|_| Rejection::HookTimeout)?.map_err(Rejection::Hook)?;
        if !decision.allow {
            return Err(Rejection::Denied);
        }
        parameters.extend(decision.parameter_overrides);
    }
    let plan = template.plan(&parameters, &certificate_id.to_string())?;
    let registered =
        Registered { device_configuration: plan.device_configuration.clone(), thing_name: plan.thing_name.to_string() };
    let (claim, broker_of_job) = (connected.certificate_id, Arc::clone(broker));
    let job = move |tx: &mut Tx<'_>| -> Result<(), Rejection> {
        if status(tx.connection, claim)? != Some(Status::Active) {
            return Err(Rejection::Claim);
        }
        let certificate = tokens::redeem(tx.connection, &token, now_ms)?;
        apply(tx, &plan, certificate, now_ms)?;
        broker_of_job.registry_changed(tx);
        Ok(())
    };
    broker.store.write(job).await?;
    Ok(registered)
}

fn apply(tx: &mut Tx<'_>, plan: &ProvisioningPlan, certificate: CertificateId, now_ms: u64) -> Result<(), Rejection> {
    let connection = tx.connection;
    let name = &plan.thing_name;
    let existing = things::get(connection, name)?;
    let is_new = existing.is_none();
    let (thing_type, attributes) = match existing {
        None => (plan.thing_type.clone(), plan.attributes.clone()),
        Some(thing) => {
            let conflict = || Rejection::Conflict(name.to_string());
            let attributes = match plan.overrides.attributes {
                Override::DoNothing => thing.attributes,
                Override::Replace => plan.attributes.clone(),
                Override::Merge => thing.attributes.into_iter().chain(plan.attributes.clone()).collect(),
                Override::Fail if thing.attributes == plan.attributes => thing.attributes,
                Override::Fail => return Err(conflict()),
            };
            let thing_type = match plan.overrides.thing_type {
                Override::DoNothing | Override::Merge => thing.type_name,
                Override::Replace => plan.thing_type.clone(),
                Override::Fail if thing.type_name == plan.thing_type => thing.type_name,
                Override::Fail => return Err(conflict()),
            };
            (thing_type, attributes)
        }
    };
    things::put(connection, name, thing_type.as_deref(), &attributes, now_ms)?;
    apply_groups(tx, plan, is_new)?;
    things::attach(connection, name, certificate)?;
    for policy in &plan.policies {
        match policy {
            PolicyRef::Name(policy) => policies::attach(connection, policy, certificate)?,
            PolicyRef::Document(document) => {
                let policy = hex::encode(Sha256::digest(document));
                policies::create(connection, &policy, document, now_ms)?;
                policies::attach(connection, &policy, certificate)?;
            }
        }
    }
    // Its token is unused, so the certificate's status is that of a new one: there is nothing to override.
    let status = match plan.certificate_status {
        CertificateStatus::Active => Status::Active,
        CertificateStatus::Inactive => Status::Inactive,
    };
    Ok(certificates::set_status(connection, certificate, status)?)
}

/// The groups must exist. Developer Guide, "Provisioning templates", override settings.
fn apply_groups(tx: &mut Tx<'_>, plan: &ProvisioningPlan, is_new: bool) -> Result<(), Rejection> {
    let (connection, name) = (tx.connection, &plan.thing_name);
    let present = groups::direct(connection, name)?;
    match plan.overrides.groups {
        Override::DoNothing if !is_new => return Ok(()),
        Override::Fail if !is_new => {
            let wanted: BTreeSet<_> = plan.groups.iter().collect();
            return if present.iter().collect::<BTreeSet<_>>() == wanted {
                Ok(())
            } else {
                Err(Rejection::Conflict(name.to_string()))
            };
        }
        Override::Replace => {
            for group in present.iter().filter(|group| !plan.groups.contains(group)) {
                groups::remove(connection, name, group)?;
            }
        }
        Override::DoNothing | Override::Fail | Override::Merge => {}
    }
    for group in &plan.groups {
        groups::add(connection, name, group)?;
    }
    Ok(())
}
