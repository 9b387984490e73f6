//! Scenarios as tables, all through [`Policies`].

mod actions;
mod memories;
mod people;
mod texts;

use super::*;
use crate::{
    Timestamp,
    action::{Action, ActionState, Invocation, Origin, Risk, Target},
    id::ActionId,
    identity::{Role, Satellite, SatelliteStatus},
    principal::Principal,
};

pub(super) fn person(id: &str, role: Role) -> Person {
    Person {
        id: id.parse().unwrap(),
        display_name: id.to_owned(),
        role,
        created_at: Timestamp::EPOCH,
        token_hash: None,
        account: None,
    }
}

pub(super) fn satellite(id: &str, space: &str, status: SatelliteStatus) -> Satellite {
    Satellite {
        id: id.parse().unwrap(),
        space: Some(space.parse().unwrap()),
        person: None,
        certificate_id: String::new(),
        status,
        created_at: Timestamp::EPOCH,
    }
}

/// `capability` at the satellite `kitchen`, asked for in the space `hall`, by `proposer` for `person`.
pub(super) fn action(proposer: &str, capability: &str, risk: Risk, person: Option<&str>) -> Action {
    let invocation = Invocation {
        target: Target::Satellite("kitchen".parse().unwrap()),
        capability: capability.parse().unwrap(),
        args: serde_json::Map::new(),
    };
    Action {
        id: ActionId::derive(&["1"]),
        args_hash: invocation.hash().unwrap(),
        invocation,
        why: String::new(),
        proposer: proposer.parse::<Principal>().unwrap(),
        origin: Origin {
            space: Some("hall".parse().unwrap()),
            person: person.map(|id| id.parse().unwrap()),
            ..Origin::default()
        },
        risk,
        state: ActionState::Proposed,
        decision: None,
        grant: None,
        deadline: None,
        command_ttl_s: crate::action::COMMAND_TTL_S,
        waits_until: None,
        command_expires_at: None,
        outcome: None,
        late: None,
        forgotten: false,
        created_at: Timestamp::EPOCH,
        changed_at: Timestamp::EPOCH,
    }
}

/// The default set with one more policy.
pub(super) fn defaults_and(text: &str) -> Policies {
    Policies::parse(&[(DEFAULT_FILE, DEFAULT_SOURCE), ("more.cedar", text)]).unwrap()
}

/// A rule that stands in the default policies as an example, its comment taken away.
pub(super) fn example(id: &str) -> String {
    let lines = DEFAULT_SOURCE.lines().skip_while(|line| *line != format!("// @id(\"{id}\")"));
    let rule: Vec<_> = lines.map_while(|line| line.strip_prefix("// ")).collect();
    let (rule, _) = rule.join("\n").split_once("};").map(|(rule, rest)| (rule.to_owned(), rest.to_owned())).unwrap();
    rule + "};\n"
}

/// A `forbid` that fails whenever Cedar asks it: its sum overflows.
pub(super) fn failing_forbid(action: &str) -> String {
    format!(
        "@id(\"failing\") forbid (principal, action == Action::\"{action}\", resource)
         when {{ 9223372036854775807 + 1 > 0 }};"
    )
}
