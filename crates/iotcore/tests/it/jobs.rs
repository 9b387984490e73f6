//! Jobs over their reserved topics, and through the control operations.

use std::collections::BTreeMap;
use std::time::Duration;

use marvain_iotcore::jobs::{Cancellation, ExecutionStatus, JobId, JobStatus, JobTarget, NewJob, Retries};
use marvain_iotcore::names::ThingName;
use marvain_iotcore::{Error, IotCore};
use rumqttc::QoS;
use serde_json::{Value, json};

use crate::common::{Client, Setup, World};

const NOTIFY: &str = "$aws/things/pi/jobs/notify";
const NOTIFY_NEXT: &str = "$aws/things/pi/jobs/notify-next";
const START_NEXT: &str = "$aws/things/pi/jobs/start-next";
const MINUTE: Duration = Duration::from_secs(60);
/// The clock's first second.
const BEGIN_S: u64 = 1_700_000_000;

fn id(text: &str) -> JobId {
    JobId::parse(text).unwrap()
}

fn pi() -> ThingName {
    ThingName::parse("pi").unwrap()
}

pub(crate) fn job(name: &str, thing: &str) -> NewJob {
    let thing = JobTarget::Thing(ThingName::parse(thing).unwrap());
    NewJob::new(id(name), vec![thing], json!({"operation": name}).to_string())
}

async fn create(core: &IotCore, name: &str) {
    core.create_job(job(name, "pi")).await.unwrap();
}

/// Asks, and waits for the answer. Notifications that follow are still to be received.
async fn ask(device: &mut Client, topic: &str, request: &Value, verdict: &str) -> Value {
    device.publish(topic, request.to_string(), QoS::AtLeastOnce).await;
    device.receive_json(&format!("{topic}/{verdict}")).await
}

async fn update(device: &mut Client, job: &str, request: Value, verdict: &str) -> Value {
    ask(device, &format!("$aws/things/pi/jobs/{job}/update"), &request, verdict).await
}

/// Nothing is on its way: what comes next is what is published now.
async fn assert_quiet(device: &mut Client) {
    device.publish("end", "{}", QoS::AtLeastOnce).await;
    device.receive_json("end").await;
}

/// A device that hears its notifications.
async fn listening(world: &World) -> Client {
    let device = world.device("pi").await.connect().await;
    for topic in [NOTIFY, NOTIFY_NEXT, "end"] {
        device.subscribe(topic, QoS::AtLeastOnce).await;
    }
    device
}

