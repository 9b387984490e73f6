use super::{Check, State, files, hub};
use marvain_console::{operations::QueueInfo, satellites::SatelliteInfo, status::Status};
use marvain_domain::Timestamp;
use serde_json::json;
use std::{fs, os::unix::fs::PermissionsExt as _};

const NOW: Timestamp = Timestamp::from_ms(1_795_348_800_000);

fn status(outbox: u64, audit_size: u64, audit_waiting: u64) -> Status {
    serde_json::from_value(json!({
        "version": "0.0.0", "now": NOW, "started_at": NOW, "person": "olga", "role": "owner", "planner": "offline-rules",
        "satellites": 0, "satellites_online": 0, "private_spaces": [], "to_approve": 0, "to_review": 0,
        "deliveries": 0, "dead_letters": 0, "outbox": outbox, "audit_size": audit_size, "audit_waiting": audit_waiting,
        "verifier_key": "k",
        "broker": {"connections": 0, "accepted": 0, "refused": 0, "messages_in": 0, "messages_out": 0, "dropped": 0,
                   "denied": 0}}))
    .unwrap()
}

fn satellite(id: &str, status: &str, presence: serde_json::Value) -> SatelliteInfo {
    serde_json::from_value(json!({
        "id": id, "certificate_id": "ab12", "status": status, "created_at": NOW, "presence": presence,
        "open_commands": [], "readings": []}))
    .unwrap()
}

fn assert_is(check: &Check, state: State, told: &str) {
    assert!(check.state == state && check.detail.contains(told), "{check:?}");
}

#[test]
fn room_is_plenty_low_or_gone() {
    assert_is(&files::room(1 << 30), State::Ok, "1.0 GiB");
    assert_is(&files::room((1 << 30) - 1), State::Warn, "1023.9 MiB");
    assert_is(&files::room(100 << 20), State::Warn, "100.0 MiB");
    assert_is(&files::room((100 << 20) - 1), State::Fail, "99.9 MiB");
}

#[test]
fn a_secret_that_others_can_read_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    fs::create_dir_all(data.join("keys")).unwrap();
    let mode = |path, mode| fs::set_permissions(data.join(path), fs::Permissions::from_mode(mode)).unwrap();
    fs::write(data.join("keys/audit.seed"), "s").unwrap();
    mode("", 0o700);
    mode("keys", 0o700);
    mode("keys/audit.seed", 0o600);
    assert_is(&files::look(&data)[0], State::Ok, "for its owner alone");
    mode("keys/audit.seed", 0o640);
    assert_is(&files::look(&data)[0], State::Fail, "keys/audit.seed");
    assert_is(&files::look(&dir.path().join("nowhere"))[0], State::Warn, "nowhere");
}

#[test]
fn clocks_may_differ_by_two_seconds() {
    let at = |ms: i64| Timestamp::from_ms(NOW.as_ms().checked_add_signed(ms).unwrap());
    for ms in [-2_000, 0, 2_000] {
        assert_eq!(hub::clock(at(ms), NOW).state, State::Ok, "{ms}");
    }
    assert_is(&hub::clock(at(3_600_000), NOW), State::Warn, "1 h");
    assert_is(&hub::clock(at(-3_600_000), NOW), State::Warn, "1 h");
}

#[test]
fn dead_letters_and_what_waits_long_are_found() {
    let queue = |dead, waits_ms| QueueInfo {
        name: "plan".to_owned(),
        waiting: 1,
        in_flight: 0,
        dead,
        oldest: Some(Timestamp::from_ms(NOW.as_ms() - waits_ms)),
    };
    assert_eq!(hub::queues(&[queue(0, 300_000)], NOW).state, State::Ok);
    assert_is(&hub::queues(&[queue(0, 300_001)], NOW), State::Warn, "`plan` waits since 5 min ago");
    assert_is(&hub::queues(&[queue(2, 0)], NOW), State::Warn, "2 dead letters");
}

#[test]
fn what_does_not_become_less_is_stuck() {
    assert_eq!(hub::outbox(&status(5, 0, 0), &status(4, 0, 0)).state, State::Ok);
    assert_eq!(hub::outbox(&status(0, 0, 0), &status(4, 0, 0)).state, State::Ok);
    assert_is(&hub::outbox(&status(5, 0, 0), &status(5, 0, 0)), State::Warn, "5 wait");
    assert_eq!(hub::audit(&status(0, 7, 3), &status(0, 10, 3)).state, State::Ok);
    assert_is(&hub::audit(&status(0, 7, 3), &status(0, 7, 9)), State::Fail, "9 entries wait");
}

#[test]
fn satellites_that_need_somebody_are_named_and_revoked_ones_are_not() {
    let away = satellite("old", "revoked", json!({"online": false}));
    let fine = satellite("den", "active", json!({"online": true}));
    assert_is(&hub::satellites(&[away.clone(), fine.clone()]), State::Ok, "1 online");
    let offline = satellite("hall", "active", json!({"online": false}));
    assert_is(&hub::satellites(&[fine.clone(), offline, away]), State::Warn, "offline: hall");
    let paused = satellite("attic", "active", json!({"online": true, "paused": true, "dropped_telemetry": 3}));
    assert_is(&hub::satellites(&[fine.clone(), paused]), State::Warn, "pauses on attic");
    let dropping = satellite("barn", "active", json!({"online": true, "dropped_telemetry": 3}));
    assert_is(&hub::satellites(&[fine, dropping]), State::Warn, "lost on barn");
}
