//! Arguments that several commands take, and their parsers.

use clap::Args;
use marvain_console::page::PageParams;
use marvain_domain::{
    action::{ActionState, ArgsHash, Target},
    consent::ConsentKind,
    identity::Role,
    memory::{MemoryState, Tier},
};

/// Which page of a list.
#[derive(Args, Clone, Debug)]
pub(crate) struct Page {
    /// At most so many
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=200))]
    limit: Option<u16>,
    /// Go on where an earlier page ended
    #[arg(long, value_name = "WHERE")]
    pub(crate) after: Option<String>,
}

impl Page {
    pub(crate) fn limit(&self) -> Option<usize> {
        self.limit.map(usize::from)
    }
}

impl From<Page> for PageParams {
    fn from(page: Page) -> Self {
        Self { limit: page.limit(), after: page.after }
    }
}

/// One of `all`, by its name.
fn named<T: Copy>(text: &str, all: &[T], name: impl Fn(T) -> &'static str) -> Result<T, String> {
    let known = || all.iter().map(|each| name(*each)).collect::<Vec<_>>().join(", ");
    all.iter().copied().find(|each| name(*each) == text).ok_or_else(|| format!("use one of {}", known()))
}

pub(crate) fn role(text: &str) -> Result<Role, String> {
    named(text, &Role::ALL, Role::as_str)
}

pub(crate) fn consent_kind(text: &str) -> Result<ConsentKind, String> {
    named(text, &ConsentKind::ALL, ConsentKind::as_str)
}

pub(crate) fn memory_state(text: &str) -> Result<MemoryState, String> {
    named(text, &MemoryState::ALL, MemoryState::as_str)
}

pub(crate) fn tier(text: &str) -> Result<Tier, String> {
    named(text, &Tier::ALL, Tier::as_str)
}

pub(crate) fn action_state(text: &str) -> Result<ActionState, String> {
    named(text, &ActionState::ALL, ActionState::as_str)
}

/// `hub`, or a satellite's name.
pub(crate) fn target(text: &str) -> Result<Target, String> {
    match text {
        "hub" => Ok(Target::Hub),
        name => name.parse().map(Target::Satellite).map_err(|e| format!("{e}")),
    }
}

pub(crate) fn args_hash(text: &str) -> Result<ArgsHash, String> {
    let is_hash = text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'a'..=b'f'));
    let hash = serde_json::from_value(serde_json::Value::String(text.to_owned())).ok().filter(|_| is_hash);
    hash.ok_or_else(|| "it must be the 64 hex digits that `marvain action show` calls `args hash`".to_owned())
}

/// `90s`, `15m`, `2h`, `30d`, in seconds.
pub(crate) fn duration_s(text: &str) -> Result<u64, String> {
    let bad = || "use a number and `s`, `m`, `h` or `d`, like `30m`".to_owned();
    let unit = text.chars().last().ok_or_else(bad)?;
    let unit_s = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return Err(bad()),
    };
    let count: u64 = text.strip_suffix(unit).unwrap_or_default().parse().map_err(|_| bad())?;
    count.checked_mul(unit_s).filter(|s| *s > 0).ok_or_else(bad)
}

/// `name=value`.
pub(crate) fn assignment(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("use `name=value`")?;
    if name.is_empty() { Err("use `name=value`".to_owned()) } else { Ok((name.to_owned(), value.to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit() {
        for (text, s) in [("90s", 90), ("15m", 900), ("2h", 7200), ("30d", 2_592_000)] {
            assert_eq!(duration_s(text), Ok(s), "{text}");
        }
        for bad in ["", "5", "m", "-1s", "0s", "5x", "1.5h", "99999999999999999999d", "9999999999999999999d"] {
            assert!(duration_s(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_of_things_are_those_of_the_domain() {
        assert_eq!(role("admin"), Ok(Role::Admin));
        assert_eq!(role("root").unwrap_err(), "use one of blocked, guest, member, admin, owner");
        assert_eq!(target("hub"), Ok(Target::Hub));
        assert_eq!(target("den"), Ok(Target::Satellite("den".parse().unwrap())));
        assert!(target("a b").is_err());
        assert_eq!(assignment("text=a=b"), Ok(("text".into(), "a=b".into())));
        assert!(assignment("text").is_err() && assignment("=x").is_err());
        assert!(args_hash(&"a".repeat(64)).is_ok() && args_hash(&"A".repeat(64)).is_err() && args_hash("").is_err());
    }
}
