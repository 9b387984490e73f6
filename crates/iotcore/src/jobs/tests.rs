//! Requests, transitions, timers and retries as tables.

use serde_json::{Value, json};

use super::error::Refusal;
use super::reply::Form;
use super::request::{Fields, StepTimer, Update};
use super::{Execution, ExecutionStatus, JobId, JobTarget, JobsTopic, NewJob, Retries, reply};
use crate::names::ThingName;
use crate::topic::TopicName;

use ExecutionStatus::{Canceled, Failed, InProgress, Queued, Rejected, Removed, Succeeded, TimedOut};

const MINUTE_MS: u64 = 60_000;

fn id(text: &str) -> JobId {
    JobId::parse(text).unwrap()
}

fn queued() -> Execution {
    Execution::queued(id("job1"), ThingName::parse("pi").unwrap(), 1, 1_000)
}

fn to(status: ExecutionStatus) -> Update {
    Update { status, details: None, step: StepTimer::Keep, expected_version: None }
}

#[test]
fn what_has_ended_stays_as_it_is() {
    for status in ExecutionStatus::ALL {
        let execution = Execution { status, ..queued() };
        for next in [InProgress, Succeeded, Failed, Rejected] {
            match execution.clone().update(&to(next), None, 2_000) {
                Ok(updated) => {
                    assert!(matches!(status, Queued | InProgress), "{status} {next}");
                    assert_eq!((updated.status, updated.version, updated.updated_ms), (next, 2, 2_000));
                }
                Err(refusal) => {
                    assert!(status.is_terminal(), "{status} {next}");
                    let expected = json!({
                        "code": "InvalidStateTransition",
                        "message": format!("The job execution has the status {status} and cannot change to {next}"),
                        "executionState": {"status": status.as_str(), "statusDetails": {}, "versionNumber": 1}});
                    assert_eq!(Value::from(refusal.members()), expected);
                }
            }
        }
    }
    assert_eq!(
        ExecutionStatus::ALL.map(ExecutionStatus::is_terminal),
        [false, false, true, true, true, true, true, true]
    );
}

#[test]
fn a_version_that_is_not_expected_is_told() {
    let details = [("step".to_owned(), "1".to_owned())].into();
    let update = Update { details: Some(details), expected_version: Some(1), ..to(InProgress) };
    let updated = queued().update(&update, None, 2_000).unwrap();
    assert_eq!(updated.started_ms, Some(2_000));
    let refusal = updated.clone().update(&update, None, 3_000).unwrap_err();
    assert_eq!(
        Value::from(refusal.members()),
        json!({"code": "VersionMismatch", "message": "The version of the job execution is 2",
            "executionState": {"status": "IN_PROGRESS", "statusDetails": {"step": "1"}, "versionNumber": 2}})
    );
    // Without details they are left as they were.
    let ended = updated.update(&Update { expected_version: Some(2), ..to(Succeeded) }, None, 3_000).unwrap();
    assert_eq!((ended.status_details["step"].as_str(), ended.started_ms), ("1", Some(2_000)));
}

/// The example of "How timers work for job timeouts": in progress at 12:00 for 20 minutes; step timers of 7 minutes at 12:05,
/// 5 at 12:10 and 9 at 12:13.
#[test]
fn the_earlier_timer_counts() {
    let due = |execution: &Execution| execution.deadline_ms.into_iter().chain(execution.step_due_ms).min().unwrap();
    let step = |execution: Execution, at: u64, step| {
        let update = Update { step, ..to(InProgress) };
        execution.update(&update, Some(20), at * MINUTE_MS).unwrap()
    };
    let mut execution = queued().start_next(None, StepTimer::Keep, Some(20), 0);
    assert_eq!(due(&execution), 20 * MINUTE_MS);
    for (at, minutes, times_out) in [(5, 7, 12), (10, 5, 15), (13, 9, 20)] {
        execution = step(execution, at, StepTimer::Minutes(minutes));
        assert_eq!(due(&execution), times_out * MINUTE_MS);
    }
    // An update without a timer leaves it, -1 takes it away, and the end both.
    execution = step(execution, 14, StepTimer::Minutes(1));
    assert_eq!(due(&step(execution.clone(), 14, StepTimer::Keep)), 15 * MINUTE_MS);
    execution = step(execution, 14, StepTimer::Cancel);
    assert_eq!(due(&execution), 20 * MINUTE_MS);
    let ended = execution.update(&to(Failed), Some(20), 16 * MINUTE_MS).unwrap();
    assert_eq!((ended.deadline_ms, ended.step_due_ms), (None, None));
}

