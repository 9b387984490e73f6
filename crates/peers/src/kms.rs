//! A stand-in for AWS KMS with Ed25519 keys, which no emulator has: `GetPublicKey` and `Sign`, over AWS JSON 1.1.
//!
//! Shapes, limits and errors are those of the API reference ("GetPublicKey", "Sign"); boto3, which has AWS's own model of them,
//! is content. Keys are real. It checks no request signature and no key policy, and keys have neither rotation nor aliases.

use crate::Serving;
use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};

/// Longest message, in bytes (API reference of `Sign`).
const MESSAGE_BYTES_MAX: usize = 4096;
/// DER of an Ed25519 public key up to its 32 bytes (RFC 8410 §4).
const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
const ALGORITHM: &str = "ED25519_SHA_512";

type Keys = BTreeMap<String, SigningKey>;
type Refusal = (StatusCode, Json<Value>);

/// A KMS with some keys, which runs until this is dropped.
pub struct Kms(Serving);

impl Kms {
    /// Starts one with these keys, by id, from their seeds.
    ///
    /// # Panics
    /// If there is no free port.
    pub async fn start(keys: &[(&str, [u8; 32])]) -> Self {
        let keys: Keys = keys.iter().map(|(id, seed)| ((*id).to_owned(), SigningKey::from_bytes(seed))).collect();
        Self(Serving::start(Router::new().route("/", post(answer)).with_state(Arc::new(keys))).await)
    }

    /// Its endpoint.
    pub fn url(&self) -> String {
        self.0.url()
    }
}

async fn answer(State(keys): State<Arc<Keys>>, headers: HeaderMap, body: Bytes) -> Result<Json<Value>, Refusal> {
    let request: Value = serde_json::from_slice(&body).map_err(|_| refuse("SerializationException", "not JSON"))?;
    let id = request["KeyId"].as_str().unwrap_or_default();
    let id = id.rsplit_once(":key/").map_or(id, |(_, id)| id);
    let key = keys.get(id).ok_or_else(|| refuse("NotFoundException", "the key does not exist"))?;
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    let mut answer = match target {
        Some("TrentService.GetPublicKey") => public_key(key),
        Some("TrentService.Sign") => sign(key, &request)?,
        _ => return Err(refuse("UnknownOperationException", "no such operation here")),
    };
    answer["KeyId"] = format!("arn:aws:kms:eu-central-1:123456789012:key/{id}").into();
    Ok(Json(answer))
}

fn public_key(key: &SigningKey) -> Value {
    let der = [&SPKI[..], key.verifying_key().as_bytes()].concat();
    json!({
        "PublicKey": BASE64_STANDARD.encode(der),
        "CustomerMasterKeySpec": "ECC_NIST_EDWARDS25519",
        "KeySpec": "ECC_NIST_EDWARDS25519",
        "KeyUsage": "SIGN_VERIFY",
        "SigningAlgorithms": [ALGORITHM, "ED25519_PH_SHA_512"],
    })
}

fn sign(key: &SigningKey, request: &Value) -> Result<Value, Refusal> {
    let message = request["Message"].as_str().and_then(|text| BASE64_STANDARD.decode(text).ok()).unwrap_or_default();
    // `RAW` is the default, and the only type for this algorithm.
    let is_raw = matches!(request["MessageType"].as_str(), None | Some("RAW"));
    if request["SigningAlgorithm"] != ALGORITHM || !is_raw {
        return Err(refuse("ValidationException", "this key signs RAW messages with ED25519_SHA_512"));
    }
    if !(1..=MESSAGE_BYTES_MAX).contains(&message.len()) {
        return Err(refuse("ValidationException", "a message has 1 to 4096 bytes"));
    }
    let signature = BASE64_STANDARD.encode(key.sign(&message).to_bytes());
    Ok(json!({"Signature": signature, "SigningAlgorithm": ALGORITHM}))
}

fn refuse(kind: &str, message: &str) -> Refusal {
    (StatusCode::BAD_REQUEST, Json(json!({"__type": kind, "message": message})))
}
