//! Requests of devices: from bytes to what is asked, or the error that says what is wrong. Members that are not part of a
//! request are ignored. Numbers may be written as texts: the guide does, and so do devices (AWS's Jobs library for embedded C).

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::ExecutionStatus;
use super::error::Refusal;
use crate::limits::{
    JOB_TIMEOUT_MINUTES_MAX, STATUS_DETAIL_CHARS_MAX, STATUS_DETAIL_NAME_BYTES_MAX, STATUS_DETAILS_MAX,
};

/// What `stepTimeoutInMinutes` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StepTimer {
    /// It is not there.
    Keep,
    /// -1. AWS IoT API Reference, `UpdateJobExecution`.
    Cancel,
    /// A new timer.
    Minutes(u64),
}

/// `UpdateJobExecution`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Update {
    pub(super) status: ExecutionStatus,
    pub(super) details: Option<BTreeMap<String, String>>,
    pub(super) step: StepTimer,
    pub(super) expected_version: Option<u64>,
}

/// The members of a request.
#[derive(Debug)]
pub(super) struct Fields(Map<String, Value>);

impl From<Map<String, Value>> for Fields {
    fn from(members: Map<String, Value>) -> Self {
        Self(members)
    }
}

impl Fields {
    pub(super) fn parse(payload: &[u8]) -> Result<Self, Refusal> {
        match serde_json::from_slice(payload) {
            Ok(Value::Object(members)) => Ok(Self(members)),
            Ok(_) => Err(invalid("The payload must be a JSON object")),
            Err(_) => Err(Refusal::InvalidJson),
        }
    }

    /// The `clientToken`, to be given back.
    pub(super) fn client_token(&self) -> Result<Option<String>, Refusal> {
        match self.get("clientToken") {
            None => Ok(None),
            Some(Value::String(token)) => Ok(Some(token.clone())),
            Some(_) => Err(invalid("clientToken must be a string")),
        }
    }

    pub(super) fn update(&self) -> Result<Update, Refusal> {
        Ok(Update {
            status: self.status()?,
            details: self.details()?,
            step: self.step()?,
            expected_version: self.number("expectedVersion")?,
        })
    }

    pub(super) fn execution_number(&self) -> Result<Option<u64>, Refusal> {
        self.number("executionNumber")
    }

    pub(super) fn flag(&self, name: &str, default: bool) -> Result<bool, Refusal> {
        match self.get(name) {
            None => Ok(default),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(invalid(format!("{name} must be true or false"))),
        }
    }

    pub(super) fn details(&self) -> Result<Option<BTreeMap<String, String>>, Refusal> {
        match self.get("statusDetails") {
            None => Ok(None),
            Some(Value::Object(members)) => {
                let details = members.iter().map(|(name, detail)| match detail {
                    Value::String(detail) => Ok((name.clone(), detail.clone())),
                    _ => Err(invalid("The values of statusDetails must be strings")),
                });
                let details: BTreeMap<_, _> = details.collect::<Result<_, _>>()?;
                check_details(&details).map_err(invalid)?;
                Ok(Some(details))
            }
            Some(_) => Err(invalid("statusDetails must be an object")),
        }
    }

    pub(super) fn step(&self) -> Result<StepTimer, Refusal> {
        match self.long("stepTimeoutInMinutes")? {
            None => Ok(StepTimer::Keep),
            Some(-1) => Ok(StepTimer::Cancel),
            Some(minutes) => match u64::try_from(minutes) {
                Ok(minutes @ 1..=JOB_TIMEOUT_MINUTES_MAX) => Ok(StepTimer::Minutes(minutes)),
                _ => Err(invalid(format!("stepTimeoutInMinutes must be 1 to {JOB_TIMEOUT_MINUTES_MAX}, or -1"))),
            },
        }
    }

    fn status(&self) -> Result<ExecutionStatus, Refusal> {
        use ExecutionStatus::{Failed, InProgress, Rejected, Succeeded};
        match self.get("status") {
            // The text that the service is reported to give (aws-iot-device-sdk-cpp-v2, issue 95).
            None => Err(invalid("Value null at 'status' failed to satisfy constraint: Member must not be null")),
            Some(Value::String(status)) => ExecutionStatus::parse(status)
                .filter(|status| matches!(status, InProgress | Failed | Succeeded | Rejected))
                .ok_or_else(|| invalid("status must be IN_PROGRESS, FAILED, SUCCEEDED or REJECTED")),
            Some(_) => Err(invalid("status must be a string")),
        }
    }

    fn number(&self, name: &str) -> Result<Option<u64>, Refusal> {
        let number = self.long(name)?.map(u64::try_from).transpose();
        number.map_err(|_| invalid(format!("{name} must not be negative")))
    }

    fn long(&self, name: &str) -> Result<Option<i64>, Refusal> {
        let number = match self.get(name) {
            None => return Ok(None),
            Some(Value::Number(number)) => number.as_i64(),
            Some(Value::String(text)) => text.parse().ok(),
            Some(_) => None,
        };
        number.map(Some).ok_or_else(|| invalid(format!("{name} must be a whole number")))
    }

    /// A member that is null is not there.
    fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }
}

/// AWS IoT API Reference, `UpdateJobExecution`, `statusDetails`.
pub(super) fn check_details(details: &BTreeMap<String, String>) -> Result<(), String> {
    if details.len() > STATUS_DETAILS_MAX {
        return Err(format!("statusDetails has {} members: {STATUS_DETAILS_MAX} are allowed", details.len()));
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'_' | b'-');
    for (name, detail) in details {
        if !(1..=STATUS_DETAIL_NAME_BYTES_MAX).contains(&name.len()) || !name.bytes().all(allowed) {
            return Err(format!(
                "The names of statusDetails must be 1 to {STATUS_DETAIL_NAME_BYTES_MAX} of letters, digits, :, _ and -"
            ));
        }
        let chars = detail.chars().count();
        if !(1..=STATUS_DETAIL_CHARS_MAX).contains(&chars) || detail.chars().any(char::is_control) {
            return Err(format!(
                "The values of statusDetails must be 1 to {STATUS_DETAIL_CHARS_MAX} characters, none of them a control character"
            ));
        }
    }
    Ok(())
}

fn invalid(why: impl Into<String>) -> Refusal {
    Refusal::InvalidRequest(why.into())
}
