//! The canonical form of a request: what is signed of it. AWS Identity and Access Management User Guide, "Elements of an AWS
//! API request signature".

use http::HeaderMap;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use sha2::{Digest, Sha256};

use super::{SignatureError, Signed};

/// What is escaped: all but `A-Za-z0-9-._~`.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// In a path the slashes stay.
const ESCAPED_IN_PATH: &AsciiSet = &ESCAPED.remove(b'/');

pub(super) fn request(request: &Signed<'_>, signed_headers: &[&str]) -> Result<String, SignatureError> {
    let payload = hex::encode(Sha256::digest(request.body));
    if request.headers.get("x-amz-content-sha256").is_some_and(|claimed| claimed.as_bytes() != payload.as_bytes()) {
        return Err(SignatureError::Mismatch);
    }
    Ok(format!(
        "{}\n{}\n{}\n{}\n{}\n{payload}",
        request.method,
        path(request.path),
        query(request.query),
        headers(request.headers, signed_headers)?,
        signed_headers.join(";"),
    ))
}

/// Without empty and dot segments, and escaped once more, as for all services but S3.
fn path(raw: &str) -> String {
    let mut kept = Vec::new();
    for segment in raw.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(kept.pop()),
            segment => kept.push(segment),
        }
    }
    let end = if raw.ends_with('/') && !kept.is_empty() { "/" } else { "" };
    percent_encode(format!("/{}{end}", kept.join("/")).as_bytes(), ESCAPED_IN_PATH).to_string()
}

/// Names and values escaped, in their order.
fn query(raw: &str) -> String {
    let escaped = |text: &str| {
        let bytes: Vec<u8> = percent_decode_str(text).collect();
        percent_encode(&bytes, ESCAPED).to_string()
    };
    let pairs = raw.split('&').filter(|pair| !pair.is_empty());
    let mut pairs: Vec<_> = pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (escaped(name), escaped(value))
        })
        .collect();
    pairs.sort();
    pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

/// A line for each signed header; all `x-amz-` headers must be signed.
fn headers(headers: &HeaderMap, signed: &[&str]) -> Result<String, SignatureError> {
    if headers.keys().any(|name| name.as_str().starts_with("x-amz-") && !signed.contains(&name.as_str())) {
        return Err(SignatureError::Incomplete("all x-amz- headers must be signed"));
    }
    // A session token belongs to temporary credentials, of which there are none.
    if headers.contains_key("x-amz-security-token") {
        return Err(SignatureError::UnknownKey);
    }
    let mut lines = String::new();
    for name in signed {
        let mut values = Vec::new();
        for value in headers.get_all(*name) {
            let value = str::from_utf8(value.as_bytes()).map_err(|_| SignatureError::Mismatch)?;
            values.push(value.split_ascii_whitespace().collect::<Vec<_>>().join(" "));
        }
        if values.is_empty() {
            return Err(SignatureError::Mismatch);
        }
        lines.push_str(&format!("{name}:{}\n", values.join(",")));
    }
    Ok(lines)
}
