//! Full text: from what a person says to a query that FTS5 cannot misread, and its best matches.

use crate::store::StoreError;
use marvain_domain::memory::Tier;
use rusqlite::{Connection, params};
use std::collections::BTreeSet;

/// Words of a question that are looked for; more would only cost time.
const WORDS_MAX: usize = 64;

/// The memories that match best, with their BM25 scores, larger for better.
pub(super) fn best(
    connection: &Connection,
    text: &str,
    tiers: &[Tier],
    limit: usize,
) -> Result<Vec<(String, f32)>, StoreError> {
    let Some(expression) = expression(text) else { return Ok(Vec::new()) };
    let mut select = connection.prepare_cached(
        "SELECT memory, -rank FROM words JOIN docs ON doc = words.rowid
         WHERE words MATCH ?1 AND (?2 = '[]' OR tier IN (SELECT value FROM json_each(?2)))
         ORDER BY rank LIMIT ?3",
    )?;
    let tiers: Vec<&str> = tiers.iter().map(|tier| tier.as_str()).collect();
    let tiers = serde_json::json!(tiers).to_string();
    let rows = select.query_map(params![expression, tiers, limit], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Any of the words, each as a string of FTS5 ("Full-text Query Syntax"): in quotes nothing has a meaning but `"`, and
/// words end at any ASCII character that is no letter or digit.
fn expression(text: &str) -> Option<String> {
    let words: BTreeSet<String> = text
        .split(|c: char| c.is_whitespace() || (c.is_ascii() && !c.is_ascii_alphanumeric()))
        .filter(|word| word.contains(char::is_alphanumeric))
        .take(WORDS_MAX)
        .map(|word| format!("\"{word}\""))
        .collect();
    (!words.is_empty()).then(|| words.into_iter().collect::<Vec<_>>().join(" OR "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_are_quoted() {
        assert_eq!(expression("turn the \"lamp\" on"), Some(r#""lamp" OR "on" OR "the" OR "turn""#.into()));
        assert_eq!(expression("lamp NOT* lamp {x} : ^"), Some(r#""NOT" OR "lamp" OR "x""#.into()));
        assert_eq!(expression("\" ' * ^ \u{0}"), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn no_text_is_an_error(text in r#"([ "'*(){}^:+a-c\x00-\x20é中-]|AND|OR|NOT|NEAR|\PC){0,20}"#) {
            let connection = Connection::open_in_memory().unwrap();
            connection.execute_batch(include_str!("../../../../sql/local/recall.sql")).unwrap();
            prop_assert!(best(&connection, &text, &[], 5).is_ok(), "{text:?}");
        }
    }
}