/// The series of examples of "Jobs notifications", message by message.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notifications_come_when_the_list_or_the_next_one_changes() {
    let world = World::start().await;
    let mut device = listening(&world).await;
    let one = |name: &str, at: u64| json!({"jobId": name, "queuedAt": at, "lastUpdatedAt": at, "executionNumber": 1, "versionNumber": 1});
    let with = |mut summary: Value, more: Value| {
        summary.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        summary
    };
    let (t1, t2, t3) = (BEGIN_S, BEGIN_S + 10, BEGIN_S + 30);
    let job1 = one("job1", t1);
    create(&world.core, "job1").await;
    assert_eq!(device.receive_json(NOTIFY).await, json!({"timestamp": t1, "jobs": {"QUEUED": [job1]}}));
    let next = with(job1.clone(), json!({"status": "QUEUED", "jobDocument": {"operation": "job1"}}));
    assert_eq!(device.receive_json(NOTIFY_NEXT).await, json!({"timestamp": t1, "execution": next}));

    world.clock.advance(Duration::from_secs(10));
    create(&world.core, "job2").await;
    let job2 = one("job2", t2);
    assert_eq!(device.receive_json(NOTIFY).await, json!({"timestamp": t2, "jobs": {"QUEUED": [job1, job2]}}));

    world.clock.advance(Duration::from_secs(10));
    let started = ask(&mut device, START_NEXT, &json!({}), "accepted").await;
    assert_eq!(
        (&started["execution"]["jobId"], &started["execution"]["status"]),
        (&json!("job1"), &json!("IN_PROGRESS"))
    );
    assert_quiet(&mut device).await;

    world.clock.advance(Duration::from_secs(10));
    create(&world.core, "job3").await;
    let job1 = with(job1, json!({"lastUpdatedAt": t2 + 10, "startedAt": t2 + 10, "versionNumber": 2}));
    let job3 = one("job3", t3);
    let jobs = json!({"IN_PROGRESS": [job1], "QUEUED": [job2, job3]});
    assert_eq!(device.receive_json(NOTIFY).await, json!({"timestamp": t3, "jobs": jobs}));

    update(&mut device, "job1", json!({"status": "SUCCEEDED"}), "accepted").await;
    assert_eq!(device.receive_json(NOTIFY).await["jobs"], json!({"QUEUED": [job2, job3]}));
    let next = with(job2, json!({"status": "QUEUED", "jobDocument": {"operation": "job2"}}));
    assert_eq!(device.receive_json(NOTIFY_NEXT).await["execution"], next);

    // job3 overtakes job2: another one is next, but the list is the same.
    update(&mut device, "job3", json!({"status": "IN_PROGRESS"}), "accepted").await;
    let next = device.receive_json(NOTIFY_NEXT).await;
    assert_eq!((&next["execution"]["jobId"], &next["execution"]["startedAt"]), (&json!("job3"), &json!(t3)));
    update(&mut device, "job2", json!({"status": "REJECTED"}), "accepted").await;
    let job3 = with(job3, json!({"startedAt": t3, "versionNumber": 2}));
    assert_eq!(device.receive_json(NOTIFY).await["jobs"], json!({"IN_PROGRESS": [job3]}));

    let refused = world.core.delete_job(id("job3"), false).await.unwrap_err();
    assert!(matches!(refused, Error::InvalidState { state: "IN_PROGRESS", .. }), "{refused}");
    world.core.delete_job(id("job3"), true).await.unwrap();
    assert_eq!(device.receive_json(NOTIFY).await, json!({"timestamp": t3, "jobs": {}}));
    assert_eq!(device.receive_json(NOTIFY_NEXT).await, json!({"timestamp": t3}));
    assert_quiet(&mut device).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_works_through_its_jobs() {
    let world = World::start().await;
    // It has subscribed to nothing: the replies come on its own connection.
    let mut device = world.device("pi").await.connect().await;
    let nothing = ask(&mut device, START_NEXT, &json!({"clientToken": "t0"}), "accepted").await;
    assert_eq!(nothing, json!({"clientToken": "t0", "timestamp": BEGIN_S}));
    let nothing = ask(&mut device, "$aws/things/pi/jobs/$next/get", &json!({}), "accepted").await;
    assert_eq!(nothing, json!({"timestamp": BEGIN_S}));

    for name in ["a", "b"] {
        create(&world.core, name).await;
    }
    let described = ask(&mut device, "$aws/things/pi/jobs/$next/get", &json!({"clientToken": "t1"}), "accepted").await;
    let execution = json!({"jobId": "a", "thingName": "pi", "jobDocument": {"operation": "a"}, "status": "QUEUED",
        "queuedAt": BEGIN_S, "lastUpdatedAt": BEGIN_S, "versionNumber": 1, "executionNumber": 1});
    assert_eq!(described, json!({"execution": execution, "clientToken": "t1", "timestamp": BEGIN_S}));

    let details = json!({"statusDetails": {"step": "download"}});
    let started = ask(&mut device, START_NEXT, &details, "accepted").await;
    assert_eq!(started["execution"]["statusDetails"], details["statusDetails"]);
    // The one that is in progress is next, and starting it again changes nothing.
    let again = ask(&mut device, START_NEXT, &json!({"statusDetails": {"step": "other"}}), "accepted").await;
    assert_eq!(again["execution"], started["execution"]);

    let pending = ask(&mut device, "$aws/things/pi/jobs/get", &json!({"clientToken": "t2"}), "accepted").await;
    let summary = |jobs: &Value| (jobs[0]["jobId"].clone(), jobs[0]["versionNumber"].clone(), jobs[1].clone());
    assert_eq!(summary(&pending["inProgressJobs"]), (json!("a"), json!(2), Value::Null));
    assert_eq!(summary(&pending["queuedJobs"]), (json!("b"), json!(1), Value::Null));
    assert_eq!(pending["clientToken"], "t2");

    let request = json!({"status": "IN_PROGRESS", "expectedVersion": "2", "includeJobExecutionState": true,
        "includeJobDocument": true, "statusDetails": {"step": "install"}, "clientToken": "t3"});
    let state = json!({"status": "IN_PROGRESS", "statusDetails": {"step": "install"}, "versionNumber": 3});
    let expected =
        json!({"executionState": state, "jobDocument": {"operation": "a"}, "clientToken": "t3", "timestamp": BEGIN_S});
    assert_eq!(update(&mut device, "a", request.clone(), "accepted").await, expected);
    let mismatch = update(&mut device, "a", request, "rejected").await;
    assert_eq!((&mismatch["code"], &mismatch["executionState"]), (&json!("VersionMismatch"), &state));
    assert_eq!((&mismatch["clientToken"], &mismatch["timestamp"]), (&json!("t3"), &json!(BEGIN_S)));

    let done = update(&mut device, "a", json!({"status": "SUCCEEDED", "executionNumber": 1}), "accepted").await;
    assert_eq!(done, json!({"timestamp": BEGIN_S}));
    let late = update(&mut device, "a", json!({"status": "IN_PROGRESS"}), "rejected").await;
    assert_eq!(
        (&late["code"], &late["executionState"]["status"]),
        (&json!("InvalidStateTransition"), &json!("SUCCEEDED"))
    );
    let ended = ask(&mut device, "$aws/things/pi/jobs/a/get", &json!({}), "rejected").await;
    assert_eq!(ended["code"], "TerminalStateReached");
    let request = json!({"includeJobDocument": false, "executionNumber": 1});
    let described = ask(&mut device, "$aws/things/pi/jobs/b/get", &request, "accepted").await;
    assert_eq!(
        (&described["execution"]["status"], &described["execution"]["jobDocument"]),
        (&json!("QUEUED"), &Value::Null)
    );

    let job = world.core.describe_job(id("a")).await.unwrap().unwrap();
    assert_eq!((job.status, job.completed_ms), (JobStatus::Completed, Some(BEGIN_S * 1000)));
    let execution = world.core.describe_job_execution(id("a"), pi(), None).await.unwrap().unwrap();
    assert_eq!((execution.status, execution.version), (ExecutionStatus::Succeeded, 4));
    assert_eq!(world.core.describe_job(id("b")).await.unwrap().unwrap().status, JobStatus::InProgress);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_done_is_rejected() {
    let world = World::start().await;
    let mut device = listening(&world).await;
    create(&world.core, "a").await;
    device.receive_json(NOTIFY).await;
    device.receive_json(NOTIFY_NEXT).await;
    for (topic, request, code) in [
        ("pi/jobs/b/get", "{}", "ResourceNotFound"),
        ("pi/jobs/a/get", r#"{"executionNumber": 2}"#, "ResourceNotFound"),
        ("pi/jobs/b/update", r#"{"status": "FAILED"}"#, "ResourceNotFound"),
        ("nobody/jobs/get", "{}", "ResourceNotFound"),
        ("nobody/jobs/start-next", "{}", "ResourceNotFound"),
        ("nobody/jobs/$next/get", "{}", "ResourceNotFound"),
        ("pi/jobs/get", "", "InvalidJson"),
        ("pi/jobs/get", r#"{"clientToken": 7}"#, "InvalidRequest"),
        ("pi/jobs/a/get", r#"{"includeJobDocument": "maybe"}"#, "InvalidRequest"),
        ("pi/jobs/start-next", r#"{"stepTimeoutInMinutes": 0}"#, "InvalidRequest"),
        ("pi/jobs/a/update", "{}", "InvalidRequest"),
        ("pi/jobs/a/delete", "{}", "InvalidTopic"),
        ("pi/jobs/$next/update", r#"{"status": "FAILED"}"#, "InvalidTopic"),
    ] {
        let topic = format!("$aws/things/{topic}");
        device.publish(&topic, request, QoS::AtLeastOnce).await;
        let rejected = device.receive_json(&format!("{topic}/rejected")).await;
        assert_eq!((&rejected["code"], &rejected["timestamp"]), (&json!(code), &json!(BEGIN_S)), "{topic} {request}");
        assert!(rejected["message"].is_string() && rejected.get("executionState").is_none(), "{rejected}");
    }
    // None of it has changed anything.
    assert_quiet(&mut device).await;
    assert_eq!(world.core.describe_job_execution(id("a"), pi(), None).await.unwrap().unwrap().version, 1);
    // What the service says only the service says.
    device.mqtt.publish(NOTIFY, "{}", rumqttc::PublishOptions::at_least_once()).await.unwrap();
    device.closed().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replies_are_for_the_asking_connection_only() {
    let world = World::start().await;
    let mut eavesdropper = world.device("eavesdropper").await.connect().await;
    eavesdropper.subscribe("$aws/things/#", QoS::AtLeastOnce).await;
    eavesdropper.subscribe("end", QoS::AtLeastOnce).await;
    let mut device = world.device("pi").await.connect().await;
    ask(&mut device, "$aws/things/pi/jobs/get", &json!({}), "accepted").await;
    device.publish("$aws/things/pi/jobs/get", "{}", QoS::AtMostOnce).await;
    device.receive_json("$aws/things/pi/jobs/get/accepted").await;
    assert_quiet(&mut eavesdropper).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_takes_too_long_times_out_and_is_tried_again() {
    let world = World::start().await;
    let mut device = listening(&world).await;
    let retries = Retries::Each { failed: 0, timed_out: 1 };
    let slow = NewJob { in_progress_timeout_minutes: Some(20), retries, ..job("slow", "pi") };
    world.core.create_job(slow).await.unwrap();
    device.receive_json(NOTIFY).await;
    device.receive_json(NOTIFY_NEXT).await;
    // Being queued takes no time.
    world.clock.advance(60 * MINUTE);
    world.core.sweep().await.unwrap();
    ask(&mut device, START_NEXT, &json!({"stepTimeoutInMinutes": 5}), "accepted").await;
    world.clock.advance(4 * MINUTE);
    world.core.sweep().await.unwrap();
    update(&mut device, "slow", json!({"status": "IN_PROGRESS", "stepTimeoutInMinutes": 30}), "accepted").await;
    world.clock.advance(15 * MINUTE);
    world.core.sweep().await.unwrap();
    assert_quiet(&mut device).await;
    world.clock.advance(MINUTE);
    world.core.sweep().await.unwrap();
    let listed = device.receive_json(NOTIFY).await;
    assert_eq!(listed["jobs"]["QUEUED"][0]["executionNumber"], 2);
    assert_eq!(device.receive_json(NOTIFY_NEXT).await["execution"]["executionNumber"], 2);
    let first = world.core.describe_job_execution(id("slow"), pi(), Some(1)).await.unwrap().unwrap();
    assert_eq!(first.status, ExecutionStatus::TimedOut);

    let started = ask(&mut device, START_NEXT, &json!({"stepTimeoutInMinutes": 1}), "accepted").await;
    assert_eq!(started["execution"]["executionNumber"], 2);
    let late = update(&mut device, "slow", json!({"status": "SUCCEEDED", "executionNumber": 1}), "rejected").await;
    assert_eq!(late["executionState"]["status"], "TIMED_OUT");
    world.clock.advance(MINUTE);
    world.core.sweep().await.unwrap();
    assert_eq!(device.receive_json(NOTIFY).await["jobs"], json!({}));
    assert!(device.receive_json(NOTIFY_NEXT).await.get("execution").is_none());
    assert_eq!(world.core.describe_job(id("slow")).await.unwrap().unwrap().status, JobStatus::Completed);
    let progress = world.core.job_progress(id("slow")).await.unwrap();
    assert_eq!(progress, BTreeMap::from([(ExecutionStatus::TimedOut, 1)]));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_are_called_off_and_deleted() {
    let world = World::start().await;
    let mut device = listening(&world).await;
    let other = world.device("other").await;
    let both = vec![JobTarget::Thing(pi()), JobTarget::Thing(ThingName::parse(&other.name).unwrap())];
    let job = NewJob { targets: [both.clone(), both].concat(), retries: Retries::All(5), ..job("a", "pi") };
    world.core.create_job(job.clone()).await.unwrap();
    // The same again is the same, another one is not.
    world.core.create_job(job.clone()).await.unwrap();
    let different = NewJob { document: "{}".into(), ..job };
    assert!(matches!(world.core.create_job(different).await.unwrap_err(), Error::AlreadyExists { .. }));
    let missing = self::job("b", "nobody");
    assert!(matches!(world.core.create_job(missing).await.unwrap_err(), Error::NotFound { kind: "thing", .. }));
    assert_eq!(world.core.list_jobs("").await.unwrap().len(), 1);
    device.receive_json(NOTIFY).await;
    device.receive_json(NOTIFY_NEXT).await;
    ask(&mut device, START_NEXT, &json!({}), "accepted").await;

    // Without force, who has begun may go on.
    world.core.cancel_job(id("a"), Cancellation::default()).await.unwrap();
    let statuses = || async {
        let all = world.core.list_job_executions_for_job(id("a"), "").await.unwrap();
        all.into_iter().map(|execution| (execution.thing.to_string(), execution.status)).collect::<Vec<_>>()
    };
    let expected = [("other".into(), ExecutionStatus::Canceled), ("pi".into(), ExecutionStatus::InProgress)];
    assert_eq!(statuses().await, expected);
    assert_quiet(&mut device).await;
    let refused = world.core.cancel_job_execution(id("a"), pi(), false, None, None).await.unwrap_err();
    assert!(matches!(refused, Error::InvalidState { .. }), "{refused}");
    let refused = world.core.cancel_job_execution(id("a"), pi(), true, Some(1), None).await.unwrap_err();
    assert!(matches!(refused, Error::VersionConflict { version: 2, .. }), "{refused}");
    let details = BTreeMap::from([("why".to_owned(), "it takes too long".to_owned())]);
    world.core.cancel_job_execution(id("a"), pi(), true, Some(2), Some(details)).await.unwrap();
    assert_eq!(device.receive_json(NOTIFY).await["jobs"], json!({}));
    device.receive_json(NOTIFY_NEXT).await;
    let late = update(&mut device, "a", json!({"status": "SUCCEEDED"}), "rejected").await;
    let state = json!({"status": "CANCELED", "statusDetails": {"why": "it takes too long"}, "versionNumber": 3});
    assert_eq!((&late["code"], &late["executionState"]), (&json!("InvalidStateTransition"), &state));

    let thing = ThingName::parse("other").unwrap();
    world.core.delete_job_execution(id("a"), thing.clone(), 1, false).await.unwrap();
    assert!(world.core.list_job_executions_for_thing(thing, "").await.unwrap().is_empty());
    assert_eq!(world.core.list_job_executions_for_thing(pi(), "").await.unwrap().len(), 1);
    world.core.delete_job(id("a"), false).await.unwrap();
    assert!(world.core.list_job_executions_for_thing(pi(), "").await.unwrap().is_empty());
    assert!(matches!(
        world.core.cancel_job(id("a"), Cancellation { force: true, ..Cancellation::default() }).await.unwrap_err(),
        Error::NotFound { kind: "job", .. }
    ));

    create(&world.core, "c").await;
    device.receive_json(NOTIFY).await;
    device.receive_json(NOTIFY_NEXT).await;
    let refused = world.core.delete_job_execution(id("c"), pi(), 1, false).await.unwrap_err();
    assert!(matches!(refused, Error::InvalidState { state: "QUEUED", .. }), "{refused}");
    update(&mut device, "c", json!({"status": "FAILED"}), "accepted").await;
    device.receive_json(NOTIFY).await;
    device.receive_json(NOTIFY_NEXT).await;
    assert!(matches!(
        world.core.cancel_job(id("c"), Cancellation { force: true, ..Cancellation::default() }).await.unwrap_err(),
        Error::InvalidState { state: "COMPLETED", .. }
    ));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_absent_device_finds_its_jobs_when_it_comes_back() {
    let world = World::start().await;
    let device = world.device("pi").await;
    let client = device.connect_persistent().await;
    client.subscribe(NOTIFY_NEXT, QoS::AtLeastOnce).await;
    client.disconnect().await;
    world.gone("pi").await;
    for number in 0..12 {
        create(&world.core, &format!("job-{number:02}")).await;
    }
    let data = world.stop().await;
    let world = World::at(data, Setup::default()).await;
    let mut client = device.at(world.address).connect_persistent().await;
    assert_eq!(client.receive_json(NOTIFY_NEXT).await["execution"]["jobId"], "job-00");
    let pending = ask(&mut client, "$aws/things/pi/jobs/get", &json!({}), "accepted").await;
    let listed: Vec<_> = pending["queuedJobs"].as_array().unwrap().iter().map(|job| &job["jobId"]).collect();
    assert_eq!((listed.len(), listed[0], listed[9]), (10, &json!("job-00"), &json!("job-09")));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_stands_for_its_things() {
    let world = World::start().await;
    let mut device = listening(&world).await;
    world.device("late").await;
    world.core.create_thing_group("house", None, BTreeMap::new()).await.unwrap();
    world.core.create_thing_group("kitchen", Some("house"), BTreeMap::new()).await.unwrap();
    world.core.add_thing_to_group(pi(), "kitchen").await.unwrap();
    let to = |group: &str| vec![JobTarget::Group(group.into())];
    let missing = NewJob { targets: to("cellar"), ..job("a", "pi") };
    assert!(matches!(world.core.create_job(missing).await.unwrap_err(), Error::NotFound { .. }));
    world.core.create_job(NewJob { targets: to("house"), ..job("once", "pi") }).await.unwrap();
    let always = NewJob { targets: to("house"), continuous: true, retries: Retries::All(1), ..job("always", "pi") };
    world.core.create_job(always).await.unwrap();
    for topic in [NOTIFY, NOTIFY_NEXT, NOTIFY] {
        device.receive_json(topic).await;
    }
    for name in ["once", "always"] {
        update(&mut device, name, json!({"status": "SUCCEEDED"}), "accepted").await;
        device.receive_json(NOTIFY).await;
        device.receive_json(NOTIFY_NEXT).await;
    }
    let jobs = || async {
        let jobs = world.core.list_jobs("").await.unwrap();
        jobs.into_iter().map(|job| (job.spec.id.to_string(), job.status)).collect::<Vec<_>>()
    };
    assert_eq!(jobs().await, [("always".into(), JobStatus::InProgress), ("once".into(), JobStatus::Completed)]);

    // Who joins later has missed the one and gets the other.
    let late = ThingName::parse("late").unwrap();
    world.core.add_thing_to_group(late.clone(), "house").await.unwrap();
    world.core.sweep().await.unwrap();
    let of_late = || async {
        let all = world.core.list_job_executions_for_thing(late.clone(), "").await.unwrap();
        all.into_iter()
            .map(|execution| (execution.job.to_string(), execution.number, execution.status))
            .collect::<Vec<_>>()
    };
    assert_eq!(of_late().await, [("always".into(), 1, ExecutionStatus::Queued)]);
    // Who leaves is done with it, and begins anew when it comes back.
    world.core.remove_thing_from_group(late.clone(), "house").await.unwrap();
    world.core.sweep().await.unwrap();
    assert_eq!(of_late().await, [("always".into(), 1, ExecutionStatus::Removed)]);
    world.core.add_thing_to_group(late.clone(), "kitchen").await.unwrap();
    world.core.sweep().await.unwrap();
    world.core.sweep().await.unwrap();
    assert_eq!(of_late().await, [("always".into(), 2, ExecutionStatus::Queued)]);
    // Those who stayed are not asked again.
    let pis = world.core.describe_job_execution(id("always"), pi(), None).await.unwrap().unwrap();
    assert_eq!((pis.number, pis.status), (1, ExecutionStatus::Succeeded));
    let progress = world.core.job_progress(id("always")).await.unwrap();
    assert_eq!(progress, BTreeMap::from([(ExecutionStatus::Queued, 1), (ExecutionStatus::Succeeded, 1)]));
    world.stop().await;
}

/// A deleted thing is no target any more, of whichever job. One that comes back under its name is another one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_pending_for_a_deleted_thing_is_removed() {
    let world = World::start().await;
    let core = &world.core;
    let mut listener = world.device("listener").await.connect().await;
    listener.subscribe("$aws/things/lamp/jobs/#", QoS::AtLeastOnce).await;
    let lamp = ThingName::parse("lamp").unwrap();
    core.create_thing(lamp.clone(), BTreeMap::new()).await.unwrap();
    core.create_thing_group("house", None, BTreeMap::new()).await.unwrap();
    core.add_thing_to_group(lamp.clone(), "house").await.unwrap();
    let always = NewJob { targets: vec![JobTarget::Group("house".into())], continuous: true, ..job("always", "lamp") };
    let retried = NewJob { retries: Retries::All(5), ..job("once", "lamp") };
    for job in [always, retried] {
        core.create_job(job).await.unwrap();
    }
    for kind in ["notify", "notify-next", "notify"] {
        listener.receive_json(&format!("$aws/things/lamp/jobs/{kind}")).await;
    }

    core.delete_thing(lamp.clone()).await.unwrap();
    assert_eq!(listener.receive_json("$aws/things/lamp/jobs/notify").await["jobs"], json!({}));
    assert!(listener.receive_json("$aws/things/lamp/jobs/notify-next").await.get("execution").is_none());
    let of_lamp = || async {
        let all = core.list_job_executions_for_thing(lamp.clone(), "").await.unwrap();
        all.into_iter().map(|last| (last.job.to_string(), last.number, last.status)).collect::<Vec<_>>()
    };
    let removed = |name: &str| (name.to_owned(), 1, ExecutionStatus::Removed);
    assert_eq!(of_lamp().await, [removed("always"), removed("once")]);
    assert_eq!(core.describe_job(id("once")).await.unwrap().unwrap().status, JobStatus::Completed);
    assert_eq!(core.describe_job(id("always")).await.unwrap().unwrap().status, JobStatus::InProgress);

    core.create_thing(lamp.clone(), BTreeMap::new()).await.unwrap();
    core.add_thing_to_group(lamp.clone(), "house").await.unwrap();
    core.sweep().await.unwrap();
    assert_eq!(of_lamp().await, [("always".to_owned(), 2, ExecutionStatus::Queued), removed("once")]);
    world.stop().await;
}