#[test]
fn starting_what_has_started_changes_only_the_step_timer() {
    let details = |text: &str| Some([("by".to_owned(), text.to_owned())].into());
    let started = queued().start_next(details("first"), StepTimer::Keep, None, 5_000);
    assert_eq!((started.status, started.version, started.started_ms), (InProgress, 2, Some(5_000)));
    let again = started.clone().start_next(details("second"), StepTimer::Minutes(1), None, 6_000);
    assert_eq!(again, Execution { step_due_ms: Some(6_000 + MINUTE_MS), ..started });
}

#[test]
fn retries_are_counted_by_what_failed() {
    let each = Retries::Each { failed: 2, timed_out: 1 };
    for (retries, status, failed, timed_out, allowed) in [
        (Retries::default(), Failed, 1, 0, false),
        (each, Failed, 2, 0, true),
        (each, Failed, 3, 0, false),
        (each, TimedOut, 3, 1, true),
        (each, TimedOut, 0, 2, false),
        (Retries::All(2), Failed, 1, 1, true),
        (Retries::All(2), TimedOut, 1, 2, false),
        (Retries::All(2), Rejected, 0, 0, false),
        (Retries::All(2), Canceled, 0, 0, false),
        (Retries::All(2), Removed, 0, 0, false),
        (Retries::All(2), Succeeded, 0, 0, false),
    ] {
        assert_eq!(retries.allow(status, failed, timed_out), allowed, "{retries:?} {status} {failed} {timed_out}");
    }
}

