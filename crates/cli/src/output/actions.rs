//! Actions for people.

use super::{Look, Tint, cut, fields, more, relative, table};
use marvain_console::page::List;
use marvain_domain::action::{Action, ActionState, Risk, Target};
use serde_json::Value;

/// Longest invocation in a list, in characters.
const INVOCATION_CHARS: usize = 60;

fn state(state: ActionState) -> (String, Tint) {
    let tint = match state {
        ActionState::AwaitingApproval => Tint::Attention,
        ActionState::Succeeded => Tint::Good,
        ActionState::Failed | ActionState::Rejected | ActionState::Expired | ActionState::TimedOut => Tint::Bad,
        ActionState::Canceled => Tint::Dim,
        _ => Tint::Plain,
    };
    (state.as_str().to_owned(), tint)
}

fn risk(risk: Risk) -> (String, Tint) {
    let tint = match risk {
        Risk::Low => Tint::Plain,
        Risk::Medium => Tint::Attention,
        Risk::High => Tint::Bad,
    };
    (risk.as_str().to_owned(), tint)
}

fn target(target: &Target) -> String {
    match target {
        Target::Satellite(id) => id.to_string(),
        Target::Hub => "hub".to_owned(),
    }
}

/// What exactly is to be done: `kitchen lamp state="on"`.
fn invocation(action: &Action) -> String {
    let invocation = &action.invocation;
    let args: String = invocation.args.iter().map(|(name, value)| format!(" {name}={value}")).collect();
    format!("{} {}{args}", target(&invocation.target), invocation.capability)
}

pub(crate) fn list(list: &List<Action>, look: Look) -> String {
    if list.items.is_empty() {
        return format!("none{}", more(list.next.as_deref()));
    }
    let rows = list.items.iter().map(|action| {
        let plain = |text| (text, Tint::Plain);
        [
            plain(action.id.to_string()),
            state(action.state),
            risk(action.risk),
            plain(relative(action.created_at, look.now)),
            plain(cut(&invocation(action), INVOCATION_CHARS)),
        ]
    });
    table(look, ["ACTION", "STATE", "RISK", "PROPOSED", "WHAT"], rows.collect()) + &more(list.next.as_deref())
}

pub(crate) fn one(action: &Action, look: Look) -> String {
    let ago = |at| relative(at, look.now);
    let (state, state_tint) = state(action.state);
    let (risk, risk_tint) = risk(action.risk);
    let deadline = action.deadline.map(|at| format!(", until {}", ago(at))).unwrap_or_default();
    let mut rows = vec![
        ("action", action.id.to_string(), Tint::Plain),
        ("state", format!("{state}, {}{deadline}", ago(action.changed_at)), state_tint),
        ("target", target(&action.invocation.target), Tint::Plain),
        ("capability", action.invocation.capability.to_string(), Tint::Plain),
    ];
    // Whole and as JSON: this is what an approval is of.
    rows.extend(
        action.invocation.args.iter().map(|(name, value)| ("argument", format!("{name} = {value}"), Tint::Plain)),
    );
    rows.extend([
        ("risk", risk, risk_tint),
        ("why", action.why.clone(), Tint::Plain),
        ("proposed", format!("{} by {}", ago(action.created_at), action.proposer), Tint::Plain),
    ]);
    let origin = &action.origin;
    rows.extend(origin.person.iter().map(|person| ("on behalf of", person.to_string(), Tint::Plain)));
    rows.extend(origin.satellite.iter().map(|satellite| ("heard by", satellite.to_string(), Tint::Plain)));
    rows.extend(origin.event.iter().map(|event| ("event", event.to_string(), Tint::Plain)));
    if let Some(decision) = &action.decision {
        let verdict = serde_json::to_value(decision.verdict).ok();
        let verdict = verdict.as_ref().and_then(Value::as_str).unwrap_or_default();
        rows.push(("policy", format!("{verdict}: {}", decision.policies.join(", ")), Tint::Plain));
        rows.extend(decision.errors.iter().map(|error| ("policy error", error.clone(), Tint::Bad)));
    }
    rows.extend(action.grant.iter().map(|grant| ("granted", format!("{} by {}", ago(grant.at), grant.by), Tint::Good)));
    for (name, outcome) in [("result", &action.outcome), ("late result", &action.late)] {
        let Some(outcome) = outcome else { continue };
        rows.extend(outcome.result.iter().map(|result| (name, result.to_string(), Tint::Plain)));
        rows.extend(outcome.error.iter().map(|error| (name, error.clone(), Tint::Bad)));
    }
    rows.push(("args hash", action.args_hash.to_string(), Tint::Dim));
    fields(look, rows)
}
