//! The pre-provisioning hook: AWS IoT asks whether a device may become a satellite (AWS IoT Core, "Pre-provisioning hooks").
//!
//! Anything but a yes is a no.

use marvain_domain::{Timestamp, chain};
use marvain_hub::{
    Hub,
    people::{EnrolmentRequest, RequestError, Secret},
};
use marvain_topics::table::{PARAMETER_CODE, PARAMETER_SERIAL};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// What AWS IoT asks: "Pre-provision hook input". What else is in it is not looked at.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Question {
    claim_certificate_id: String,
    certificate_id: String,
    #[serde(default)]
    parameters: BTreeMap<String, String>,
}

/// What it is answered: "Pre-provision hook return value".
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// May it?
    pub allow_provisioning: bool,
    /// Parameters in place of the device's: none, because the hub keeps its facts to itself.
    pub parameter_overrides: BTreeMap<String, String>,
}

/// Decides. An error is logged, and a no.
pub async fn decide(hub: &Hub, event: Value, now: Timestamp) -> Decision {
    let allow_provisioning = match serde_json::from_value(event) {
        Ok(question) => enrols(hub, question, now).await,
        Err(error) => {
            tracing::error!(%error, "the event is no question of AWS IoT's");
            false
        }
    };
    Decision { allow_provisioning, parameter_overrides: BTreeMap::new() }
}

async fn enrols(hub: &Hub, question: Question, now: Timestamp) -> bool {
    let Question { claim_certificate_id, certificate_id, mut parameters } = question;
    let mut parameter = |name: &str| parameters.remove(name).unwrap_or_default();
    let serial = parameter(PARAMETER_SERIAL);
    let code = Secret::presented(&parameter(PARAMETER_CODE));
    let request = EnrolmentRequest { serial, code, certificate_id, claim_certificate_id };
    match hub.enrol(&request, now).await {
        Ok(satellite) => {
            tracing::info!(satellite = %satellite.id, "enrolled");
            true
        }
        Err(RequestError::Conflict(why) | RequestError::Invalid(why)) => {
            tracing::warn!(why, "an enrolment is refused");
            false
        }
        Err(error) => {
            tracing::error!(error = chain(&error), "an enrolment cannot be decided, so it is refused");
            false
        }
    }
}
