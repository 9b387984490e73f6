//! A full spool and a disk that refuses: inputs pause, reports go on, nothing is let go, order is kept.

use super::*;

#[test]
fn a_full_spool_pauses_inputs_says_so_and_resumes_in_order() {
    let mut world = World::new();
    world.disk.room = Some(16);
    (0..20).for_each(|n| world.say(&n.to_string()));
    assert!(world.paused);
    assert_eq!(world.disk.lanes[0].len(), 16);
    world.connect(&json!({}), false);
    assert_eq!(world.sent("/presence/update").last().unwrap()["state"]["reported"]["paused"], true);
    let mut texts = Vec::new();
    for _ in 0..10 {
        texts.extend(world.texts());
        world.ack_all();
        world.pass(1_000);
    }
    assert_eq!(texts, (0..20).map(|n: i32| n.to_string()).collect::<Vec<_>>());
    assert!(!world.paused);
    assert_eq!(world.sent("/presence/update").last().unwrap()["state"]["reported"]["paused"], false);
}

#[test]
fn commands_are_answered_while_the_spool_is_full_of_events() {
    let mut world = World::new();
    world.disk.room = Some(2);
    (0..3).for_each(|n| world.say(&n.to_string()));
    assert!(world.paused);
    world.connect(&lamp(1, "on", 60), false);
    world.tell(done(1));
    assert_eq!(world.states(), ["acknowledged", "succeeded"]);
}

#[test]
fn a_disk_that_refuses_pauses_inputs_and_is_tried_again_ever_more_slowly() {
    let mut world = World::new();
    world.connect(&json!({}), false);
    world.disk.broken = true;
    world.say("a");
    world.say("b");
    assert!(world.paused && world.texts().is_empty());
    let mut tries = Vec::new();
    while let Some(at) = world.agent.deadline().filter(|at| *at < 200_000) {
        world.pass(at - world.mono_ms);
        tries.push(at);
    }
    let waits: Vec<_> = tries.windows(2).map(|pair| pair[1] - pair[0]).filter(|wait| *wait > 0).collect();
    assert!(waits.ends_with(&[30_000, 30_000]) && waits.len() < 20, "{waits:?}");
    world.disk.broken = false;
    world.pass(30_000);
    assert_eq!(world.texts(), ["a", "b"]);
    assert!(!world.paused);
}

#[test]
fn readings_never_pause_anything() {
    let mut world = World::new();
    world.disk.broken = true;
    world.tell(Input::Readings(vec![marvain_topics::wire::Reading {
        name: "t".into(),
        value: 1.0,
        unit: String::new(),
    }]));
    assert!(!world.paused);
    assert_eq!(world.agent.deadline(), None);
}

#[test]
fn lines_that_come_while_one_is_refused_do_not_overtake_it() {
    let mut world = World::new();
    world.connect(&json!({}), false);
    world.say("a");
    world.disk.broken = true;
    let line = |text: &str| {
        let (input, emit) = ("stdin".to_owned(), Emit::Transcript);
        Input::Line { input, emit, text: text.to_owned(), position: None }
    };
    world.agent.handle(world.now(), line("b"));
    let append = world.agent.poll_output().unwrap();
    world.agent.handle(world.now(), line("c"));
    assert!(world.agent.poll_output().is_none(), "one append at a time");
    let refused = world.carry_out(append).unwrap();
    world.disk.broken = false;
    world.agent.handle(world.now(), refused);
    world.settle();
    assert!(world.paused && world.texts() == ["a"]);
    world.pass(1_000);
    assert_eq!(world.texts(), ["b", "c"]);
}

#[test]
fn a_spool_that_cannot_be_read_for_a_while_is_read_again() {
    let mut world = World::new();
    world.disk.unreadable = true;
    world.connect(&json!({}), false);
    (0..100).for_each(|n| world.say(&n.to_string()));
    assert!(world.texts().is_empty() && !world.paused);
    world.disk.unreadable = false;
    let mut texts = Vec::new();
    for _ in 0..3 {
        world.pass(5_000);
        texts.extend(world.texts());
        world.ack_all();
    }
    assert_eq!(texts, (0..100).map(|n: i32| n.to_string()).collect::<Vec<_>>());
}
