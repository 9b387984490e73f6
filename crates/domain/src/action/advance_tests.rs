use super::*;
use crate::action::{Invocation, Origin, Risk, Target};
use serde_json::json;

fn action(state: ActionState) -> Action {
    let invocation = Invocation {
        target: Target::Satellite("den".parse().unwrap()),
        capability: "lamp".parse().unwrap(),
        args: json!({"state": "on"}).as_object().unwrap().clone(),
    };
    let args_hash = invocation.hash().unwrap();
    let granted = matches!(state, ActionState::Allowed | ActionState::Approved);
    let grant = granted.then(|| Grant { by: Principal::System, at: Timestamp::EPOCH, args_hash: args_hash.clone() });
    Action {
        id: ActionId::derive(&["1"]),
        invocation,
        args_hash,
        why: String::new(),
        proposer: Principal::System,
        origin: Origin::default(),
        risk: Risk::Medium,
        state,
        decision: None,
        grant,
        deadline: Some(Timestamp::from_ms(1000)),
        command_ttl_s: COMMAND_TTL_S,
        waits_until: None,
        command_expires_at: None,
        outcome: None,
        late: None,
        forgotten: false,
        created_at: Timestamp::EPOCH,
        changed_at: Timestamp::EPOCH,
    }
}

fn decision(verdict: Verdict) -> Step {
    Step::Judge(Decision { verdict, policies: vec!["p".into()], errors: vec![] })
}

fn anna() -> Principal {
    "person:anna".parse().unwrap()
}

