//! “Remind me to … in …” and “… at …”.

use super::{
    offers::{act, of_hub, say},
    when::{When, WhenError},
    words::{after, after_any, fit, without_thanks},
};
use crate::port::ModelError;
use marvain_domain::{
    plan::{Draft, PlanRequest, REMINDER_SET},
    reminder::{REMINDER_AHEAD_S_MAX, REMINDER_BYTES_MAX},
};
use serde_json::Map;

/// The reminder that is asked for, if one is.
pub(super) fn plan(asked: &str, request: &PlanRequest) -> Result<Option<Draft>, ModelError> {
    let Some(rest) = after(without_thanks(asked), "remind me") else { return Ok(None) };
    let Some((text, when)) = parse(rest) else {
        return Ok(Some(say(request, "When? Say, for example, in 10 minutes, at 19:30 or tomorrow at 8.")));
    };
    let due = match when.after(request.now, &request.time_zone) {
        Ok(due) => due,
        Err(WhenError::TimeZone(zone)) => {
            return Err(ModelError::Declined(format!("the time zone `{zone}` is unknown")));
        }
        Err(WhenError::Past) => return Ok(Some(say(request, "That time is past."))),
        Err(WhenError::OutOfRange) => return Ok(Some(too_far(request))),
    };
    if due.ms_since(request.now) > REMINDER_AHEAD_S_MAX * 1000 {
        return Ok(Some(too_far(request)));
    }
    let Some(offer) = of_hub(request, REMINDER_SET) else {
        return Ok(Some(say(request, "I cannot set reminders here.")));
    };
    let args = Map::from_iter([
        ("text".to_owned(), fit(text, REMINDER_BYTES_MAX).into()),
        ("due".to_owned(), due.to_string().into()),
        ("satellite".to_owned(), request.event.satellite.as_str().into()),
    ]);
    let action = act(offer, args, "asked to be reminded".to_owned());
    Ok(Some(Draft { memories: Vec::new(), actions: action.into_iter().collect() }))
}

fn too_far(request: &PlanRequest) -> Draft {
    say(request, &format!("I can remind you at most {} days ahead.", REMINDER_AHEAD_S_MAX / 86_400))
}

/// What to remind of, and when: `to T in 5 minutes` or `in 5 minutes to T`.
fn parse(rest: &str) -> Option<(&str, When)> {
    const LINKS: &[&str] = &["to", "about", "that", "of"];
    let ends: Vec<usize> = rest.match_indices(char::is_whitespace).map(|(at, _)| at).collect();
    let (text, when) = match after_any(rest, LINKS) {
        // The longest time at the end wins: `tomorrow at 8`, not `at 8`.
        Some(_) => ends.iter().find_map(|at| {
            let when = When::parse(rest.get(*at..)?)?;
            Some((after_any(rest.get(..*at)?, LINKS)?, when))
        }),
        // The longest time at the beginning wins: `in 1 hour and 5 minutes`.
        None => ends.iter().rev().find_map(|at| {
            let when = When::parse(rest.get(..*at)?)?;
            Some((after_any(rest.get(*at..)?.trim_start(), LINKS)?, when))
        }),
    }?;
    let text = text.trim().trim_end_matches(',');
    (!text.is_empty()).then_some((text, when))
}
