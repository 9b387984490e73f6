//! The policies in force.

use crate::{Shared, error::Answer, extract::Body};
use axum::{Extension, Json, extract::State};
use marvain_domain::policy::POLICY_BYTES_MAX;
use marvain_hub::people::Caller;
use serde::{Deserialize, Serialize};

/// Largest body with policies, in bytes: JSON may write a byte in two, and there is a little around it.
pub const POLICY_BODY_BYTES_MAX: usize = 2 * POLICY_BYTES_MAX + 1024;

/// Policies.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyText {
    /// Cedar.
    pub text: String,
}

/// Policies that are in force now.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PolicyIds {
    /// Their ids, sorted.
    pub policies: Vec<String>,
}

pub(crate) async fn show(State(shared): State<Shared>, Extension(caller): Extension<Caller>) -> Answer<PolicyText> {
    Ok(Json(PolicyText { text: shared.hub.policy_source(&caller).await? }))
}

pub(crate) async fn set(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Body(PolicyText { text }): Body<PolicyText>,
) -> Answer<PolicyIds> {
    Ok(Json(PolicyIds { policies: shared.hub.set_policy(&caller, &text).await? }))
}
