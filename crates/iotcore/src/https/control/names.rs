//! ARNs, ids and times, as AWS writes them.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::core::Config;
use crate::https::error::ApiError;
use crate::https::reply::uuid;
use crate::ids::CertificateId;
use crate::registry::policies::PolicyTarget;

const CERTIFICATE: &str = "cert";
/// The kind of a thing in its ARN.
pub(super) const THING: &str = "thing";
/// The kind of a thing group in its ARN.
pub(super) const GROUP: &str = "thinggroup";

/// The ARN of a resource, `arn:aws:iot:{region}:{account}:{kind}/{name}`.
pub(super) fn arn(config: &Config, kind: &str, name: impl std::fmt::Display) -> String {
    format!("arn:aws:iot:{}:{}:{kind}/{name}", config.region, config.account)
}

/// The name of a resource of this kind, by its ARN.
fn name_in<'a>(config: &Config, kind: &str, text: &'a str) -> Result<&'a str, ApiError> {
    let prefix = arn(config, kind, "");
    text.strip_prefix(&prefix).ok_or_else(|| ApiError::invalid(format!("`{text}` is not an ARN of {prefix}")))
}

/// The name of what is named by its name, its ARN or both, which then agree.
pub(super) fn by_name_or_arn(
    config: &Config,
    kind: &str,
    name: Option<String>,
    arn: Option<&str>,
) -> Result<String, ApiError> {
    let by_arn = arn.map(|arn| name_in(config, kind, arn)).transpose()?;
    match (name, by_arn) {
        (Some(name), Some(by_arn)) if name != by_arn => {
            Err(ApiError::invalid(format!("the {kind}'s name and its ARN name two: `{name}` and `{by_arn}`")))
        }
        (Some(name), _) => Ok(name),
        (None, Some(by_arn)) => Ok(by_arn.to_owned()),
        (None, None) => Err(ApiError::invalid(format!("neither a name nor an ARN of a {kind} is given"))),
    }
}

/// The certificate that an ARN names: what things are attached to.
pub(super) fn certificate_of(config: &Config, text: &str) -> Result<CertificateId, ApiError> {
    certificate_id(name_in(config, CERTIFICATE, text)?)
}

/// What an ARN names: the certificate or thing group that policies are attached to.
pub(super) fn target_of(config: &Config, text: &str) -> Result<PolicyTarget, ApiError> {
    match name_in(config, GROUP, text) {
        Ok(group) => Ok(PolicyTarget::Group(group.to_owned())),
        Err(_) => certificate_of(config, text).map(PolicyTarget::Certificate),
    }
}

/// The ARN of what policies are attached to.
pub(super) fn target_arn(config: &Config, target: &PolicyTarget) -> String {
    match target {
        PolicyTarget::Certificate(id) => arn(config, CERTIFICATE, id),
        PolicyTarget::Group(name) => arn(config, GROUP, name),
    }
}

pub(super) fn certificate_id(text: &str) -> Result<CertificateId, ApiError> {
    text.parse().map_err(|error| ApiError::invalid(format!("{error}")))
}

/// The number of a version, in a path.
pub(super) fn version(text: &str) -> Result<u64, ApiError> {
    text.parse().map_err(|_| ApiError::invalid(format!("`{text}` is not the number of a version")))
}

/// The id of a thing or thing group, which differs when it is created again under its name, as AWS's does.
pub(super) fn registry_id(created_ms: u64, name: &str) -> String {
    let hash: [u8; 32] = Sha256::digest(format!("{created_ms}\n{name}")).into();
    uuid(hash.first_chunk().copied().unwrap_or_default())
}

/// Seconds since 1970, as times are in bodies.
pub(super) fn timestamp(ms: u64) -> Value {
    json!(ms as f64 / 1000.0)
}
