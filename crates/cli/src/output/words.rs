//! Times, sizes and texts in words.

use marvain_domain::Timestamp;

/// `text` without what a terminal would act on: control characters, and those that turn the writing direction.
pub(crate) fn clean(text: &str) -> String {
    let harmful = |c: char| {
        c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars()
        .map(|c| {
            if c == '\n' || c == '\t' {
                ' '
            } else if harmful(c) {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect()
}

/// `text`, clean, of at most `chars` characters.
pub(crate) fn cut(text: &str, chars: usize) -> String {
    let text = clean(text);
    if text.chars().count() <= chars {
        return text;
    }
    let mut short: String = text.chars().take(chars.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// `at` as seen from `now`: `3 min ago`, `in 2 h`.
pub(crate) fn relative(at: Timestamp, now: Timestamp) -> String {
    let (past, future) = (now.ms_since(at), at.ms_since(now));
    match (past / 1000, future / 1000) {
        (0, 0) => "now".to_owned(),
        (0, s) => format!("in {}", duration(s)),
        (s, _) => format!("{} ago", duration(s)),
    }
}

/// Seconds in the largest unit that fits.
pub(crate) fn duration(s: u64) -> String {
    match s {
        0..60 => format!("{s} s"),
        60..3600 => format!("{} min", s / 60),
        3600..86_400 => format!("{} h", s / 3600),
        _ => format!("{} d", s / 86_400),
    }
}

/// Bytes in the largest unit that fits.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    let unit = UNITS.into_iter().find(|(_, unit)| bytes >= *unit);
    unit.map_or_else(
        || format!("{bytes} B"),
        |(name, unit)| format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_one_unit() {
        let now = Timestamp::from_ms(1_000_000_000_000);
        let cases = [
            (-999, "now"),
            (999, "now"),
            (-1000, "1 s ago"),
            (-59_999, "59 s ago"),
            (-60_000, "1 min ago"),
            (-3_600_000, "1 h ago"),
            (-172_800_000, "2 d ago"),
            (120_000, "in 2 min"),
        ];
        for (ms, words) in cases {
            let at = Timestamp::from_ms(now.as_ms().checked_add_signed(ms).unwrap());
            assert_eq!(relative(at, now), words, "{ms}");
        }
        assert_eq!([0, 1023, 1536, 5 << 20].map(bytes), ["0 B", "1023 B", "1.5 KiB", "5.0 MiB"]);
    }

    #[test]
    fn no_control_character_reaches_a_terminal() {
        assert_eq!(clean("a\x1b[31mb\nc\u{202e}d"), "a\u{fffd}[31mb c\u{fffd}d");
        assert_eq!(cut("abcdef", 4), "abc…");
        assert_eq!(cut("äöüß", 4), "äöüß");
    }
}
