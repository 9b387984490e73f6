//! Requests on shadow topics: from bytes to a checked request, or the error that AWS answers.

use serde_json::{Map, Value};

use super::{Rejected, ShadowError};
use crate::limits::{CLIENT_TOKEN_BYTES_MAX, SHADOW_BYTES_MAX, SHADOW_LEVELS_MAX};

/// What a request does to a section of the state.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum SectionPatch<'a> {
    /// The request does not name it.
    Keep,
    /// `null`.
    Remove,
    /// Members to set, or to remove where they are null.
    Merge(&'a Map<String, Value>),
}

/// A checked update.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct UpdateRequest {
    /// As sent: null, or an object with at most `desired` and `reported`, each null or an object.
    pub(super) state: Value,
    pub(super) version: Option<u64>,
    pub(super) client_token: Option<String>,
}

impl UpdateRequest {
    pub(super) fn parse(payload: &[u8]) -> Result<Self, Rejected> {
        let mut document = parse_object(payload)?;
        let client_token = client_token(&document)?;
        match parse_update(&mut document) {
            Ok((state, version)) => Ok(Self { state, version, client_token }),
            Err(error) => Err(Rejected { error, client_token }),
        }
    }

    pub(super) fn section(&self, name: &str) -> SectionPatch<'_> {
        match (self.state.get(name), &self.state) {
            (Some(Value::Object(members)), _) => SectionPatch::Merge(members),
            (Some(_), _) | (None, Value::Null) => SectionPatch::Remove,
            (None, _) => SectionPatch::Keep,
        }
    }
}

/// The `clientToken` of a get or delete, whose payload is otherwise ignored and may be empty.
pub(super) fn token_of(payload: &[u8]) -> Result<Option<String>, Rejected> {
    match parse_object(payload) {
        Ok(document) => Ok(client_token(&document)?),
        Err(ShadowError::TooLarge) => Err(ShadowError::TooLarge.into()),
        Err(_) => Ok(None),
    }
}

fn parse_object(payload: &[u8]) -> Result<Map<String, Value>, ShadowError> {
    if payload.len() > SHADOW_BYTES_MAX {
        return Err(ShadowError::TooLarge);
    }
    let text = str::from_utf8(payload).map_err(|_| ShadowError::NotUtf8)?;
    match serde_json::from_str(text) {
        Ok(Value::Object(document)) => Ok(document),
        _ => Err(ShadowError::InvalidJson),
    }
}

fn client_token(document: &Map<String, Value>) -> Result<Option<String>, ShadowError> {
    match document.get("clientToken") {
        None => Ok(None),
        Some(Value::String(token)) if token.len() <= CLIENT_TOKEN_BYTES_MAX => Ok(Some(token.clone())),
        Some(_) => Err(ShadowError::InvalidClientToken),
    }
}

/// State and version of an update. Members that are not part of a request are ignored, as AWS does.
fn parse_update(document: &mut Map<String, Value>) -> Result<(Value, Option<u64>), ShadowError> {
    let version = match document.get("version") {
        None => None,
        Some(version) => Some(version.as_u64().ok_or(ShadowError::InvalidVersion)?),
    };
    let state = document.remove("state").ok_or(ShadowError::MissingState)?;
    match &state {
        // Clears both sections. Not in the guide, but what the service does.
        Value::Null => {}
        Value::Object(sections) => sections.iter().try_for_each(|(name, section)| check_section(name, section))?,
        _ => return Err(ShadowError::StateNotObject),
    }
    Ok((state, version))
}

fn check_section(name: &str, section: &Value) -> Result<(), ShadowError> {
    let not_object = match name {
        "desired" => ShadowError::DesiredNotObject,
        "reported" => ShadowError::ReportedNotObject,
        _ => return Err(ShadowError::InvalidNode),
    };
    match section {
        Value::Null => Ok(()),
        Value::Object(members) => members.values().try_for_each(|value| check(value, SHADOW_LEVELS_MAX - 1, false)),
        _ => Err(not_object),
    }
}

/// Checks that no array has a null, and that at most `levels_left` levels lie below `value`.
fn check(value: &Value, levels_left: usize, in_array: bool) -> Result<(), ShadowError> {
    let below = levels_left.checked_sub(1).ok_or(ShadowError::TooDeep);
    match value {
        Value::Null if in_array => Err(ShadowError::InvalidNode),
        Value::Object(members) => members.values().try_for_each(|member| check(member, below.clone()?, in_array)),
        Value::Array(elements) => elements.iter().try_for_each(|element| check(element, below.clone()?, true)),
        _ => Ok(()),
    }
}
