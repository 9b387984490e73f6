//! The oracle is botocore: `vectors.json` has requests that its `SigV4Auth` signed with the example key of AWS's guide, its
//! clock at 2015-08-30T12:36:00Z; and one is AWS's own, `get-vanilla` of its test suite.

use http::{HeaderName, HeaderValue};
use serde::Deserialize;

use super::*;

const NOW_S: u64 = 1_440_938_160;

#[derive(Clone, Deserialize)]
struct Vector {
    method: String,
    target: String,
    headers: std::collections::BTreeMap<String, String>,
    body: String,
}

fn vectors() -> Vec<Vector> {
    serde_json::from_str(include_str!("vectors.json")).unwrap()
}

fn keys() -> Keys {
    Keys::new(vec![AccessKey::new("AKIDEXAMPLEKEYID", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY").unwrap()])
}

fn check(vector: &Vector, region: &str, now_s: u64) -> Result<(), SignatureError> {
    let mut headers = HeaderMap::new();
    for (name, value) in &vector.headers {
        headers.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
    }
    let (path, query) = vector.target.split_once('?').unwrap_or((&vector.target, ""));
    let signed = Signed { method: &vector.method, path, query, headers: &headers, body: vector.body.as_bytes() };
    verify(&signed, &keys(), region, now_s).map(drop)
}

/// One request, with one thing about it changed.
fn changed(change: impl FnOnce(&mut Vector)) -> Result<(), SignatureError> {
    let mut vector = vectors().remove(2);
    change(&mut vector);
    check(&vector, "us-east-1", NOW_S)
}

fn authorization(vector: &mut Vector, from: &str, to: &str) {
    let header = vector.headers.get_mut("authorization").unwrap();
    assert!(header.contains(from));
    *header = header.replace(from, to);
}

#[test]
fn what_botocore_has_signed_is_taken() {
    for vector in vectors() {
        assert_eq!(check(&vector, "us-east-1", NOW_S), Ok(()), "{}", vector.target);
    }
}

/// The service of AWS's own vector is none that is served here, so its parts are checked.
#[test]
fn aws_own_vector() {
    let mut headers = HeaderMap::new();
    headers.insert("host", HeaderValue::from_static("example.amazonaws.com"));
    headers.insert("x-amz-date", HeaderValue::from_static("20150830T123600Z"));
    let request = Signed { method: "GET", path: "/", query: "", headers: &headers, body: b"" };
    let canonical = canonical::request(&request, &["host", "x-amz-date"]).unwrap();
    let hash = hex::encode(Sha256::digest(canonical));
    assert_eq!(hash, "bb579772317eb040ac9ed261061d46c1f17a8133879d6129b6e1c25292927e63");
    let to_sign = format!("AWS4-HMAC-SHA256\n20150830T123600Z\n20150830/us-east-1/service/aws4_request\n{hash}");
    let key = signing_key("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "20150830", "us-east-1", "service");
    let signature = hmac::sign(&key, to_sign.as_bytes());
    assert_eq!(hex::encode(signature), "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
}

#[test]
fn whatever_is_signed_cannot_be_changed() {
    assert_eq!(changed(|_| {}), Ok(()));
    type Change = fn(&mut Vector);
    let changes: [(&str, Change); 12] = [
        ("method", |vector| vector.method = "PUT".into()),
        ("path", |vector| vector.target = vector.target.replace("den", "ben")),
        ("escapes of the path", |vector| vector.target = vector.target.replace("%2F", "/")),
        ("query", |vector| vector.target = vector.target.replace("qos=1", "qos=0")),
        ("query, more", |vector| vector.target.push_str("&x=y")),
        ("body", |vector| vector.body.push(' ')),
        ("host", |vector| drop(vector.headers.insert("host".into(), "elsewhere".into()))),
        ("header", |vector| drop(vector.headers.remove("x-amz-mqtt5-correlation-data"))),
        ("time", |vector| drop(vector.headers.insert("x-amz-date".into(), "20150830T123601Z".into()))),
        ("service", |vector| authorization(vector, "/iotdata/", "/iot/")),
        ("signature", |vector| authorization(vector, "Signature=2d", "Signature=2e")),
        ("hash", |vector| {
            vector.headers.insert("x-amz-content-sha256".into(), "00".into());
            authorization(vector, "host;", "host;x-amz-content-sha256;");
        }),
    ];
    for (what, change) in changes {
        assert_eq!(changed(change), Err(SignatureError::Mismatch), "{what}");
    }
}

#[test]
fn scope_time_and_key_must_fit() {
    let vector = vectors().remove(0);
    assert_eq!(check(&vector, "us-east-1", NOW_S + 300), Ok(()));
    assert_eq!(check(&vector, "us-east-1", NOW_S - 300), Ok(()));
    let skew = Err(SignatureError::Skew("20150830T123600Z".into()));
    assert_eq!(check(&vector, "us-east-1", NOW_S + 301), skew);
    assert_eq!(check(&vector, "us-east-1", NOW_S - 301), skew);
    assert!(matches!(check(&vector, "local", NOW_S), Err(SignatureError::Scope(_))));
    let scope = |from, to| changed(|vector| authorization(vector, from, to));
    assert!(matches!(scope("/iotdata/", "/s3/"), Err(SignatureError::Scope(_))));
    assert!(matches!(scope("20150830/", "20150829/"), Err(SignatureError::Scope(_))));
    assert_eq!(scope("AKIDEXAMPLEKEYID", "AKIDSOMEBODYELSE"), Err(SignatureError::UnknownKey));
}

#[test]
fn what_is_not_understood_is_refused() {
    assert_eq!(changed(|vector| drop(vector.headers.remove("authorization"))), Err(SignatureError::Missing));
    let refused = |from, to| {
        let result = changed(|vector| authorization(vector, from, to));
        assert!(matches!(result, Err(SignatureError::Incomplete(_))), "{from} {to} {result:?}");
    };
    refused("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256");
    refused("Credential=", "Credentials=");
    refused(", Signature", ", Signature=00, Signature");
    refused("aws4_request", "aws3_request");
    refused("host;", "");
    refused("host;x-amz-date", "x-amz-date;host");
    refused(";x-amz-mqtt5-correlation-data", "");
    refused("Signature=2d", "Signature=zz");
    refused("Signature=2d", "Signature=");
    let result = changed(|vector| drop(vector.headers.insert("x-amz-date".into(), "Sun, 30 Aug".into())));
    assert!(matches!(result, Err(SignatureError::Incomplete(_))));
    let token = changed(|vector| {
        vector.headers.insert("x-amz-security-token".into(), "token".into());
        authorization(vector, "x-amz-mqtt5-correlation-data", "x-amz-mqtt5-correlation-data;x-amz-security-token");
    });
    assert_eq!(token, Err(SignatureError::UnknownKey));
}

#[test]
fn a_key_shows_no_secret() {
    assert!(!format!("{:?}", keys()).contains("wJalr"));
    let secret = "s".repeat(40);
    for (id, secret) in [("short", &*secret), ("AKIDEXAMPLEKEYID", ""), ("AKID/XAMPLEKEYID", &secret)] {
        assert_eq!(AccessKey::new(id, secret), Err(AccessKeyError), "{id}");
    }
}
