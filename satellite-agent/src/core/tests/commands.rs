//! At most once, and an answer for everything.

use super::*;

#[test]
fn a_command_runs_and_is_reported() {
    let mut world = World::new();
    world.connect(&json!({}), false);
    world.delta(&lamp(1, "on", 60));
    let argv = vec!["lamp".to_owned(), "on".to_owned()];
    assert_eq!(world.started, [(action(1), Job::Run { argv, timeout_s: 30 })]);
    assert_eq!(
        world.disk.facts.last(),
        Some(&Fact::Started { action: action(1), expires_at: Timestamp::from_ms(T0).plus_s(60) })
    );
    assert_eq!(world.states(), ["acknowledged"]);
    world.tell(done(1));
    let reports = world.sent("/report");
    assert_eq!(reports[0]["state"], "succeeded");
    assert_eq!(reports[0]["result"], json!({"exit": 0}));
    assert_eq!(reports[0]["action"], action(1).as_str());
    world.ack_all();
    assert!(world.disk.lanes[0].is_empty());
}

#[test]
fn a_command_that_comes_again_does_not_run_again() {
    let mut world = World::new();
    world.connect(&lamp(1, "on", 60), false);
    world.delta(&lamp(1, "on", 60));
    world.tell(done(1));
    world.delta(&lamp(1, "on", 60));
    world.disconnect();
    world.connect(&lamp(1, "on", 60), false);
    let mut world = world.restart(2);
    world.connect(&lamp(1, "on", 60), false);
    assert!(world.started.is_empty());
    // Also with other arguments: the id is what counts.
    world.delta(&lamp(1, "off", 60));
    assert!(world.started.is_empty());
    world.delta(&lamp(2, "off", 60));
    assert_eq!(world.started.len(), 1);
}

#[test]
fn wherever_it_crashes_a_command_runs_at_most_once_and_has_an_end() {
    for crash_after in 0..14 {
        let mut world = World::new();
        world.connect(&json!({}), false);
        world.crash_after = Some(crash_after);
        world.delta(&lamp(1, "on", 60));
        let ran = world.started.len();
        if ran > 0 {
            world.tell(done(1));
        }
        let mut ends: Vec<_> = world.states().into_iter().filter(|state| state != "acknowledged").collect();
        let mut world = world.restart(2);
        world.connect(&lamp(1, "on", 60), false);
        let ran_again = world.started.len();
        if ran_again > 0 {
            world.tell(done(1));
        }
        ends.extend(world.states().into_iter().filter(|state| state != "acknowledged"));
        assert!(ran + ran_again <= 1, "crash after {crash_after}: ran {ran} and {ran_again} times");
        let expected = if ran + ran_again == 1 { "succeeded" } else { "failed" };
        // The result is lost if the crash comes before it is spooled: then the outcome is unknown.
        let unknown = ran == 1 && ends.iter().all(|end| end == "failed");
        assert!(unknown || ends.iter().all(|end| end == expected), "crash after {crash_after}: {ends:?}");
        assert!(!ends.is_empty(), "crash after {crash_after}");
    }
}

#[test]
fn an_interrupted_command_is_failed_once_with_an_unknown_outcome() {
    let mut world = World::new();
    world.connect(&lamp(1, "on", 60), false);
    assert_eq!(world.started.len(), 1);
    let world = world.restart(2);
    let mut world = world.restart(3);
    world.connect(&lamp(1, "on", 60), false);
    assert!(world.started.is_empty());
    let reports = world.reports();
    assert_eq!(reports[1..], [("failed".to_owned(), "interrupted: outcome unknown".to_owned())], "{reports:?}");
}

#[test]
fn what_cannot_run_is_refused_with_a_reason() {
    let mut lamp_without_state = lamp(4, "on", 60);
    lamp_without_state[action(4).as_str()]["args"] = json!({});
    let mut oven = lamp(5, "on", 60);
    oven[action(5).as_str()]["capability"] = json!("oven");
    let cases = [
        (1, lamp(1, "dim", 60), "rejected", "argument `state` must be one of on, off"),
        (4, lamp_without_state, "rejected", "argument `state` is missing"),
        (5, oven, "rejected", "capability `oven` is unknown here"),
        (
            6,
            json!({ action(6).as_str(): {"capability": "lamp"} }),
            "rejected",
            "the command is malformed: missing field",
        ),
        (7, json!({ action(7).as_str(): 3 }), "rejected", "the command is malformed"),
    ];
    for (_, command, state, why) in cases {
        let mut world = World::new();
        world.connect(&command, false);
        world.delta(&command);
        let reports = world.reports();
        assert_eq!(reports.len(), 1, "{reports:?}");
        assert!(reports[0].0 == state && reports[0].1.contains(why), "{reports:?}");
        assert!(world.started.is_empty());
    }
}

#[test]
fn a_command_without_a_valid_id_does_not_hide_its_neighbours() {
    let mut world = World::new();
    let mut commands = lamp(1, "on", 60);
    commands["act_nonsense"] = json!({"capability": "lamp"});
    world.connect(&commands, false);
    assert_eq!(world.started.len(), 1);
}

