//! Memories for people: with evidence, and with reasons when they were recalled.

use super::{Look, Tint, clean, cut, fields, more, relative, table};
use marvain_console::page::List;
use marvain_domain::{
    memory::{Evidence, Memory, MemoryState},
    recall::{Reason, Recalled},
};

/// Longest content in a list, in characters.
const CONTENT_CHARS: usize = 60;

fn state(state: MemoryState) -> (String, Tint) {
    let tint = match state {
        MemoryState::Candidate => Tint::Attention,
        MemoryState::Committed | MemoryState::Edited => Tint::Good,
        MemoryState::Rejected | MemoryState::Superseded | MemoryState::Tombstoned => Tint::Dim,
    };
    (state.as_str().to_owned(), tint)
}

fn content(memory: &Memory) -> String {
    match (memory.content.as_str(), memory.state) {
        ("", MemoryState::Tombstoned) => "(forgotten)".to_owned(),
        ("", _) => "(not for you)".to_owned(),
        (content, _) => content.to_owned(),
    }
}

pub(crate) fn list(list: &List<Memory>, look: Look) -> String {
    if list.items.is_empty() {
        return format!("none{}", more(list.next.as_deref()));
    }
    let rows = list.items.iter().map(|memory| {
        let plain = |text| (text, Tint::Plain);
        [
            plain(memory.id.to_string()),
            state(memory.state),
            plain(memory.tier.as_str().to_owned()),
            plain(memory.subject.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string)),
            plain(relative(memory.changed_at, look.now)),
            plain(cut(&memory.content, CONTENT_CHARS)),
        ]
    });
    let head = ["MEMORY", "STATE", "TIER", "ABOUT", "CHANGED", "CONTENT"];
    table(look, head, rows.collect()) + &more(list.next.as_deref())
}

pub(crate) fn one(memory: &Memory, look: Look) -> String {
    let (state, tint) = state(memory.state);
    let about = memory.subject.as_ref().map_or_else(|| "nobody in particular".to_owned(), ToString::to_string);
    let model = memory.model.as_deref().map(|model| format!(" with {model}")).unwrap_or_default();
    let mut rows = vec![
        ("memory", memory.id.to_string(), Tint::Plain),
        ("state", format!("{state}, {} by {}", relative(memory.changed_at, look.now), memory.changed_by), tint),
        ("content", content(memory), Tint::Plain),
        ("tier", memory.tier.as_str().to_owned(), Tint::Plain),
        ("about", about, Tint::Plain),
        (
            "proposed",
            format!(
                "{} by {}{model}, {:.0} % sure",
                relative(memory.created_at, look.now),
                memory.proposed_by,
                memory.confidence * 100.0
            ),
            Tint::Plain,
        ),
    ];
    rows.extend(memory.evidence.iter().map(|e| ("evidence", evidence(e, look), Tint::Plain)));
    rows.extend(memory.supersedes.iter().map(|id| ("replaces", id.to_string(), Tint::Plain)));
    rows.extend(memory.superseded_by.iter().map(|id| ("replaced by", id.to_string(), Tint::Plain)));
    for edit in &memory.edits {
        rows.push(("before", format!("{} ({}, {})", edit.before, edit.by, relative(edit.at, look.now)), Tint::Dim));
    }
    fields(look, rows)
}

/// The words, when, where, through what and by whom.
fn evidence(evidence: &Evidence, look: Look) -> String {
    let excerpt =
        if evidence.excerpt.is_empty() { "(forgotten)".to_owned() } else { format!("“{}”", evidence.excerpt) };
    let space = evidence.space.as_ref().map(|space| format!(" in {space}")).unwrap_or_default();
    let person = evidence.person.as_ref().map_or_else(|| "unknown".to_owned(), ToString::to_string);
    let when = relative(evidence.at, look.now);
    format!("{excerpt} — {person}, {when}, through {}{space} ({})", evidence.satellite, evidence.event)
}

pub(crate) fn recalled(list: &List<Recalled>, look: Look) -> String {
    if list.items.is_empty() {
        return "nothing is remembered that fits, or may be told to you".to_owned();
    }
    let each = list.items.iter().enumerate().map(|(place, Recalled { memory, score, reasons })| {
        let reasons: Vec<String> = reasons.iter().map(reason).collect();
        let mut rows = vec![
            ("id", memory.id.to_string(), Tint::Dim),
            ("score", format!("{score:.4}"), Tint::Plain),
            ("because", reasons.join("; "), Tint::Plain),
        ];
        rows.extend(memory.evidence.iter().map(|e| ("evidence", evidence(e, look), Tint::Plain)));
        let details = fields(look, rows).replace('\n', "\n   ");
        format!("{}. {}\n   {details}", place + 1, clean(&memory.content))
    });
    each.collect::<Vec<_>>().join("\n\n")
}

fn reason(reason: &Reason) -> String {
    match reason {
        Reason::Similar { rank, similarity } => format!("means something like it (nearest {rank}, {similarity:.2})"),
        Reason::Words { rank, score } => format!("shares words with it (best {rank}, {score:.2})"),
        Reason::Recent { days } if *days < 1.0 => "is of today".to_owned(),
        Reason::Recent { days } => format!("is {days:.0} days old"),
        Reason::Subject { person } => format!("is about {person}"),
    }
}
