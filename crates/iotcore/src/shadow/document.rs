//! The stored shadow, and the three things that are done to it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::delta::delta;
use super::merge::{Section, stamp};
use super::request::{SectionPatch, UpdateRequest, token_of};
use super::{Rejected, ShadowAddress, ShadowError};
use crate::limits::SHADOW_BYTES_MAX;

/// A stored shadow. Its serde form is for storage.
///
/// A deleted shadow stays as a tombstone that keeps the version, so that the version goes on when the shadow is made again:
/// AWS promises that deleting does not reset it, and forgets it after 48 hours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shadow {
    desired: Section,
    reported: Section,
    version: u64,
    timestamp_s: u64,
    deleted: bool,
}

/// What an update leads to: the shadow to store, and the payloads to publish once it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Updated {
    /// The new shadow.
    pub shadow: Shadow,
    /// For `update/accepted`: the request's state, with metadata.
    pub accepted: Vec<u8>,
    /// For `update/documents`: the whole shadow before (null when there was none) and after.
    pub documents: Vec<u8>,
    /// For `update/delta`: what is desired and not reported, if anything is.
    pub delta: Option<Vec<u8>>,
}

impl Shadow {
    /// The version: 1 after the first update, one more after each.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// When it was last updated or deleted, in seconds of Unix time.
    #[must_use]
    pub fn timestamp_s(&self) -> u64 {
        self.timestamp_s
    }

    /// Whether it is only a tombstone.
    #[must_use]
    pub fn is_deleted(&self) -> bool {
        self.deleted
    }

    /// The desired state; empty when there is none.
    #[must_use]
    pub fn desired(&self) -> &Map<String, Value> {
        &self.desired.state
    }

    /// The reported state; empty when there is none.
    #[must_use]
    pub fn reported(&self) -> &Map<String, Value> {
        &self.reported.state
    }

    /// Applies the update `request` (the payload of an `update` topic, at most [`SHADOW_BYTES_MAX`]) to `current`; makes the
    /// shadow when there is none. A request with a `version` is applied only to that version, 0 standing for no shadow yet.
    ///
    /// # Errors
    /// [`Rejected`], with AWS's code and text; nothing is changed then.
    pub fn update(current: Option<&Self>, request: &[u8], now_s: u64) -> Result<Updated, Rejected> {
        let request = UpdateRequest::parse(request)?;
        let reject = |error| Rejected { error, client_token: request.client_token.clone() };

        let absent = Self::absent();
        let before = current.unwrap_or(&absent);
        if request.version.is_some_and(|version| version != before.version) {
            return Err(reject(ShadowError::VersionConflict));
        }
        let shadow = Self {
            desired: apply(&before.desired, request.section("desired"), now_s),
            reported: apply(&before.reported, request.section("reported"), now_s),
            version: before.version.saturating_add(1),
            timestamp_s: now_s,
            deleted: false,
        };
        if Value::Object(shadow.state()).to_string().len() > SHADOW_BYTES_MAX {
            return Err(reject(ShadowError::TooLarge));
        }

        let token = request.client_token.as_deref();
        let reply = Reply { version: Some(shadow.version), now_s, token };
        let accepted = reply.payload([("state", request.state.clone()), ("metadata", stamp(&request.state, now_s))]);
        let documents = Reply { version: None, ..reply };
        let documents = documents.payload([("previous", before.snapshot()), ("current", shadow.snapshot())]);
        let delta = delta(&shadow.desired, &shadow.reported);
        let delta = (!delta.is_empty())
            .then(|| reply.payload([("state", delta.state.into()), ("metadata", delta.metadata.into())]));
        Ok(Updated { shadow, accepted, documents, delta })
    }

