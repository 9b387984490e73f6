//! Certificates. API Reference, `CreateKeysAndCertificate`, `CreateCertificateFromCsr`, `RegisterCertificateWithoutCA`,
//! `DescribeCertificate`, `ListCertificates`, `UpdateCertificate`, `DeleteCertificate`.

use rcgen::KeyPair;
use serde::Deserialize;
use serde_json::{Value, json};
use x509_parser::pem::parse_x509_pem;

use super::names::{arn, certificate_id, timestamp};
use crate::control::KeysAndCertificate;
use crate::core::Config;
use crate::error::Error;
use crate::https::error::ApiError;
use crate::https::page::Page;
use crate::https::reply::Reply;
use crate::https::route::{Answer, Call};
use crate::ids::Status;
use crate::registry::certificates::Certificate;

/// `POST /keys-and-certificate?setAsActive={true|false}`
pub(super) async fn create_with_keys(call: Call<'_>) -> Answer {
    let made = call.core.create_keys_and_certificate(call.request.flag("setAsActive")?).await?;
    let KeysAndCertificate { certificate_id, certificate_pem, private_key_pem } = made;
    Ok(Reply::json(&json!({
        "certificateArn": arn(&call.core.broker.config, "cert", certificate_id),
        "certificateId": certificate_id.to_string(),
        "certificatePem": certificate_pem,
        "keyPair": key_pair(&private_key_pem)?,
    })))
}

/// Both keys, in PEM.
pub(super) fn key_pair(private_key_pem: &str) -> Result<Value, ApiError> {
    let key = KeyPair::from_pem(private_key_pem).map_err(|error| ApiError::internal(&error))?;
    Ok(json!({"PublicKey": key.public_key_pem(), "PrivateKey": private_key_pem}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreateCertificateFromCsr {
    certificate_signing_request: String,
}

/// `POST /certificates?setAsActive={true|false}`
pub(super) async fn create_from_csr(call: Call<'_>) -> Answer {
    let active = call.request.flag("setAsActive")?;
    let CreateCertificateFromCsr { certificate_signing_request } = call.request.json()?;
    let made = call.core.create_certificate_from_csr(&certificate_signing_request, active).await?;
    Ok(Reply::json(&json!({
        "certificateArn": arn(&call.core.broker.config, "cert", made.id),
        "certificateId": made.id.to_string(),
        "certificatePem": made.pem,
    })))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RegisterCertificateWithoutCa {
    certificate_pem: String,
    status: Option<String>,
}

/// `POST /certificate/register-no-ca`. Inactive, unless its status is said.
pub(super) async fn register_without_ca(call: Call<'_>) -> Answer {
    let asked: RegisterCertificateWithoutCa = call.request.json()?;
    let status = asked.status.as_deref().map_or(Ok(Status::Inactive), str::parse);
    let status = status.map_err(|error| ApiError::invalid(format!("{error}")))?;
    let registered = call.core.register_certificate_without_ca(&asked.certificate_pem, status).await?;
    Ok(Reply::json(&json!({
        "certificateArn": arn(&call.core.broker.config, "cert", registered.id),
        "certificateId": registered.id.to_string(),
    })))
}

/// `GET /certificates/{certificateId}`
pub(super) async fn describe(call: Call<'_>, id: &str) -> Answer {
    let id = certificate_id(id)?;
    let certificate = call.core.describe_certificate(id).await?.ok_or_else(|| Error::no_certificate(&id))?;
    let config = &call.core.broker.config;
    let mut described = summary(config, &certificate);
    if let Some(members) = described.as_object_mut() {
        members.insert("certificatePem".into(), certificate.pem.as_str().into());
        members.insert("ownedBy".into(), config.account.as_str().into());
        members.insert("validity".into(), validity(&certificate.pem).unwrap_or_default());
    }
    Ok(Reply::json(&json!({"certificateDescription": described})))
}

/// `GET /certificates`, in the order of ids whatever `isAscendingOrder` says.
pub(super) async fn list(call: Call<'_>) -> Answer {
    let page = Page::of(call.request, "marker", "pageSize")?;
    let after = Some(page.after()).filter(|after| !after.is_empty()).map(certificate_id).transpose()?;
    let certificates = call.core.list_certificates(after).await?;
    let certificates = certificates.into_iter().map(|certificate| (certificate.id.to_string(), certificate));
    let (certificates, next) = page.cut(certificates.collect(), |(id, _)| id);
    let config = &call.core.broker.config;
    let certificates: Vec<Value> = certificates.iter().map(|(_, certificate)| summary(config, certificate)).collect();
    Ok(Reply::json(&json!({"certificates": certificates, "nextMarker": next})))
}

/// `PUT /certificates/{certificateId}?newStatus={status}`
pub(super) async fn update(call: Call<'_>, id: &str) -> Answer {
    let status = call.request.query("newStatus").unwrap_or_default();
    let status: Status = status.parse().map_err(|error| ApiError::invalid(format!("{error}")))?;
    call.core.update_certificate(certificate_id(id)?, status).await?;
    Ok(Reply::empty())
}

/// `DELETE /certificates/{certificateId}?forceDelete={true|false}`. With it, the certificate's policies are detached.
pub(super) async fn delete(call: Call<'_>, id: &str) -> Answer {
    let (id, force) = (certificate_id(id)?, call.request.flag("forceDelete")?);
    call.core.delete_unattached_certificate(id, force).await?;
    Ok(Reply::empty())
}

fn summary(config: &Config, certificate: &Certificate) -> Value {
    json!({
        "certificateArn": arn(config, "cert", certificate.id),
        "certificateId": certificate.id.to_string(),
        "status": certificate.status.as_str(),
        "creationDate": timestamp(certificate.created_ms),
        "certificateMode": if certificate.is_foreign { "SNI_ONLY" } else { "DEFAULT" },
    })
}

fn validity(pem: &str) -> Option<Value> {
    let (_, pem) = parse_x509_pem(pem.as_bytes()).ok()?;
    let certificate = pem.parse_x509().ok()?;
    let validity = certificate.validity();
    Some(json!({"notBefore": validity.not_before.timestamp(), "notAfter": validity.not_after.timestamp()}))
}
