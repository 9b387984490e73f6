//! “Turn the … on” and “set the … to …”.

use super::{
    offers::{act, named, one_arg, say},
    words::{after, after_any, before, fit, without_article, without_thanks},
};
use marvain_domain::{
    action::Target,
    capability::ArgSpec,
    plan::{Draft, Offer, PlanRequest, WHY_BYTES_MAX},
};
use serde_json::{Number, Value};

/// What a device is to be put to.
enum Setting<'a> {
    Switch(bool),
    Value(&'a str),
}

/// The action that is asked for, if one is.
pub(super) fn plan(asked: &str, request: &PlanRequest) -> Option<Draft> {
    let (name, setting) = parse(without_thanks(asked))?;
    let name = without_article(name);
    let offer = match named(request, name).as_slice() {
        [] => return Some(say(request, &format!("I know no {name} here."))),
        [offer] => *offer,
        several => {
            let owners: Vec<&str> = several.iter().filter_map(|offer| owner(offer)).collect();
            let text = format!("I know more than one {name}; say whose: {}.", owners.join(", "));
            return Some(say(request, &text));
        }
    };
    let wish = match setting {
        Setting::Switch(true) => format!("turn the {name} on"),
        Setting::Switch(false) => format!("turn the {name} off"),
        Setting::Value(value) => format!("set the {name} to {value}"),
    };
    let action = one_arg(&offer.capability, |spec| argument(spec, &setting))
        .and_then(|args| act(offer, args, fit(&format!("asked to {wish}"), WHY_BYTES_MAX)));
    Some(match action {
        Some(action) => Draft { memories: Vec::new(), actions: vec![action] },
        None => say(request, &format!("I cannot {wish}.")),
    })
}

fn owner(offer: &Offer) -> Option<&str> {
    match &offer.target {
        Target::Satellite(id) => Some(id.as_str()),
        Target::Hub => None,
    }
}

/// The device's name and what it is to be put to.
fn parse(asked: &str) -> Option<(&str, Setting<'_>)> {
    if let Some(rest) = after_any(asked, &["turn", "switch"]) {
        let (name, on) = [("on", true), ("off", false)]
            .iter()
            .find_map(|(word, on)| Some((before(rest, word).or_else(|| after(rest, word))?, *on)))?;
        return Some((name.trim(), Setting::Switch(on))).filter(|(name, _)| !name.is_empty());
    }
    let rest = after(asked, "set")?;
    // The last ` to ` parts them: a name may have one too.
    let at = rest.to_ascii_lowercase().rfind(" to ")?;
    let value = rest.get(at + " to ".len()..)?.trim();
    let setting = match value {
        on if on.eq_ignore_ascii_case("on") => Setting::Switch(true),
        off if off.eq_ignore_ascii_case("off") => Setting::Switch(false),
        value => Setting::Value(value),
    };
    Some((rest.get(..at)?.trim(), setting)).filter(|(name, _)| !name.is_empty() && !value.is_empty())
}

/// What an argument must be for the setting, if it can express it.
fn argument(spec: &ArgSpec, setting: &Setting<'_>) -> Option<Value> {
    let word = |value: &str, one_of: &[String]| one_of.iter().find(|known| known.eq_ignore_ascii_case(value)).cloned();
    match (spec, setting) {
        (ArgSpec::Text { one_of, .. }, Setting::Switch(on)) => {
            word(if *on { "on" } else { "off" }, one_of).map(Value::from)
        }
        (ArgSpec::Text { one_of, .. }, Setting::Value(value)) => word(value, one_of).map(Value::from),
        (ArgSpec::Flag { .. }, Setting::Switch(on)) => Some((*on).into()),
        (ArgSpec::Number { .. }, Setting::Value(value)) => number(value),
        _ => None,
    }
}

/// The number in `40`, `40%`, `21.5 degrees`.
fn number(value: &str) -> Option<Value> {
    let digits = ["%", "percent", "per cent", "degrees", "°", "°C"]
        .iter()
        .find_map(|unit| before(value, unit).or_else(|| value.strip_suffix(unit)))
        .unwrap_or(value)
        .trim();
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '-') {
        return None;
    }
    match digits.parse::<i64>() {
        Ok(whole) => Some(whole.into()),
        Err(_) => digits.parse::<f64>().ok().and_then(Number::from_f64).map(Value::Number),
    }
}
