//! Full text: from what a person says to a query that FTS5 cannot misread, and its best matches.
//!
//! Scoring a match costs far more than finding it, so no more than [`MATCHES_MAX`] are scored: words that are in more
//! memories than that are left out as long as a rarer one is found, and of nothing but such words the newest matches
//! are taken. The score hardly knows the difference: a word that is everywhere weighs next to nothing.

use crate::store::StoreError;
use marvain_domain::memory::Tier;
use rusqlite::{Connection, params};
use std::collections::BTreeSet;

/// Words of a question that are looked for.
const WORDS_MAX: usize = 32;
/// Matches that are scored for one question.
const MATCHES_MAX: usize = 1000;

/// The memories that match best, with their BM25 scores, larger for better.
pub(super) fn best(
    connection: &Connection,
    text: &str,
    tiers: &[Tier],
    limit: usize,
) -> Result<Vec<(String, f32)>, StoreError> {
    let (rare, common) = by_frequency(connection, words(text))?;
    for words in [rare, common] {
        let found = matches(connection, &words, tiers, limit)?;
        if !found.is_empty() {
            return Ok(found);
        }
    }
    Ok(Vec::new())
}

fn matches(
    connection: &Connection,
    words: &[&str],
    tiers: &[Tier],
    limit: usize,
) -> Result<Vec<(String, f32)>, StoreError> {
    if words.is_empty() {
        return Ok(Vec::new());
    }
    let mut select = connection.prepare_cached(
        "SELECT memory, -score FROM
           (SELECT rowid AS match, rank AS score FROM words WHERE words MATCH ? ORDER BY rowid DESC LIMIT ?)
         JOIN docs ON doc = match ORDER BY score LIMIT ?",
    )?;
    let values = params![expression(words, tiers), MATCHES_MAX, limit];
    let rows = select.query_map(values, |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The words that FTS5 is asked for: they end at white space and at any ASCII character that is no letter or digit.
fn words(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| c.is_whitespace() || (c.is_ascii() && !c.is_ascii_alphanumeric()))
        .filter(|word| word.contains(char::is_alphanumeric))
        .take(WORDS_MAX)
        .collect()
}

/// The rarest words, as many as have [`MATCHES_MAX`] matches together, and the others. Words without matches are neither.
fn by_frequency<'a>(
    connection: &Connection,
    words: BTreeSet<&'a str>,
) -> Result<(Vec<&'a str>, Vec<&'a str>), StoreError> {
    let mut count =
        connection.prepare_cached("SELECT count(*) FROM (SELECT 1 FROM words WHERE words MATCH ? LIMIT ?)")?;
    let mut counted: Vec<(usize, &str)> = Vec::with_capacity(words.len());
    for word in words {
        counted.push((count.query_row(params![expression(&[word], &[]), MATCHES_MAX + 1], |row| row.get(0))?, word));
    }
    counted.retain(|(matches, _)| *matches > 0);
    counted.sort_unstable();
    let mut left = MATCHES_MAX;
    let (rare, common): (Vec<_>, Vec<_>) = counted.into_iter().partition(|(matches, _)| {
        let fits = *matches <= left;
        left = if fits { left - matches } else { 0 };
        fits
    });
    let words = |counted: Vec<(usize, &'a str)>| counted.into_iter().map(|(_, word)| word).collect();
    Ok((words(rare), words(common)))
}

/// Any of the words in any of the tiers (all if there are none), in FTS5's language ("Full-text Query Syntax"): each
/// word is a string in quotes, where nothing has a meaning but `"`, which no word has.
fn expression(words: &[&str], tiers: &[Tier]) -> String {
    let any = |texts: Vec<&str>| texts.iter().map(|text| format!("\"{text}\"")).collect::<Vec<_>>().join(" OR ");
    let content = format!("content : ({})", any(words.to_vec()));
    if tiers.is_empty() {
        return content;
    }
    format!("{content} AND tier : ({})", any(tiers.iter().map(|tier| tier.as_str()).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn empty() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(include_str!("../../../../sql/local/recall.sql")).unwrap();
        connection
    }

    #[test]
    fn words_have_no_syntax() {
        let found = |text| words(text).into_iter().collect::<Vec<_>>();
        assert_eq!(found("turn the \"lamp\" on"), ["lamp", "on", "the", "turn"]);
        assert_eq!(found("lamp NOT* lamp {x} : ^ isn't"), ["NOT", "isn", "lamp", "t", "x"]);
        assert!(found("\" ' * ^ \u{0}").is_empty());
        let tiers = [Tier::Device, Tier::Policy];
        assert_eq!(expression(&["a", "b"], &tiers), r#"content : ("a" OR "b") AND tier : ("device" OR "policy")"#);
    }

    #[test]
    fn common_words_are_left_out_unless_there_are_no_others() {
        let connection = empty();
        for n in 0..1500 {
            let rare = if n < 2 { "rare" } else { "" };
            let content = format!("common everywhere {rare}");
            let tier = if n == 7 { "device" } else { "semantic" };
            let values = params![n, content, tier];
            connection.execute("INSERT INTO words (rowid, content, tier) VALUES (?, ?, ?)", values).unwrap();
            connection
                .execute(
                    "INSERT INTO docs (doc, memory, tier, at, space, vector) VALUES (?1, ?1, ?2, 0, '', x'')",
                    params![n, tier],
                )
                .unwrap();
        }
        let split = |text| by_frequency(&connection, words(text)).unwrap();
        assert_eq!(split("a common rare word"), (vec!["rare"], vec!["common"]));
        assert_eq!(split("common everywhere"), (vec![], vec!["common", "everywhere"]));
        let count = |text, tier| best(&connection, text, &[tier], 5000).unwrap().len();
        assert_eq!(count("common rare", Tier::Semantic), 2);
        assert_eq!(count("common", Tier::Semantic), MATCHES_MAX);
        // No match of the rare word is of this tier, so the common one is as good as any.
        assert_eq!(count("common rare", Tier::Device), 1);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]
        #[test]
        fn no_text_is_an_error(text in r#"([ "'*(){}^:+a-c\x00-\x20é中-]|AND|OR|NOT|NEAR|\PC){0,20}"#) {
            prop_assert!(best(&empty(), &text, &[Tier::Device], 5).is_ok(), "{text:?}");
        }
    }
}