#[test]
fn every_step_from_every_state() {
    let hash = action(ActionState::Proposed).args_hash;
    let finish = |state| Step::Finish { state, outcome: Outcome::default() };
    let steps = [
        ("allow", decision(Verdict::Allow), 0),
        ("ask", decision(Verdict::Ask), 0),
        ("deny", decision(Verdict::Deny), 0),
        ("approve", Step::Approve { by: anna(), args_hash: hash }, 0),
        ("reject", Step::Reject { by: anna(), reason: "no".into() }, 0),
        ("cancel", Step::Cancel { by: anna() }, 0),
        ("dispatch", Step::Dispatch, 0),
        ("perform", Step::Perform(Outcome::default()), 0),
        ("acknowledge", Step::Acknowledge, 0),
        ("succeed", finish(ActionState::Succeeded), 0),
        ("finish wrongly", finish(ActionState::Approved), 0),
        ("tick early", Step::Tick, 999),
        ("tick", Step::Tick, 1000),
        ("tick at the end of a permission", Step::Tick, COMMAND_TTL_S * 1000),
        ("dispatch too late", Step::Dispatch, COMMAND_TTL_S * 1000),
        ("perform too late", Step::Perform(Outcome::default()), COMMAND_TTL_S * 1000),
        ("judge too late", decision(Verdict::Allow), COMMAND_TTL_S * 1000),
    ];
    let mut table = String::new();
    for (name, step, ms) in steps {
        let moves: Vec<String> = ActionState::ALL
            .into_iter()
            .filter_map(|from| {
                let to = advance(&action(from), step.clone(), Timestamp::from_ms(ms)).ok()?;
                Some(format!("{} > {}", from.as_str(), to.state.as_str()))
            })
            .collect();
        table.push_str(&format!("{name}: {}\n", moves.join(", ")));
    }
    insta::assert_snapshot!(table, @r"
    allow: proposed > allowed
    ask: proposed > awaiting_approval, allowed > awaiting_approval
    deny: proposed > rejected
    approve: awaiting_approval > approved
    reject: proposed > rejected, awaiting_approval > rejected
    cancel: proposed > canceled, awaiting_approval > canceled, allowed > canceled, approved > canceled
    dispatch: allowed > dispatched, approved > dispatched
    perform: allowed > succeeded, approved > succeeded
    acknowledge: dispatched > acknowledged, acknowledged > acknowledged
    succeed: dispatched > succeeded, acknowledged > succeeded, timed_out > timed_out, canceled > canceled
    finish wrongly: timed_out > timed_out, canceled > canceled
    tick early: 
    tick: awaiting_approval > expired, dispatched > timed_out, acknowledged > timed_out
    tick at the end of a permission: proposed > expired, awaiting_approval > expired, allowed > expired, approved > expired, dispatched > timed_out, acknowledged > timed_out
    dispatch too late: 
    perform too late: 
    judge too late: 
    ");
}

#[test]
fn an_approval_is_for_these_arguments_once_and_in_time() {
    let waiting = action(ActionState::AwaitingApproval);
    let mut other = waiting.invocation.clone();
    other.args.insert("state".into(), json!("off"));
    let approve = |args_hash| Step::Approve { by: anna(), args_hash };
    let refused = advance(&waiting, approve(other.hash().unwrap()), Timestamp::EPOCH);
    assert!(matches!(refused, Err(ActionError::OtherArgs(_))));
    let late = advance(&waiting, approve(waiting.args_hash.clone()), Timestamp::from_ms(1000));
    assert!(matches!(late, Err(ActionError::TooLate(_))));
    let approved = advance(&waiting, approve(waiting.args_hash.clone()), Timestamp::from_ms(999)).unwrap();
    assert_eq!(approved.grant.as_ref().unwrap().by, anna());
    let again = advance(&approved, approve(waiting.args_hash.clone()), Timestamp::from_ms(999));
    assert!(matches!(again, Err(ActionError::State { .. })));
}

#[test]
fn nothing_is_dispatched_without_a_grant_for_exactly_it() {
    let mut approved = action(ActionState::Approved);
    approved.invocation.args.insert("state".into(), json!("off"));
    assert!(matches!(advance(&approved, Step::Dispatch, Timestamp::EPOCH), Err(ActionError::NoGrant(_))));
    assert!(matches!(
        advance(&approved, Step::Perform(Outcome::default()), Timestamp::EPOCH),
        Err(ActionError::NoGrant(_))
    ));
    approved.grant = None;
    assert!(matches!(advance(&approved, Step::Dispatch, Timestamp::EPOCH), Err(ActionError::NoGrant(_))));
}

#[test]
fn a_report_after_the_end_is_kept_and_changes_nothing() {
    let outcome = Outcome { result: Some(json!(1)), error: None };
    let step = Step::Finish { state: ActionState::Succeeded, outcome: outcome.clone() };
    let timed_out = advance(&action(ActionState::TimedOut), step, Timestamp::EPOCH).unwrap();
    assert_eq!((timed_out.state, timed_out.late), (ActionState::TimedOut, Some(outcome)));
}

#[test]
fn only_the_first_late_report_is_kept() {
    let reported = |error: &str| Outcome { result: None, error: Some(error.to_owned()) };
    let step = |error| Step::Finish { state: ActionState::Failed, outcome: reported(error) };
    let later = Timestamp::from_ms(5000);
    let once = advance(&action(ActionState::TimedOut), step("1"), later).unwrap();
    assert_eq!(once.changed_at, Timestamp::EPOCH, "it keeps no longer for that");
    for again in ["1", "2"] {
        assert!(matches!(advance(&once, step(again), later), Err(ActionError::State { .. })));
    }
}

#[test]
fn a_permission_lasts_as_long_as_a_command_would() {
    let approved = Action { command_ttl_s: 5, ..action(ActionState::Approved) };
    assert!(advance(&approved, Step::Dispatch, Timestamp::from_ms(4999)).is_ok());
    let late = advance(&approved, Step::Dispatch, Timestamp::from_ms(5000));
    assert!(matches!(late, Err(ActionError::Stale(_))), "{late:?}");
}

#[test]
fn what_may_not_run_unattended_any_more_waits_for_a_person_with_no_permission() {
    let asked = advance(&action(ActionState::Allowed), decision(Verdict::Ask), Timestamp::EPOCH).unwrap();
    assert_eq!((asked.state, asked.grant), (ActionState::AwaitingApproval, None));
}

#[test]
fn a_forgotten_action_has_no_words_and_gets_none() {
    let words = Outcome { result: Some(json!("4711")), error: Some("4711".to_owned()) };
    let mut open = Action { why: "for the safe, 4711".to_owned(), ..action(ActionState::Dispatched) };
    open.invocation.args.insert("note".into(), json!("4711"));
    let gone = open.forget();
    let step = Step::Finish { state: ActionState::Succeeded, outcome: words.clone() };
    let ended = advance(&gone, step.clone(), Timestamp::EPOCH).unwrap();
    let timed_out = Action { outcome: Some(words), ..action(ActionState::TimedOut) };
    let late = advance(&timed_out.forget(), step, Timestamp::EPOCH).unwrap();
    for action in [gone, ended, late] {
        let json = serde_json::to_string(&action).unwrap();
        assert!(!json.contains("4711") && action.args_hash == open.args_hash, "{json}");
    }
}