#[test]
fn an_expired_command_does_not_run() {
    for (expires_s, state) in [(9, "expired"), (10, "expired"), (11, "acknowledged")] {
        let mut world = World::new();
        world.pass(10_000);
        world.connect(&lamp(1, "on", expires_s), false);
        assert_eq!(world.states(), [state], "expires at {expires_s} s");
        assert_eq!(world.started.len(), usize::from(state == "acknowledged"));
    }
}

#[test]
fn a_job_that_fails_says_why() {
    let mut world = World::new();
    world.connect(&lamp(1, "on", 60), false);
    world.reports();
    let outcome = Outcome { result: Some(json!({"exit": 3})), error: Some("exit status: 3: no lamp".into()) };
    world.tell(Input::Finished { action: action(1), outcome });
    assert_eq!(world.reports(), [("failed".to_owned(), "exit status: 3: no lamp".to_owned())]);
}

#[test]
fn a_job_does_not_begin_when_its_id_cannot_be_stored() {
    let mut world = World::new();
    world.connect(&json!({}), false);
    world.disk.journal_broken = true;
    world.delta(&lamp(1, "on", 60));
    assert!(world.started.is_empty());
    world.disk.journal_broken = false;
    world.published.clear();
    world.pass(10_000);
    assert_eq!(world.sent("/commands/get").len(), 1, "it asks for what it left");
    world.connect(&lamp(1, "on", 60), false);
    assert_eq!(world.started.len(), 1);
}

#[test]
fn only_so_many_commands_are_open_and_the_rest_waits_in_the_shadow() {
    let mut world = World::new();
    let mut many = json!({});
    for n in 0..10 {
        many[action(n).as_str()] = lamp(n, "on", 600)[action(n).as_str()].clone();
    }
    world.connect(&many, false);
    assert_eq!(world.started.len(), 8);
    let first = world.started[0].0.clone();
    world.tell(Input::Finished { action: first, outcome: Outcome::default() });
    world.published.clear();
    world.pass(10_000);
    assert_eq!(world.sent("/commands/get").len(), 1);
    world.delta(&many);
    assert_eq!(world.started.len(), 9);
}

#[test]
fn ids_are_forgotten_long_after_they_expired() {
    let mut world = World::new();
    world.connect(&lamp(1, "on", 60), false);
    world.tell(done(1));
    let known = |world: &World| world.disk.facts.iter().any(|fact| matches!(fact, Fact::Done { .. }));
    assert!(known(&world));
    let mut disk = world.disk.clone();
    disk.facts = disk
        .facts
        .into_iter()
        .map(|fact| match fact {
            Fact::Done { action, .. } => {
                Fact::Done { action, expires_at: Timestamp::from_ms(T0 - (REMEMBER_S + 1) * 1000) }
            }
            other => other,
        })
        .collect();
    assert!(known(&world.restart(2)), "not at once");
    assert!(!known(&World::on(disk, 2)));
}

#[test]
fn after_damage_to_the_journal_open_commands_do_not_run_and_new_ones_do() {
    let mut world = World::new();
    world.disk.facts = vec![Fact::Damaged];
    let mut world = world.restart(2).restart(3);
    world.delta(&lamp(1, "on", 60));
    world.connect(&lamp(2, "on", 60), false);
    assert!(world.started.is_empty());
    let reports = world.reports();
    assert_eq!(reports.len(), 2);
    assert!(reports.iter().all(|(state, why)| state == "failed" && why.contains("journal was damaged")), "{reports:?}");
    world.delta(&lamp(3, "on", 60));
    assert_eq!(world.started.len(), 1);
    let mut world = world.restart(4);
    world.delta(&lamp(4, "on", 60));
    assert_eq!(world.started.len(), 1, "that it was dealt with is remembered");
}

#[test]
fn a_command_that_comes_while_the_process_is_about_to_end_waits_for_the_next_start() {
    let mut world = World::new();
    world.connect(&lamp(1, "on", 60), false);
    world.tell(Input::Stopping);
    world.delta(&lamp(2, "off", 60));
    world.tell(done(1));
    assert_eq!(world.states(), ["acknowledged", "succeeded"], "what runs is still reported");
    assert_eq!(world.started.len(), 1);
    let mut world = world.restart(2);
    world.connect(&lamp(2, "off", 60), false);
    assert_eq!(world.started.len(), 1);
    // Privacy mode is not a command.
    world.tell(Input::Stopping);
    world.shadow(ShadowName::Config, ShadowOp::UpdateDelta, &json!({"state": {"privacy": true}, "version": 2}));
    world.say("a secret");
    assert!(world.texts().is_empty());
}

#[test]
fn a_command_without_arguments_may_come_without_them() {
    let mut world = World::new();
    let expires_at = Timestamp::from_ms(T0).plus_s(60);
    world.connect(&json!({ action(1).as_str(): {"capability": "ping", "expires_at": expires_at} }), false);
    assert!(matches!(world.started[..], [(_, Job::Answer { .. })]));
}
