//! Verifies AWS Signature Version 4 in the `Authorization` header: the request is signed again with the key that it names, and
//! the signatures are compared in constant time. AWS Identity and Access Management User Guide, "Create a signed AWS API
//! request".
//!
//! What AWS takes and this does not: signatures in the query, temporary credentials (session tokens), `Date` instead of
//! `X-Amz-Date`, and payloads left out of the signature. It knows no time and no socket.

mod authorization;
mod canonical;
mod date;
mod keys;
#[cfg(test)]
mod tests;

use aws_lc_rs::hmac;
use http::HeaderMap;
use sha2::{Digest, Sha256};

use authorization::Authorization;
use date::AmzDate;

pub(super) use keys::Keys;
pub use keys::{AccessKey, AccessKeyError};

/// How far the time of a signature may be from ours, in seconds: "five minutes" of the guide.
pub(super) const SKEW_S_MAX: u64 = 5 * 60;
/// What a request is signed for. botocore's models, `signingName`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    /// The control plane, `iot`.
    Control,
    /// The data plane, `iot-data`.
    Data,
    /// The data plane of jobs, `iot-jobs-data`.
    JobsData,
}

impl Service {
    const ALL: [Self; 3] = [Self::Control, Self::Data, Self::JobsData];

    const fn name(self) -> &'static str {
        match self {
            Self::Control => "iot",
            Self::Data => "iotdata",
            Self::JobsData => "iot-jobs-data",
        }
    }
}

/// A request as it came over the wire.
#[derive(Debug, Clone, Copy)]
pub(super) struct Signed<'a> {
    pub(super) method: &'a str,
    /// As in the request line, percent-encoded.
    pub(super) path: &'a str,
    /// As in the request line, percent-encoded.
    pub(super) query: &'a str,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a [u8],
}

/// Why a signature is not taken. The texts are those that AWS's services answer with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum SignatureError {
    #[error("Missing Authentication Token")]
    Missing,
    #[error("Authorization header is not well formed: {0}")]
    Incomplete(&'static str),
    #[error("The security token included in the request is invalid.")]
    UnknownKey,
    #[error("Credential should be scoped to {0}.")]
    Scope(String),
    #[error("Signature expired or not yet current: {0} is more than 5 minutes away from this server's time.")]
    Skew(String),
    #[error(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and \
         signing method. Consult the service documentation for details."
    )]
    Mismatch,
}

/// What one of `keys` has signed the request for, in this region and at about `now_s`.
pub(super) fn verify(request: &Signed<'_>, keys: &Keys, region: &str, now_s: u64) -> Result<Service, SignatureError> {
    let authorization = Authorization::of(request.headers)?;
    let date = date::of(request.headers)?;
    let signed_for = check_scope(&authorization, date.day(), region)?;
    if date.unix_s().is_none_or(|signed_s| signed_s.abs_diff(now_s) > SKEW_S_MAX) {
        return Err(SignatureError::Skew(date.text().into()));
    }
    let canonical = canonical::request(request, &authorization.signed_headers)?;
    let Authorization { region, service, .. } = &authorization;
    let to_sign = to_sign(date, region, service, &canonical);
    let secret = keys.secret(authorization.key_id).ok_or(SignatureError::UnknownKey)?;
    let key = signing_key(secret, date.day(), region, service);
    hmac::verify(&key, to_sign.as_bytes(), &authorization.signature).map_err(|_| SignatureError::Mismatch)?;
    Ok(signed_for)
}

fn check_scope(authorization: &Authorization<'_>, day: &str, region: &str) -> Result<Service, SignatureError> {
    let wrong = |expected: String| Err(SignatureError::Scope(expected));
    if authorization.region != region {
        return wrong(format!("a valid region, not '{}'", authorization.region));
    }
    let Some(service) = Service::ALL.into_iter().find(|service| service.name() == authorization.service) else {
        return wrong(format!("correct service: '{}'", Service::ALL.map(Service::name).join("', '")));
    };
    if authorization.day != day {
        return wrong("the day of the request's X-Amz-Date".into());
    }
    Ok(service)
}

fn to_sign(date: AmzDate<'_>, region: &str, service: &str, canonical: &str) -> String {
    let (text, day, hash) = (date.text(), date.day(), hex::encode(Sha256::digest(canonical)));
    format!("AWS4-HMAC-SHA256\n{text}\n{day}/{region}/{service}/aws4_request\n{hash}")
}

fn signing_key(secret: &str, day: &str, region: &str, service: &str) -> hmac::Key {
    let first = hmac::Key::new(hmac::HMAC_SHA256, format!("AWS4{secret}").as_bytes());
    [day, region, service, "aws4_request"].into_iter().fold(first, |key, part| {
        let derived = hmac::sign(&key, part.as_bytes());
        hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref())
    })
}

/// The `Authorization` header of a request that has `host` and `x-amz-date`, with all its headers signed.
#[cfg(any(test, feature = "fuzzing"))]
pub(super) fn sign(
    request: &Signed<'_>,
    key_id: &str,
    secret: &str,
    region: &str,
    service: &str,
) -> Result<String, SignatureError> {
    let date = date::of(request.headers)?;
    let mut names: Vec<&str> = request.headers.keys().map(http::HeaderName::as_str).collect();
    names.sort_unstable();
    let canonical = canonical::request(request, &names)?;
    let key = signing_key(secret, date.day(), region, service);
    let signature = hex::encode(hmac::sign(&key, to_sign(date, region, service, &canonical).as_bytes()));
    let (day, names) = (date.day(), names.join(";"));
    let credential = format!("{key_id}/{day}/{region}/{service}/aws4_request");
    Ok(format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}"))
}
