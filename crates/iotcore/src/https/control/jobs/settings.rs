//! What `CreateJob` and `UpdateJob` share: time-outs and retries, as AWS writes them, and what is not supported.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::https::error::ApiError;
use crate::jobs::Retries;

/// `TimeoutConfig`
#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TimeoutConfig {
    pub(super) in_progress_timeout_in_minutes: Option<u64>,
}

/// `JobExecutionsRetryConfig`
#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RetryConfig {
    criteria_list: Vec<RetryCriteria>,
}

#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct RetryCriteria {
    failure_type: FailureType,
    number_of_retries: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum FailureType {
    Failed,
    TimedOut,
    All,
}

impl RetryConfig {
    /// One criterion for all failures, or at most one for each.
    pub(super) fn retries(&self) -> Result<Retries, ApiError> {
        use FailureType::{All, Failed, TimedOut};
        let of = |criteria: &RetryCriteria| (criteria.failure_type, criteria.number_of_retries);
        let criteria: Vec<_> = self.criteria_list.iter().map(of).collect();
        Ok(match criteria[..] {
            [(All, max)] => Retries::All(max),
            [(Failed, failed)] => Retries::Each { failed, timed_out: 0 },
            [(TimedOut, timed_out)] => Retries::Each { failed: 0, timed_out },
            [(Failed, failed), (TimedOut, timed_out)] | [(TimedOut, timed_out), (Failed, failed)] => {
                Retries::Each { failed, timed_out }
            }
            _ => {
                let why = "criteriaList of jobExecutionsRetryConfig has one criterion for ALL, or one for FAILED, TIMED_OUT or each";
                return Err(ApiError::invalid(why));
            }
        })
    }

    /// None if nothing is tried again.
    pub(super) fn of(retries: Retries) -> Option<Self> {
        let criteria = match retries {
            Retries::All(max) => vec![(FailureType::All, max)],
            Retries::Each { failed, timed_out } => {
                vec![(FailureType::Failed, failed), (FailureType::TimedOut, timed_out)]
            }
        };
        let criteria = criteria.into_iter().filter(|(_, max)| *max > 0);
        let criteria_list: Vec<_> = criteria
            .map(|(failure_type, number_of_retries)| RetryCriteria { failure_type, number_of_retries })
            .collect();
        (!criteria_list.is_empty()).then_some(Self { criteria_list })
    }
}

/// Refuses the first of these members that is there and not empty.
pub(super) fn refuse(others: &HashMap<String, Value>, unsupported: &[&str]) -> Result<(), ApiError> {
    let is_asked_for = |name: &&str| match others.get(*name) {
        None | Some(Value::Null) => false,
        Some(Value::Array(items)) => !items.is_empty(),
        Some(_) => true,
    };
    match unsupported.iter().copied().find(is_asked_for) {
        Some(name) => Err(ApiError::unsupported(name)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn retries(criteria: &[(&str, u32)]) -> Result<Retries, ApiError> {
        let criteria: Vec<_> =
            criteria.iter().map(|(kind, n)| json!({"failureType": kind, "numberOfRetries": n})).collect();
        serde_json::from_value::<RetryConfig>(json!({"criteriaList": criteria})).unwrap().retries()
    }

    #[test]
    fn retries_are_for_all_failures_or_for_each() {
        for (criteria, expected) in [
            (&[("ALL", 3)][..], Retries::All(3)),
            (&[("FAILED", 1)], Retries::Each { failed: 1, timed_out: 0 }),
            (&[("TIMED_OUT", 2)], Retries::Each { failed: 0, timed_out: 2 }),
            (&[("TIMED_OUT", 2), ("FAILED", 1)], Retries::Each { failed: 1, timed_out: 2 }),
        ] {
            assert_eq!(retries(criteria), Ok(expected));
            let written = RetryConfig::of(expected).unwrap();
            assert_eq!(written.retries(), Ok(expected));
        }
        for bad in [&[][..], &[("ALL", 1), ("FAILED", 1)], &[("FAILED", 1), ("FAILED", 2)]] {
            assert!(retries(bad).is_err(), "{bad:?}");
        }
        assert!(RetryConfig::of(Retries::default()).is_none());
    }
}
