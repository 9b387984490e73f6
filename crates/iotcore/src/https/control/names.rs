//! ARNs, ids and times, as AWS writes them.

use serde_json::{Value, json};

use crate::core::Config;
use crate::https::error::ApiError;
use crate::ids::CertificateId;

/// The ARN of a resource, `arn:aws:iot:{region}:{account}:{kind}/{name}`.
pub(super) fn arn(config: &Config, kind: &str, name: impl std::fmt::Display) -> String {
    format!("arn:aws:iot:{}:{}:{kind}/{name}", config.region, config.account)
}

/// The certificate that an ARN names: what policies and things are attached to.
pub(super) fn certificate_of(config: &Config, text: &str) -> Result<CertificateId, ApiError> {
    let prefix = arn(config, "cert", "");
    let id = text.strip_prefix(&prefix).and_then(|id| id.parse().ok());
    id.ok_or_else(|| ApiError::invalid(format!("`{text}` is not the ARN of a certificate: {prefix}{{certificateId}}")))
}

pub(super) fn certificate_id(text: &str) -> Result<CertificateId, ApiError> {
    text.parse().map_err(|error| ApiError::invalid(format!("{error}")))
}

/// Seconds since 1970, as times are in bodies.
pub(super) fn timestamp(ms: u64) -> Value {
    json!(ms as f64 / 1000.0)
}
