//! What must hold of HTTPS requests, whatever is sent: of their targets, their headers and their signatures.

use bytes::Bytes;
use http::header::{AUTHORIZATION, HOST, HeaderName, HeaderValue};
use http::request::Parts;

use super::page::Page;
use super::request::Request;
use super::sigv4::{AccessKey, Keys, SKEW_S_MAX, sign, verify};
use super::{AccessKeyError, data};

const REGION: &str = "us-east-1";
const DATE: &str = "20150830T123600Z";
/// The time that [`DATE`] says.
const NOW_S: u64 = 1_440_938_160;
/// As long as the server lets it be; the target is what is expensive.
const INPUT_BYTES_MAX: usize = 16 * 1024;

/// The input is a request as HTTP/1.1 has it: request line, headers, an empty line, the body; its lines end in LF. Nobody
/// else's signature is taken; its own is, and not for another request.
pub fn fuzz_requests(input: &[u8]) {
    let Some(request) = request(input.get(..INPUT_BYTES_MAX).unwrap_or(input)) else { return };
    check_parts(&request);
    let Ok((keys, others)) = keys() else { return };
    let verified = |request: &Request, keys: &Keys| verify(&request.signed(), keys, REGION, NOW_S).is_ok();
    // Whoever signed the examples had this key's id and another secret.
    assert!(!verified(&request, &others));

    let (Some(signed), Some(forged)) = (signed(input, b""), signed(input, b" ")) else { return };
    assert!(verified(&signed, &keys) && !verified(&signed, &others));
    assert!(verify(&signed.signed(), &keys, REGION, NOW_S + SKEW_S_MAX + 1).is_err());
    assert!(verify(&signed.signed(), &keys, "local", NOW_S).is_err());
    // The same signature, and a body that is not what was signed.
    assert!(!verified(&forged, &keys));
}

fn keys() -> Result<(Keys, Keys), AccessKeyError> {
    let key = |secret: &str| AccessKey::new("AKIDEXAMPLEKEYID", secret).map(|key| Keys::new(vec![key]));
    Ok((key("a-secret-of-its-own")?, key("the-secret-of-others")?))
}

fn check_parts(request: &Request) {
    let segments = request.path();
    assert!(!segments.is_empty());
    if let Ok(page) = Page::of(request, "nextToken", "maxResults") {
        let (items, _) = page.cut(vec![page.after(); 300], |item| item);
        assert!((1..=250).contains(&items.len()));
    }
    let _read = (request.flag("isPrimary"), request.number("qos"), request.without(&["cleanSession"]));
    data::check_properties(request);
}

/// Head and body, as hyper would hand them over.
fn head_and_body(input: &[u8]) -> Option<(Parts, Bytes)> {
    let at = input.windows(2).position(|window| window == b"\n\n").unwrap_or(input.len());
    let (head, body) = input.split_at(at);
    let mut lines = str::from_utf8(head).ok()?.lines();
    let (method, target) = lines.next()?.split_once(' ')?;
    let mut builder = http::Request::builder().method(method).uri(target);
    for line in lines {
        let (name, value) = line.split_once(':')?;
        builder = builder.header(name, value.trim());
    }
    let (head, ()) = builder.body(()).ok()?.into_parts();
    Some((head, Bytes::copy_from_slice(body.get(2..).unwrap_or_default())))
}

fn request(input: &[u8]) -> Option<Request> {
    let (head, body) = head_and_body(input)?;
    Request::new(head, body).ok()
}

/// The request with a signature that is right, and something appended to its body afterwards.
fn signed(input: &[u8], appended: &[u8]) -> Option<Request> {
    let (mut head, body) = head_and_body(input)?;
    for name in [AUTHORIZATION, HeaderName::from_static("x-amz-content-sha256")] {
        head.headers.remove(name);
    }
    head.headers.remove("x-amz-security-token");
    head.headers.insert(HOST, HeaderValue::from_static("localhost"));
    head.headers.insert("x-amz-date", HeaderValue::from_static(DATE));
    let unsigned = Request::new(head.clone(), body.clone()).ok()?;
    let authorization = sign(&unsigned.signed(), "AKIDEXAMPLEKEYID", "a-secret-of-its-own", REGION, "iotdata").ok()?;
    head.headers.insert(AUTHORIZATION, HeaderValue::from_str(&authorization).ok()?);
    Request::new(head, [&body, appended].concat().into()).ok()
}
