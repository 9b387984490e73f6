//! Finding records: one by its key, many in an index's order, page by page.

use super::fault::Fault;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use marvain_domain::Timestamp;
use marvain_hub::port::{Index, IndexKey, Key, Page, Query, Record};
use rusqlite::{Connection, OptionalExtension, Row, params_from_iter, types::Value as Sql};
use serde::{Deserialize, Serialize};

/// Most records in a page.
const PAGE_RECORDS_MAX: usize = 1000;
const COLUMNS: &str = "pk, sk, version, list_pk, list_sk, due_pk, due_sk, expires_at, body";

/// Where a page ended: the index, its partition, and the last record's place. Callers see it as base64url.
#[derive(PartialEq, Eq, Serialize, Deserialize)]
struct Cursor(String, String, Vec<String>);

pub(super) fn get(connection: &Connection, key: &Key) -> Result<Option<Record>, Fault> {
    let sql = format!("SELECT {COLUMNS} FROM records WHERE pk = ? AND sk = ?");
    let row = connection.prepare_cached(&sql)?.query_row([&key.pk, &key.sk], |row| Ok(record(row))).optional()?;
    row.transpose()
}

pub(super) fn query(connection: &Connection, query: &Query) -> Result<Page, Fault> {
    if query.limit == 0 || query.limit > PAGE_RECORDS_MAX {
        return Err(Fault::Bug(format!("a page of {} records, not 1 to {PAGE_RECORDS_MAX}", query.limit)));
    }
    let (sql, values) = select(query)?;
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(values))?;
    let mut page = Page::default();
    while let Some(row) = rows.next()? {
        if page.records.len() == query.limit {
            page.next = page.records.last().and_then(|last| place(query.index, last)).map(|place| cursor(query, place));
            break;
        }
        page.records.push(record(row)?);
    }
    Ok(page)
}

/// The statement, made of fixed parts, and its values.
fn select(query: &Query) -> Result<(String, Vec<Sql>), Fault> {
    let (partition, sort, order): (_, _, &[&str]) = match query.index {
        Index::Primary => ("pk", "sk", &["sk"]),
        Index::List => ("list_pk", "list_sk", &["list_sk", "pk", "sk"]),
        Index::Due => ("due_pk", "due_sk", &["due_sk", "pk", "sk"]),
    };
    let (beyond, direction) = if query.descending { ("<", " DESC") } else { (">", "") };
    let mut sql = format!("SELECT {COLUMNS} FROM records WHERE {partition} = ?");
    let mut values = vec![Sql::from(query.pk.clone())];
    let mut bound = |condition: &str, bounds: Vec<String>| {
        sql.push_str(condition);
        values.extend(bounds.into_iter().map(Sql::from));
    };
    if !query.prefix.is_empty() {
        bound(&format!(" AND {sort} >= ?"), vec![query.prefix.clone()]);
        if let Some(end) = prefix_end(&query.prefix) {
            bound(&format!(" AND {sort} < ?"), vec![end]);
        }
    }
    if let Some(through) = &query.through {
        bound(&format!(" AND {sort} <= ?"), vec![through.clone()]);
    }
    if let Some(after) = &query.after {
        let marks = vec!["?"; order.len()].join(", ");
        bound(&format!(" AND ({}) {beyond} ({marks})", order.join(", ")), parse(query, after, order.len())?);
    }
    let order = order.iter().map(|column| format!("{column}{direction}")).collect::<Vec<_>>().join(", ");
    sql.push_str(&format!(" ORDER BY {order} LIMIT {}", query.limit + 1));
    Ok((sql, values))
}

/// The least text that is larger than every text with this prefix, in the order of UTF-8 bytes; none if there is none.
fn prefix_end(prefix: &str) -> Option<String> {
    let mut chars: Vec<char> = prefix.chars().collect();
    while let Some(last) = chars.pop() {
        if let Some(next) = (last..=char::MAX).nth(1) {
            chars.push(next);
            return Some(chars.into_iter().collect());
        }
    }
    None
}

fn name(index: Index) -> &'static str {
    match index {
        Index::Primary => "primary",
        Index::List => "list",
        Index::Due => "due",
    }
}

fn place(index: Index, record: &Record) -> Option<Vec<String>> {
    let Key { pk, sk } = record.key.clone();
    let sort = match index {
        Index::Primary => return Some(vec![sk]),
        Index::List => record.list.clone()?.sk,
        Index::Due => record.due.clone()?.sk,
    };
    Some(vec![sort, pk, sk])
}

fn cursor(query: &Query, place: Vec<String>) -> String {
    let cursor = Cursor(name(query.index).into(), query.pk.clone(), place);
    // Texts alone always have a JSON form.
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(&cursor).unwrap_or_default())
}

fn parse(query: &Query, after: &str, parts: usize) -> Result<Vec<String>, Fault> {
    let bytes = URL_SAFE_NO_PAD.decode(after).ok();
    let cursor: Option<Cursor> = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    match cursor {
        Some(Cursor(index, pk, place)) if index == name(query.index) && pk == query.pk && place.len() == parts => {
            Ok(place)
        }
        _ => Err(Fault::Cursor),
    }
}

fn record(row: &Row<'_>) -> Result<Record, Fault> {
    let body: &str = row.get_ref(8)?.as_str().map_err(rusqlite::Error::from)?;
    Ok(Record {
        key: Key { pk: row.get(0)?, sk: row.get(1)? },
        version: row.get(2)?,
        list: index_key(row.get(3)?, row.get(4)?),
        due: index_key(row.get(5)?, row.get(6)?),
        expires_at: row.get::<_, Option<u64>>(7)?.map(Timestamp::from_ms),
        body: serde_json::from_str(body)?,
    })
}

fn index_key(pk: Option<String>, sk: Option<String>) -> Option<IndexKey> {
    Some(IndexKey { pk: pk?, sk: sk? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_end_of_a_prefix_parts_those_that_have_it_from_those_that_do_not(prefix in "\\PC{1,3}", other in "\\PC{0,5}") {
            let with = format!("{prefix}{other}");
            let end = prefix_end(&prefix).unwrap();
            prop_assert!(with >= prefix && with < end);
            prop_assert_eq!(other.starts_with(&prefix), other >= prefix && other < end);
        }
    }

    #[test]
    fn the_largest_character_has_no_end() {
        assert_eq!(prefix_end("\u{10FFFF}"), None);
        assert_eq!(prefix_end("a\u{10FFFF}").as_deref(), Some("b"));
        assert_eq!(prefix_end("\u{D7FF}").as_deref(), Some("\u{E000}"));
    }
}