    /// The payload for `get/accepted`: the state with its `delta`, the metadata, the version. `request` is the payload of
    /// the `get` topic, of which only a `clientToken` matters.
    ///
    /// # Errors
    /// [`ShadowError::NotFound`] with the name in `address` when there is no shadow, or a request that is itself unfit.
    pub fn get(
        current: Option<&Self>,
        address: &ShadowAddress,
        request: &[u8],
        now_s: u64,
    ) -> Result<Vec<u8>, Rejected> {
        let (shadow, token) = existing(current, address, request)?;
        let mut state = shadow.state();
        let delta = delta(&shadow.desired, &shadow.reported);
        if !delta.is_empty() {
            state.insert("delta".into(), delta.state.into());
        }
        let reply = Reply { version: Some(shadow.version), now_s, token: token.as_deref() };
        Ok(reply.payload([("state", state.into()), ("metadata", shadow.metadata().into())]))
    }

    /// Deletes the shadow: the tombstone to store, and the payload for `delete/accepted`, which has the last version.
    /// `request` is the payload of the `delete` topic, of which only a `clientToken` matters.
    ///
    /// # Errors
    /// [`ShadowError::NotFound`] with the name in `address` when there is no shadow, or a request that is itself unfit.
    pub fn delete(
        current: Option<&Self>,
        address: &ShadowAddress,
        request: &[u8],
        now_s: u64,
    ) -> Result<(Self, Vec<u8>), Rejected> {
        let (shadow, token) = existing(current, address, request)?;
        let tombstone = Self { version: shadow.version, timestamp_s: now_s, ..Self::absent() };
        let reply = Reply { version: Some(shadow.version), now_s, token: token.as_deref() };
        Ok((tombstone, reply.payload([])))
    }

    /// What there is before the first update.
    fn absent() -> Self {
        Self { desired: Section::default(), reported: Section::default(), version: 0, timestamp_s: 0, deleted: true }
    }

    fn state(&self) -> Map<String, Value> {
        sections(&self.desired.state, &self.reported.state)
    }

    fn metadata(&self) -> Map<String, Value> {
        sections(&self.desired.metadata, &self.reported.metadata)
    }

    fn snapshot(&self) -> Value {
        if self.deleted {
            return Value::Null;
        }
        json!({"state": self.state(), "metadata": self.metadata(), "version": self.version})
    }
}

/// `desired` and `reported`, each only if it has members ("Empty shadow document properties").
fn sections(desired: &Map<String, Value>, reported: &Map<String, Value>) -> Map<String, Value> {
    [("desired", desired), ("reported", reported)]
        .into_iter()
        .filter(|(_, members)| !members.is_empty())
        .map(|(name, members)| (name.to_owned(), members.clone().into()))
        .collect()
}

fn apply(section: &Section, patch: SectionPatch<'_>, now_s: u64) -> Section {
    match patch {
        SectionPatch::Keep => section.clone(),
        SectionPatch::Remove => Section::default(),
        SectionPatch::Merge(members) => {
            let mut section = section.clone();
            section.merge(members, now_s);
            section
        }
    }
}

fn existing<'s>(
    current: Option<&'s Shadow>,
    address: &ShadowAddress,
    request: &[u8],
) -> Result<(&'s Shadow, Option<String>), Rejected> {
    let client_token = token_of(request)?;
    match current.filter(|shadow| !shadow.deleted) {
        Some(shadow) => Ok((shadow, client_token)),
        None => Err(Rejected { error: ShadowError::NotFound(address.shown().to_owned()), client_token }),
    }
}

/// What all replies have in common.
#[derive(Clone, Copy)]
struct Reply<'a> {
    version: Option<u64>,
    now_s: u64,
    token: Option<&'a str>,
}

impl Reply<'_> {
    fn payload<const N: usize>(self, members: [(&str, Value); N]) -> Vec<u8> {
        let mut document: Map<_, _> = members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        document.extend(self.version.map(|version| ("version".to_owned(), version.into())));
        document.insert("timestamp".into(), self.now_s.into());
        document.extend(self.token.map(|token| ("clientToken".to_owned(), token.into())));
        Value::Object(document).to_string().into_bytes()
    }
}
