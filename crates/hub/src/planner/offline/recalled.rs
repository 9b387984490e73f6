//! “Forget …” and “what do you know about …”: requests about what was recalled.

use super::{
    offers::{act, of_hub, say},
    remember::third_person,
    words::{after_any, topic, without_thanks},
};
use marvain_domain::plan::{Draft, MEMORY_FORGET, PlanRequest, RecalledMemory};
use serde_json::Map;

/// Most memories that one request forgets.
const FORGET_MAX: usize = 3;
/// Most memories that one answer tells.
const TELL_MAX: usize = 5;
/// Share of the words of a statement and a memory, together, that both must have to be the same, in percent.
const SAME_PERCENT_MIN: usize = 75;

/// Forgetting, if it is asked for. `forget that …` means the memory that says just that; `forget about …` means those
/// that speak of it.
pub(super) fn forget(asked: &str, request: &PlanRequest) -> Option<Draft> {
    const ABOUT: &[&str] =
        &["forget about", "forget everything about", "forget what you know about", "forget all about", "forget"];
    let asked = without_thanks(asked);
    let (what, found) = if let Some(what) = after_any(asked, &["forget that"]) {
        let statement = topic(&third_person(what, request.event.person.as_ref()));
        (what, matching(request, |memory| is_same(&statement, memory)))
    } else {
        let what = after_any(asked, ABOUT)?;
        let about = topic_of(what, request);
        (what, matching(request, |memory| !about.is_empty() && about.iter().all(|word| memory.contains(word))))
    };
    if what.is_empty() {
        return None;
    }
    let Some(offer) = of_hub(request, MEMORY_FORGET) else {
        return Some(say(request, "I cannot forget anything here."));
    };
    let actions: Vec<_> = found
        .into_iter()
        .take(FORGET_MAX)
        .filter_map(|memory| {
            let args = Map::from_iter([("memory".to_owned(), memory.id.as_str().into())]);
            act(offer, args, "asked to forget it".to_owned())
        })
        .collect();
    Some(if actions.is_empty() {
        say(request, &format!("I remember nothing to forget about: {what}"))
    } else {
        Draft { memories: Vec::new(), actions }
    })
}

/// An answer from memory, if one is asked for.
pub(super) fn tell(asked: &str, request: &PlanRequest) -> Option<Draft> {
    const QUESTIONS: &[&str] = &[
        "what do you know about",
        "what do you remember about",
        "what do we know about",
        "do you know anything about",
        "tell me about",
        "what is",
        "what are",
        "what was",
        "what's",
        "who is",
        "who are",
        "who was",
        "who's",
        "where is",
        "where are",
        "where's",
        "when is",
        "when was",
        "when's",
    ];
    let what = after_any(without_thanks(asked), QUESTIONS).filter(|what| !what.is_empty())?;
    let about = topic_of(what, request);
    let known: Vec<&str> = matching(request, |memory| about.iter().any(|word| memory.contains(word)))
        .into_iter()
        .take(TELL_MAX)
        .map(|memory| memory.content.as_str())
        .collect();
    Some(if known.is_empty() {
        say(request, &format!("I know nothing about {what}."))
    } else {
        say(request, &known.join("; "))
    })
}

/// The topic of `what`; `me` is whoever asks.
fn topic_of(what: &str, request: &PlanRequest) -> Vec<String> {
    match &request.event.person {
        Some(person) if ["me", "myself"].iter().any(|me| what.eq_ignore_ascii_case(me)) => topic(person.as_str()),
        _ => topic(what),
    }
}

/// Recalled memories whose topic fits, in the order of recall.
fn matching(request: &PlanRequest, fits: impl Fn(&[String]) -> bool) -> Vec<&RecalledMemory> {
    request.recalled.iter().filter(|memory| fits(&topic(&memory.content))).collect()
}

fn is_same(statement: &[String], memory: &[String]) -> bool {
    let shared = statement.iter().filter(|word| memory.contains(word)).count();
    let all = statement.len() + memory.len() - shared;
    all > 0 && shared * 100 >= all * SAME_PERCENT_MIN
}
