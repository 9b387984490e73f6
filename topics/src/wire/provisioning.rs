//! Fleet provisioning over MQTT ("Device provisioning MQTT API"): what a device with a claim writes and reads.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Request of CreateCertificateFromCsr.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateFromCsr {
    /// PEM.
    pub certificate_signing_request: String,
}

/// Its answer.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Created {
    /// Hex SHA-256 of the certificate's DER.
    pub certificate_id: String,
    /// PEM.
    pub certificate_pem: String,
    /// Proves in the next request that the certificate is ours.
    pub certificate_ownership_token: String,
}

/// Request of RegisterThing.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Provision {
    /// From the answer before.
    pub certificate_ownership_token: String,
    /// The template's parameters.
    pub parameters: BTreeMap<String, String>,
}

/// Its answer.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Provisioned {
    /// Who the device is now.
    pub thing_name: String,
}

/// Either request's refusal.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Refused {
    /// HTTP-like status.
    pub status_code: u16,
    /// AWS's code.
    pub error_code: String,
    /// AWS's words.
    pub error_message: String,
}
