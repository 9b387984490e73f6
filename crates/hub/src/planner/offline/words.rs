//! Words: how the rules compare what was said with what is known.
//!
//! It knows nothing of grammar but which words carry no topic.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// Words that say nothing of a text's topic.
const STOP_WORDS: &[&str] = &[
    "a", "about", "an", "and", "are", "as", "at", "be", "by", "did", "do", "does", "for", "from", "has", "have", "he",
    "her", "his", "i", "in", "is", "it", "its", "know", "me", "my", "of", "on", "or", "our", "s", "she", "that", "the",
    "their", "them", "there", "they", "this", "to", "was", "we", "were", "what", "when", "where", "which", "who",
    "with", "you", "your",
];

/// Lower case without diacritics: `Café` becomes `cafe`.
pub(super) fn fold(text: &str) -> String {
    text.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).collect()
}

/// The folded words of a text, in order.
pub(super) fn words(text: &str) -> Vec<String> {
    fold(text).split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Does this folded word carry a topic?
pub(super) fn is_topic(word: &str) -> bool {
    !STOP_WORDS.contains(&word)
}

/// The stems of a text's topic words, sorted, each once. `Anna likes cats` has `anna`, `cat` and `like`.
pub(super) fn topic(text: &str) -> Vec<String> {
    let mut stems: Vec<String> = words(text).into_iter().filter(|word| is_topic(word)).map(stem).collect();
    stems.sort_unstable();
    stems.dedup();
    stems
}

/// Without the `s` of plurals and of the third person.
fn stem(mut word: String) -> String {
    if word.len() > 3 && word.ends_with('s') && !word.ends_with("ss") {
        word.pop();
    }
    word
}

/// What follows `phrase` at the beginning of `text`, compared word by word without regard to ASCII case; none if it does
/// not begin so. Spaces, commas and colons after the phrase go with it.
pub(super) fn after<'a>(text: &'a str, phrase: &str) -> Option<&'a str> {
    let mut rest = text;
    for word in phrase.split(' ') {
        let head = rest.get(..word.len()).filter(|head| head.eq_ignore_ascii_case(word))?;
        rest = rest.get(head.len()..)?;
        if rest.starts_with(|c: char| c.is_alphanumeric() || c == '\'' || c == '’') {
            return None;
        }
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == ',' || c == ':');
    }
    Some(rest)
}

/// What follows the first of `phrases` that `text` begins with.
pub(super) fn after_any<'a>(text: &'a str, phrases: &[&str]) -> Option<&'a str> {
    phrases.iter().find_map(|phrase| after(text, phrase))
}

/// What was asked, without the courtesies before it and the punctuation after it.
pub(super) fn request(text: &str) -> &str {
    const COURTESIES: &[&str] = &[
        "please",
        "could you",
        "can you",
        "would you",
        "will you",
        "marvain",
        "hey",
        "hello",
        "hi",
        "ok",
        "okay",
        "kindly",
        "now",
    ];
    let mut rest = sentence(text);
    while let Some(shorter) = after_any(rest, COURTESIES) {
        rest = shorter;
    }
    rest
}

/// Without the spaces around it and the punctuation that ends it.
pub(super) fn sentence(text: &str) -> &str {
    text.trim().trim_end_matches(|c: char| c.is_whitespace() || matches!(c, '.' | '!' | '?' | ',' | ';' | ':' | '…'))
}

/// Without a courtesy at its end, for requests whose last words count: `the lamp on, please`.
pub(super) fn without_thanks(text: &str) -> &str {
    let mut rest = sentence(text);
    while let Some(shorter) = ["please", "thanks", "thank you"].iter().find_map(|courtesy| before(rest, courtesy)) {
        rest = sentence(shorter);
    }
    rest
}

/// What precedes the phrase that ends `text`, without regard to ASCII case; none if it does not end so.
pub(super) fn before<'a>(text: &'a str, phrase: &str) -> Option<&'a str> {
    let at = text.len().checked_sub(phrase.len())?;
    let (head, tail) = (text.get(..at)?, text.get(at..)?);
    (tail.eq_ignore_ascii_case(phrase) && !head.ends_with(char::is_alphanumeric)).then_some(head)
}

/// Without an article before it.
pub(super) fn without_article(text: &str) -> &str {
    after_any(text, &["the", "a", "an", "my", "our"]).filter(|rest| !rest.is_empty()).unwrap_or(text)
}

/// `text` on one line and cut, with an ellipsis, to `bytes_max` as it is written inside a JSON string.
pub(super) fn fit(text: &str, bytes_max: usize) -> String {
    const ELLIPSIS: char = '…';
    let width = |c: char| c.len_utf8() + usize::from(matches!(c, '"' | '\\'));
    let line: String = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if line.chars().map(width).sum::<usize>() <= bytes_max {
        return line;
    }
    let mut room = bytes_max.saturating_sub(ELLIPSIS.len_utf8());
    let mut short: String = line
        .chars()
        .take_while(|c| {
            let fits = width(*c) <= room;
            room = room.saturating_sub(width(*c));
            fits
        })
        .collect();
    if short.len() + ELLIPSIS.len_utf8() <= bytes_max {
        short.push(ELLIPSIS);
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_compared_without_case_marks_and_endings() {
        assert_eq!(words("Zoë's CAFÉ, 2nd floor"), ["zoe", "s", "cafe", "2nd", "floor"]);
        assert_eq!(topic("What does Anna like? Anna likes glass cats"), ["anna", "cat", "glass", "like"]);
    }

    #[test]
    fn phrases_end_at_word_boundaries() {
        assert_eq!(after("Remember   THAT: tea", "remember that"), Some("tea"));
        assert_eq!(after("rememberthat tea", "remember that"), None);
        assert_eq!(after("remember thatch", "remember that"), None);
        assert_eq!(after("remember that", "remember that"), Some(""));
        assert_eq!(after("é", "e"), None);
        assert_eq!(before("the lamp ON", "on"), Some("the lamp "));
        assert_eq!(before("the salon", "on"), None);
        assert_eq!(request("Hey Marvain, could you please turn it on?!"), "turn it on");
        assert_eq!(without_thanks("the lamp on, please. Thank you!"), "the lamp on");
    }

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(fit(" a\nb ", 10), "a b");
        assert_eq!(fit("äöüäöü", 12), "äöüäöü");
        assert_eq!(fit("äöüäöü", 11), "äöüä…");
        assert_eq!(fit(r#""""""#, 7), r#"""…"#);
        assert_eq!(fit("long", 2), "");
    }
}
