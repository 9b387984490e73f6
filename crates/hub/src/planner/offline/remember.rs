//! “Remember that …”.

use super::words::{after, after_any, words};
use marvain_domain::{
    id::PersonId,
    memory::{MEMORY_BYTES_MAX, Tier},
    plan::{Draft, DraftMemory, PlanRequest},
};

const KIN: &[&str] = &[
    "aunt",
    "boss",
    "boyfriend",
    "brother",
    "colleague",
    "cousin",
    "dad",
    "daughter",
    "father",
    "fiance",
    "fiancee",
    "friend",
    "girlfriend",
    "granddaughter",
    "grandfather",
    "grandmother",
    "grandson",
    "husband",
    "mother",
    "mum",
    "mom",
    "neighbour",
    "neighbor",
    "nephew",
    "niece",
    "partner",
    "sister",
    "son",
    "uncle",
    "wife",
];
const POSSESSIVES: &[&str] = &["s", "my", "his", "her", "our", "their", "your"];
const PREFERS: &[&str] =
    &["likes", "prefers", "loves", "hates", "dislikes", "enjoys", "favourite", "favourites", "favorite", "favorites"];
const PREFER: &[&str] = &["like", "prefer", "love", "hate", "dislike", "enjoy"];
const PRONOUNS: &[&str] = &["i", "we", "they", "you"];
const DAYS: &[&str] = &["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
const FIRST_PERSON: &[&str] = &["i", "me", "my", "mine", "myself", "we", "us", "our", "ours"];

/// The memory that is asked for, if one is.
pub(super) fn plan(asked: &str, request: &PlanRequest) -> Option<Draft> {
    let statement = match after_any(asked, &["remember that", "remember this", "note that"]) {
        Some(statement) => statement,
        None if after(asked, "remember how to").is_some() => after(asked, "remember")?,
        // `remember: …` and `remember, …`; without the mark it is `remember to …` and `remember me`.
        None => {
            let rest = asked.get("remember".len()..).filter(|rest| rest.trim_start().starts_with([':', ',']));
            rest.and_then(|_| after(asked, "remember"))?
        }
    };
    if statement.is_empty() {
        return Some(Draft::default());
    }
    let content = third_person(statement, request.event.person.as_ref());
    let memory = DraftMemory {
        tier: tier(statement),
        content: cut(&content),
        subject: request.event.person.clone().filter(|_| is_first_person(statement)),
        // It was asked for in so many words.
        confidence: 1.0,
    };
    Some(Draft { memories: vec![memory], actions: Vec::new() })
}

fn cut(content: &str) -> String {
    content.get(..content.floor_char_boundary(MEMORY_BYTES_MAX)).unwrap_or(content).to_owned()
}

fn is_first_person(text: &str) -> bool {
    words(text).iter().any(|word| FIRST_PERSON.contains(&word.as_str()))
}

/// `statement` about `person` by name, where nothing but its first words speaks of them: `I like tea` said by anna is
/// `anna likes tea`. Otherwise the words stay as they are.
pub(super) fn third_person(statement: &str, person: Option<&PersonId>) -> String {
    const IRREGULAR: &[(&str, &str)] =
        &[("I am", " is"), ("I'm", " is"), ("I’m", " is"), ("I have", " has"), ("my", "'s")];
    const REGULAR: &[&str] =
        &["like", "love", "prefer", "hate", "dislike", "enjoy", "need", "want", "live", "work", "drink", "eat"];
    let regular = || {
        let rest = after(statement, "I")?;
        REGULAR.iter().find_map(|verb| Some((format!(" {verb}s"), after(rest, verb)?)))
    };
    let irregular =
        || IRREGULAR.iter().find_map(|(first, third)| Some(((*third).to_owned(), after(statement, first)?)));
    match (person, irregular().or_else(regular)) {
        (Some(person), Some((third, rest))) if !rest.is_empty() && !is_first_person(rest) => {
            format!("{person}{third} {rest}")
        }
        _ => statement.to_owned(),
    }
}

/// What sort of memory a statement makes, by cues.
fn tier(statement: &str) -> Tier {
    let words = words(statement);
    let word = |i: usize| words.get(i).map_or("", String::as_str);
    let pair = |first: &[&str], second: &[&str]| {
        (1..words.len()).any(|i| first.contains(&word(i - 1)) && second.contains(&word(i)))
    };
    let any = |cues: &[&str]| words.iter().any(|word| cues.contains(&word.as_str()));
    let kin = (1..words.len())
        .any(|i| KIN.contains(&word(i)) && POSSESSIVES.contains(&word(i - 1)) && word(i + 1) != "s")
        && any(&["is", "are", "was"]);
    if any(PREFERS) || pair(PRONOUNS, PREFER) {
        Tier::Preference
    } else if pair(&["how"], &["to"]) {
        Tier::Procedural
    } else if kin {
        Tier::Relationship
    } else if any(&["yesterday", "today", "tonight", "tomorrow"])
        || pair(&["on", "last", "next"], DAYS)
        || pair(&["last", "this"], &["night", "morning", "afternoon", "evening", "week", "month"])
    {
        Tier::Episodic
    } else {
        Tier::Semantic
    }
}
