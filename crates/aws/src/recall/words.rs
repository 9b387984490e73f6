//! From what a person says to words that PostgreSQL's text search parser cannot misread.
//!
//! Lower case, without marks, parted by spaces, and nothing else: the parser would otherwise take `lamp/heater` for a path and
//! `kitchen.light` for a host, and what it does with letters would depend on the database's locale. Stems and stop words are the
//! database's (`recall_words`).

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// Most of a text that is looked at, in bytes; a `tsvector` has to be smaller than 1 MiB.
const TEXT_BYTES_MAX: usize = 64 << 10;

/// The words of a text.
pub(super) fn words(text: &str) -> String {
    let end = (0..=text.len().min(TEXT_BYTES_MAX)).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    let text = text.get(..end).unwrap_or_default();
    let mut words = String::with_capacity(text.len());
    for c in text.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase) {
        if c.is_alphanumeric() {
            words.push(c);
        } else if !words.ends_with(' ') {
            words.push(' ');
        }
    }
    words.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_text_is_its_words() {
        for (text, expected) in [
            ("Zoë is WATERING the plants", "zoe is watering the plants"),
            ("the lamp isn't on; 100% sure", "the lamp isn t on 100 sure"),
            ("lamp/heater kitchen.light a_b 21.5°", "lamp heater kitchen light a b 21 5"),
            ("Straße ﬁn İZMİR 東京", "straße fin izmir 東京"),
            ("\" ' * - \u{0} 🦀 \t\n", ""),
        ] {
            assert_eq!(words(text), expected, "{text}");
        }
        assert!(words(&"é".repeat(TEXT_BYTES_MAX)).len() <= TEXT_BYTES_MAX);
    }

    proptest! {
        #[test]
        fn there_is_nothing_to_misread(text in "\\PC{0,40}|[ -~\\x00-\\x1f]{0,40}") {
            let words = words(&text);
            prop_assert!(words.chars().all(|c| c == ' ' || c.is_alphanumeric()), "{words:?}");
            prop_assert!(!words.contains("  ") && words.trim() == words);
        }
    }
}
