//! Applying a commit: once per id, and whole or not at all. The caller provides the savepoint.

use super::fault::Fault;
use marvain_hub::port::{Commit, Committed, Expect, IndexKey, Key, Outgoing, Write};
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::BTreeSet;

/// Most writes in one commit.
const WRITES_MAX: usize = 50;
/// Longest body of a record in bytes of JSON: DynamoDB's limit for an item, so that what works here works there.
pub(super) const BODY_BYTES_MAX: usize = 400 * 1024;

/// Refuses what no ledger could apply.
pub(super) fn check(commit: &Commit) -> Result<(), Fault> {
    if commit.writes.len() > WRITES_MAX {
        return Err(Fault::Bug(format!("{} writes in a commit of at most {WRITES_MAX}", commit.writes.len())));
    }
    let mut keys = BTreeSet::new();
    match commit.writes.iter().map(key).find(|key| !keys.insert(*key)) {
        Some(Key { pk, sk }) => Err(Fault::Bug(format!("two writes of record `{pk}` `{sk}` in one commit"))),
        None => Ok(()),
    }
}

/// Applies it, unless that was done before.
pub(super) fn apply(connection: &Connection, commit: &Commit) -> Result<Committed, Fault> {
    let mut remember =
        connection.prepare_cached("INSERT INTO applied (id, at) VALUES (?, ?) ON CONFLICT DO NOTHING")?;
    if remember.execute(params![commit.id.as_str(), commit.at.as_ms()])? == 0 {
        return Ok(Committed::Repeated);
    }
    for write in &commit.writes {
        apply_write(connection, write)?;
    }
    let mut send = connection
        .prepare_cached("INSERT INTO outbox (id, at, effect) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING")?;
    for Outgoing { id, effect, at } in commit.outgoing() {
        send.execute(params![id.as_str(), at.as_ms(), serde_json::to_string(&effect)?])?;
    }
    let mut record = connection.prepare_cached("INSERT INTO audit_rows (draft) VALUES (?)")?;
    for draft in &commit.audit {
        record.execute([serde_json::to_string(draft)?])?;
    }
    Ok(Committed::Applied)
}

const fn key(write: &Write) -> &Key {
    match write {
        Write::Put { key, .. } | Write::Delete { key, .. } => key,
    }
}

fn apply_write(connection: &Connection, write: &Write) -> Result<(), Fault> {
    let (Key { pk, sk }, expect) = match write {
        Write::Put { key, expect, .. } | Write::Delete { key, expect } => (key, expect),
    };
    let mut find = connection.prepare_cached("SELECT version FROM records WHERE pk = ? AND sk = ?")?;
    let version: Option<u64> = find.query_row([pk, sk], |row| row.get(0)).optional()?;
    let holds = match expect {
        Expect::Absent => version.is_none(),
        Expect::Version(expected) => version == Some(*expected),
        Expect::Any => true,
    };
    if !holds {
        return Err(Fault::Conflict { pk: pk.clone(), sk: sk.clone() });
    }
    let Write::Put { list, due, expires_at, body, .. } = write else {
        connection.prepare_cached("DELETE FROM records WHERE pk = ? AND sk = ?")?.execute([pk, sk])?;
        return Ok(());
    };
    let body = serde_json::to_string(body)?;
    if body.len() > BODY_BYTES_MAX {
        return Err(Fault::Bug(format!("record `{pk}` `{sk}` has {} bytes of {BODY_BYTES_MAX}", body.len())));
    }
    let (list_pk, list_sk) = columns(list.as_ref());
    let (due_pk, due_sk) = columns(due.as_ref());
    let mut put = connection.prepare_cached(
        "INSERT OR REPLACE INTO records (pk, sk, version, list_pk, list_sk, due_pk, due_sk, expires_at, body)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?;
    put.execute(params![
        pk,
        sk,
        version.unwrap_or_default().saturating_add(1),
        list_pk,
        list_sk,
        due_pk,
        due_sk,
        expires_at.map(|at| at.as_ms()),
        body
    ])?;
    Ok(())
}

fn columns(place: Option<&IndexKey>) -> (Option<&str>, Option<&str>) {
    place.map(|place| (place.pk.as_str(), place.sk.as_str())).unzip()
}
