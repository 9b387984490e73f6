//! Why what a device asks is refused, and what it is told. Developer Guide, "AWS IoT jobs API operations",
//! ErrorResponse. The page gives the codes and what they mean, but no texts: these are ours.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{ExecutionStatus, reply};
use crate::store::StoreError;

/// `JobExecutionState`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct State {
    pub(super) status: ExecutionStatus,
    pub(super) details: BTreeMap<String, String>,
    pub(super) version: u64,
}

/// Everything but [`Refusal::Store`] is told to the device.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("The topic does not map to any operation of AWS IoT Jobs")]
    InvalidTopic,
    #[error("The payload is not valid UTF-8-encoded JSON")]
    InvalidJson,
    #[error("{0}")]
    InvalidRequest(String),
    #[error("The job execution has the status {} and cannot change to {to}", .state.status)]
    InvalidStateTransition { to: ExecutionStatus, state: State },
    #[error("{0} does not exist")]
    ResourceNotFound(&'static str),
    #[error("The version of the job execution is {}", .0.version)]
    VersionMismatch(State),
    #[error("The job execution has reached a terminal state")]
    TerminalStateReached,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<rusqlite::Error> for Refusal {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

impl Refusal {
    const fn code(&self) -> &'static str {
        match self {
            Self::InvalidTopic => "InvalidTopic",
            Self::InvalidJson => "InvalidJson",
            Self::InvalidRequest(_) => "InvalidRequest",
            Self::InvalidStateTransition { .. } => "InvalidStateTransition",
            Self::ResourceNotFound(_) => "ResourceNotFound",
            Self::VersionMismatch(_) => "VersionMismatch",
            Self::TerminalStateReached => "TerminalStateReached",
            Self::Store(_) => "InternalError",
        }
    }

    /// `executionState`, of the two that are about it.
    pub(crate) fn execution_state(&self) -> Option<Value> {
        match self {
            Self::InvalidStateTransition { state, .. } | Self::VersionMismatch(state) => Some(reply::state(state)),
            _ => None,
        }
    }

    /// `code`, `message`, and for the two codes that are about it `executionState`.
    pub(super) fn members(&self) -> Map<String, Value> {
        let mut members = Map::new();
        members.insert("code".into(), self.code().into());
        members.insert("message".into(), json!(self.to_string()));
        if let Some(state) = self.execution_state() {
            members.insert("executionState".into(), state);
        }
        members
    }
}
