//! The hub at a glance.

use super::{Look, Tint, fields, relative};
use marvain_console::status::{Status, WAITING_MAX};

/// A number that should be 0.
fn wanting(count: u64, tint: Tint) -> Tint {
    if count == 0 { Tint::Plain } else { tint }
}

pub(crate) fn status(status: &Status, look: Look) -> String {
    let Status { satellites, satellites_online, to_approve, to_review, dead_letters, .. } = status;
    let online = if satellites == satellites_online { Tint::Good } else { Tint::Attention };
    let private: Vec<&str> = status.private_spaces.iter().map(|space| space.as_str()).collect();
    let private = if private.is_empty() { "off".to_owned() } else { format!("on in {}", private.join(", ")) };
    let broker = &status.broker;
    fields(
        look,
        vec![
            (
                "hub",
                format!("marvain {}, up since {}", status.version, relative(status.started_at, look.now)),
                Tint::Good,
            ),
            ("you", format!("{}, {}", status.person, status.role.as_str()), Tint::Plain),
            ("planner", status.planner.clone(), Tint::Plain),
            ("satellites", format!("{satellites_online} of {satellites} online"), online),
            ("privacy mode", private, Tint::Plain),
            ("to approve", actions(*to_approve), wanting(*to_approve as u64, Tint::Attention)),
            ("to review", memories(*to_review), wanting(*to_review as u64, Tint::Attention)),
            (
                "deliveries",
                format!("{} under way, {} effects to go out", status.deliveries, status.outbox),
                Tint::Plain,
            ),
            ("dead letters", dead_letters.to_string(), wanting(*dead_letters, Tint::Bad)),
            (
                "audit log",
                format!("{} entries sealed, {} waiting", status.audit_size, status.audit_waiting),
                Tint::Plain,
            ),
            ("audit key", status.verifier_key.clone(), Tint::Dim),
            (
                "broker",
                format!(
                    "{} connections, {} messages in, {} out, {} dropped, {} denied",
                    broker.connections, broker.messages_in, broker.messages_out, broker.dropped, broker.denied
                ),
                Tint::Plain,
            ),
        ],
    )
}

fn actions(count: usize) -> String {
    waiting(count, "marvain action list --state awaiting_approval")
}

fn memories(count: usize) -> String {
    waiting(count, "marvain memory list --state candidate")
}

fn waiting(count: usize, shown_by: &str) -> String {
    match count {
        0 => "nothing".to_owned(),
        WAITING_MAX.. => format!("{WAITING_MAX} or more: `{shown_by}`"),
        _ => format!("{count}: `{shown_by}`"),
    }
}