#[test]
fn requests_are_read_as_devices_write_them() {
    let update = |payload: &str| Fields::parse(payload.as_bytes())?.update();
    // AWS's Jobs library for embedded C writes the version as a text.
    let read = update(
        r#"{"status": "SUCCEEDED", "expectedVersion": "2", "clientToken": "t", "unknown": [], "statusDetails": null}"#,
    );
    assert_eq!(read.unwrap(), Update { expected_version: Some(2), ..to(Succeeded) });
    let read =
        update(r#"{"status": "IN_PROGRESS", "stepTimeoutInMinutes": 10080, "statusDetails": {"progress:1": "50 %"}}"#);
    let details = [("progress:1".to_owned(), "50 %".to_owned())].into();
    let expected = Update { details: Some(details), step: StepTimer::Minutes(10080), ..to(InProgress) };
    assert_eq!(read.unwrap(), expected);
    let many = json!({"status": "FAILED", "statusDetails": serde_json::Map::from_iter(
        (0..11).map(|number| (number.to_string(), json!("x"))))});
    let long = json!({"status": "FAILED", "statusDetails": {"a": "x".repeat(1025)}});
    for (payload, code) in [
        ("", "InvalidJson"),
        ("{", "InvalidJson"),
        ("[]", "InvalidRequest"),
        ("{}", "InvalidRequest"),
        (r#"{"status": "QUEUED"}"#, "InvalidRequest"),
        (r#"{"status": "TIMED_OUT"}"#, "InvalidRequest"),
        (r#"{"status": "succeeded"}"#, "InvalidRequest"),
        (r#"{"status": 1}"#, "InvalidRequest"),
        (r#"{"status": "FAILED", "expectedVersion": -1}"#, "InvalidRequest"),
        (r#"{"status": "FAILED", "expectedVersion": 1.5}"#, "InvalidRequest"),
        (r#"{"status": "FAILED", "expectedVersion": "one"}"#, "InvalidRequest"),
        (r#"{"status": "FAILED", "stepTimeoutInMinutes": 0}"#, "InvalidRequest"),
        (r#"{"status": "FAILED", "stepTimeoutInMinutes": 10081}"#, "InvalidRequest"),
        (r#"{"status": "FAILED", "statusDetails": []}"#, "InvalidRequest"),
        (r#"{"status": "FAILED", "statusDetails": {"a": 1}}"#, "InvalidRequest"),
        (r#"{"status": "FAILED", "statusDetails": {"": "a"}}"#, "InvalidRequest"),
        (r#"{"status": "FAILED", "statusDetails": {"a b": "a"}}"#, "InvalidRequest"),
        (r#"{"status": "FAILED", "statusDetails": {"a": ""}}"#, "InvalidRequest"),
        (&many.to_string(), "InvalidRequest"),
        (&long.to_string(), "InvalidRequest"),
    ] {
        let refusal = update(payload).unwrap_err();
        assert_eq!(refusal.members()["code"], code, "{payload}");
    }
    assert!(matches!(Fields::parse(b"\xff"), Err(Refusal::InvalidJson)));
}

#[test]
fn a_job_is_checked_before_it_is_created() {
    let thing = JobTarget::Thing(ThingName::parse("pi").unwrap());
    let good = NewJob::new(id("j"), vec![thing.clone()], "{}");
    good.check().unwrap();
    for (bad, why) in [
        (NewJob { targets: Vec::new(), ..good.clone() }, "the job has 0 targets: 1 to 100 are allowed"),
        (NewJob { targets: vec![thing; 101], ..good.clone() }, "the job has 101 targets: 1 to 100 are allowed"),
        (NewJob { document: "reboot".into(), ..good.clone() }, "the job document is not JSON"),
        (
            NewJob { document: format!("\"{}\"", "x".repeat(32 * 1024)), ..good.clone() },
            "the job document has 32770 bytes: 32768 are allowed",
        ),
        (
            NewJob { description: "a\nb".into(), ..good.clone() },
            "a job's description has at most 2028 characters, none of them a control character",
        ),
        (
            NewJob { in_progress_timeout_minutes: Some(0), ..good.clone() },
            "a job times out after 0 minutes: 1 to 10080 are allowed",
        ),
        (
            NewJob { retries: Retries::All(11), ..good.clone() },
            "the job is tried again 11 times: 10 are allowed in all",
        ),
    ] {
        assert_eq!(bad.check().unwrap_err().to_string(), why);
    }
    for bad in ["", "a:b", "$next", "ä", &"x".repeat(65)] {
        assert!(JobId::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn every_topic_is_read_as_it_is_written() {
    for end in [
        "get",
        "get/accepted",
        "start-next",
        "start-next/rejected",
        "$next/get",
        "$next/get/accepted",
        "start-next/get",
        "accepted/update",
        "j_1/update/rejected",
        "notify",
        "notify-next",
    ] {
        let topic = TopicName::parse(&format!("$aws/things/a:b/jobs/{end}")).unwrap();
        assert_eq!(JobsTopic::parse(&topic).unwrap().to_name(), topic);
    }
    for none in [
        "$aws/things/pi/jobs/$next/update",
        "$aws/things/pi/jobs/j/delete",
        "$aws/things/pi/shadow/get",
        "$aws/things/a b/jobs/get",
    ] {
        assert_eq!(JobsTopic::parse(&TopicName::parse(none).unwrap()), None, "{none}");
    }
    let longest = format!("$aws/things/{}/jobs/{}/update/rejected", "t".repeat(128), "j".repeat(64));
    let longest = TopicName::parse(&longest).unwrap();
    assert_eq!(JobsTopic::parse(&longest).unwrap().to_name(), longest);
}

#[test]
fn times_are_whole_seconds() {
    let execution = queued().start_next(None, StepTimer::Keep, None, 2_999);
    assert_eq!(
        reply::execution(&execution, Some(json!({"operation": "test"})), Form::Mqtt, 2_000),
        json!({"jobId": "job1", "thingName": "pi", "status": "IN_PROGRESS", "queuedAt": 1, "startedAt": 2,
            "lastUpdatedAt": 2, "versionNumber": 2, "executionNumber": 1, "jobDocument": {"operation": "test"}})
    );
}
