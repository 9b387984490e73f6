//! The `Authorization` header.

use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::SignatureError;

/// What it says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Authorization<'a> {
    pub(super) key_id: &'a str,
    pub(super) day: &'a str,
    pub(super) region: &'a str,
    pub(super) service: &'a str,
    /// In lower case, ascending, `host` and `x-amz-date` among them.
    pub(super) signed_headers: Vec<&'a str>,
    pub(super) signature: [u8; 32],
}

impl<'a> Authorization<'a> {
    pub(super) fn of(headers: &'a HeaderMap) -> Result<Self, SignatureError> {
        let mut all = headers.get_all(AUTHORIZATION).iter();
        let only = all.next().ok_or(SignatureError::Missing)?;
        if all.next().is_some() {
            return Err(SignatureError::Incomplete("there is more than one"));
        }
        Self::parse(only.to_str().map_err(|_| SignatureError::Incomplete("it is not ASCII"))?)
    }

    fn parse(text: &'a str) -> Result<Self, SignatureError> {
        use SignatureError::Incomplete;
        let parts = text.strip_prefix("AWS4-HMAC-SHA256 ").ok_or(Incomplete("it is not AWS4-HMAC-SHA256"))?;
        let (mut credential, mut signed_headers, mut signature) = (None, None, None);
        for part in parts.split(',') {
            let known = match part.trim().split_once('=') {
                Some(("Credential", value)) => credential.replace(value).is_none(),
                Some(("SignedHeaders", value)) => signed_headers.replace(value).is_none(),
                Some(("Signature", value)) => signature.replace(value).is_none(),
                _ => false,
            };
            if !known {
                return Err(Incomplete("it has a part that is unknown or there twice"));
            }
        }
        let (Some(credential), Some(signed_headers), Some(signature)) = (credential, signed_headers, signature) else {
            return Err(Incomplete("it needs Credential, SignedHeaders and Signature"));
        };
        let scope: Vec<&str> = credential.split('/').collect();
        let [key_id, day, region, service, "aws4_request"] = scope[..] else {
            return Err(Incomplete("Credential is key/day/region/service/aws4_request"));
        };
        let signed_headers: Vec<&str> = signed_headers.split(';').collect();
        check_signed(&signed_headers)?;
        let mut bytes = [0; 32];
        hex::decode_to_slice(signature, &mut bytes).map_err(|_| Incomplete("Signature is 64 hex digits"))?;
        Ok(Self { key_id, day, region, service, signed_headers, signature: bytes })
    }
}

fn check_signed(names: &[&str]) -> Result<(), SignatureError> {
    if !names.is_sorted_by(|before, after| before < after) {
        return Err(SignatureError::Incomplete("SignedHeaders are not in order"));
    }
    if !["host", "x-amz-date"].iter().all(|needed| names.contains(needed)) {
        return Err(SignatureError::Incomplete("host and x-amz-date must be signed"));
    }
    Ok(())
}
