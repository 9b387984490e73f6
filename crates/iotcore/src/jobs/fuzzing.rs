//! What must hold of the requests that devices send on jobs topics.

use super::error::Refusal;
use super::request::{Fields, StepTimer, Update, check_details};
use super::status::ExecutionStatus;
use crate::limits::JOB_TIMEOUT_MINUTES_MAX;

/// The input is the payload of a request. What is taken of it is within its limits, and the same when it is written in
/// another way.
pub fn fuzz_requests(input: &[u8]) {
    let Ok(fields) = Fields::parse(input) else { return };
    let again = str::from_utf8(input).ok().and_then(crate::fuzzing::rewritten);
    let again = again.and_then(|json| Fields::parse(json.as_bytes()).ok());
    assert!(again.is_some());
    let read = |fields: &Fields| {
        let parts = (fields.client_token(), fields.execution_number(), fields.flag("includeJobDocument", true));
        (format!("{parts:?}"), format!("{:?}", fields.update()))
    };
    assert_eq!(again.as_ref().map(read), Some(read(&fields)));
    for refused in [fields.update().err(), fields.execution_number().err(), fields.client_token().err()] {
        assert!(matches!(refused, None | Some(Refusal::InvalidRequest(_))), "{refused:?}");
    }
    let Ok(Update { status, details, step, expected_version }) = fields.update() else { return };
    assert!(ExecutionStatus::parse(status.as_str()) == Some(status) && status != ExecutionStatus::Queued);
    assert_eq!(details.as_ref().map(check_details).transpose(), Ok(details.as_ref().map(|_| ())));
    assert!(!matches!(step, StepTimer::Minutes(minutes) if !(1..=JOB_TIMEOUT_MINUTES_MAX).contains(&minutes)));
    assert!(expected_version.is_none_or(|version| i64::try_from(version).is_ok()));
}
