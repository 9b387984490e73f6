//! Times as people say them: `in 10 minutes`, `at 19:30`, `tomorrow at 8 am`.
//!
//! Hours without `am` or `pm` are those of the 24-hour clock. Days and weeks keep the time on the wall, whatever the
//! clocks do in between; a time that they skip is as much later as they skip (RFC 5545, section 3.3.5). It has no clock.

use super::words::fold;
use jiff::{Span, civil, tz::TimeZone};
use marvain_domain::Timestamp;

/// A time in the future, relative to now.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum When {
    /// After a while.
    In {
        /// By the calendar.
        days: i64,
        /// By the stop-watch.
        seconds: i64,
    },
    /// When the clock on the wall next shows this.
    Next(civil::Time),
    /// Then, so many days from today.
    Then(i8, civil::Time),
}

/// Why there is no such time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum WhenError {
    /// No such time zone.
    TimeZone(String),
    /// Not after now.
    Past,
    /// Beyond the calendar.
    OutOfRange,
}

impl When {
    /// What the whole of `text` says.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let folded = fold(text);
        let words: Vec<&str> = folded
            .split_whitespace()
            .map(|word| word.trim_matches(|c: char| matches!(c, ',' | ';' | '.' | '!' | '?')))
            .filter(|word| !word.is_empty())
            .collect();
        match words.as_slice() {
            ["in", rest @ ..] => duration(rest),
            ["tomorrow", "at", rest @ ..] | ["at", rest @ .., "tomorrow"] => Some(Self::Then(1, time(rest)?)),
            ["today", "at", rest @ ..] | ["at", rest @ .., "today" | "tonight"] | ["tonight", "at", rest @ ..] => {
                Some(Self::Then(0, time(rest)?))
            }
            ["at", rest @ ..] => Some(Self::Next(time(rest)?)),
            _ => None,
        }
    }

    /// The instant, always after `now`, in the IANA time zone `zone`.
    pub(super) fn after(&self, now: Timestamp, zone: &str) -> Result<Timestamp, WhenError> {
        let tz = TimeZone::get(zone).map_err(|_| WhenError::TimeZone(zone.chars().take(40).collect()))?;
        let due = self.zoned(now, tz).map_err(|_| WhenError::OutOfRange)?;
        let ms = u64::try_from(due.timestamp().as_millisecond()).map_err(|_| WhenError::OutOfRange)?;
        if ms > now.as_ms() { Ok(Timestamp::from_ms(ms)) } else { Err(WhenError::Past) }
    }

    fn zoned(&self, now: Timestamp, tz: TimeZone) -> Result<jiff::Zoned, jiff::Error> {
        let ms = i64::try_from(now.as_ms()).unwrap_or(i64::MAX);
        let now = jiff::Timestamp::from_millisecond(ms)?.to_zoned(tz.clone());
        let on = |days: i64, time: civil::Time| {
            now.date().checked_add(Span::new().try_days(days)?)?.to_datetime(time).to_zoned(tz.clone())
        };
        match self {
            Self::In { days, seconds } => {
                now.checked_add(Span::new().try_days(*days)?)?.checked_add(Span::new().try_seconds(*seconds)?)
            }
            Self::Then(days, time) => on(i64::from(*days), *time),
            Self::Next(time) => match on(0, *time)? {
                today if today > now => Ok(today),
                _ => on(1, *time),
            },
        }
    }
}

/// `10 minutes`, `an hour`, `half an hour`, `1 hour and 30 minutes`.
fn duration(words: &[&str]) -> Option<When> {
    let (mut days, mut seconds) = (0_i64, 0_i64);
    let mut rest = words;
    loop {
        let (count, unit, more) = match rest {
            ["half", "an", "hour", more @ ..] => (30, "minutes", more),
            [count, unit, more @ ..] => (number(count)?, *unit, more),
            _ => return None,
        };
        let (in_days, in_seconds) = match unit {
            "s" | "second" | "seconds" => (0, 1),
            "m" | "min" | "mins" | "minute" | "minutes" => (0, 60),
            "h" | "hour" | "hours" => (0, 3600),
            "day" | "days" => (1, 0),
            "week" | "weeks" => (7, 0),
            _ => return None,
        };
        days = days.checked_add(count.checked_mul(in_days)?)?;
        seconds = seconds.checked_add(count.checked_mul(in_seconds)?)?;
        rest = match more {
            [] => return Some(When::In { days, seconds }),
            ["and", more @ ..] => more,
            more => more,
        };
    }
}

fn number(word: &str) -> Option<i64> {
    const NUMBERS: &[(&str, i64)] = &[
        ("a", 1),
        ("an", 1),
        ("one", 1),
        ("two", 2),
        ("three", 3),
        ("four", 4),
        ("five", 5),
        ("six", 6),
        ("seven", 7),
        ("eight", 8),
        ("nine", 9),
        ("ten", 10),
        ("fifteen", 15),
        ("twenty", 20),
        ("thirty", 30),
        ("forty", 40),
    ];
    let digits = || word.bytes().all(|b| b.is_ascii_digit()).then(|| word.parse().ok()).flatten();
    NUMBERS.iter().find(|(name, _)| *name == word).map(|(_, number)| *number).or_else(digits)
}

/// `19:30`, `7`, `7pm`, `7:15 a.m.`, `noon`, `midnight`, `8 o'clock`.
fn time(words: &[&str]) -> Option<civil::Time> {
    let (clock, half) = match words {
        ["noon"] => return civil::Time::new(12, 0, 0, 0).ok(),
        ["midnight"] => return Some(civil::Time::midnight()),
        [clock] | [clock, "o'clock"] => {
            match [("am", 0), ("pm", 12)].iter().find_map(|(m, h)| Some((clock.strip_suffix(m)?, *h))) {
                Some((clock, half)) => (clock, Some(half)),
                None => (*clock, None),
            }
        }
        [clock, "am" | "a.m"] => (*clock, Some(0)),
        [clock, "pm" | "p.m"] => (*clock, Some(12)),
        _ => return None,
    };
    let (hour, minute) = clock.split_once([':', '.']).unwrap_or((clock, "00"));
    let digits = |text: &str, least: usize| {
        ((least..=2).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit()))
            .then(|| text.parse::<i8>().ok())
            .flatten()
    };
    let (hour, minute) = (digits(hour, 1)?, digits(minute, 2)?);
    let hour = match half {
        None => hour,
        Some(half) if (1..=12).contains(&hour) => hour % 12 + half,
        Some(_) => return None,
    };
    civil::Time::new(hour, minute, 0, 0).ok()
}
