//! Audit rows on their way into the log: written by commits, given a place, sealed.

use super::fault::Fault;
use marvain_hub::port::{AuditRow, Head};
use rusqlite::{Connection, OptionalExtension, params};

pub(super) fn unsealed(connection: &Connection, limit: usize) -> Result<Vec<AuditRow>, Fault> {
    // Two statements, so that each reads its part of an index in order and stops.
    let rows = [
        "SELECT row, seq, draft FROM audit_rows WHERE seq IS NOT NULL ORDER BY seq LIMIT ?",
        "SELECT row, seq, draft FROM audit_rows WHERE seq IS NULL ORDER BY row LIMIT ?",
    ];
    read(connection, rows, limit)
}

pub(super) fn unsealed_last(connection: &Connection, limit: usize) -> Result<Vec<AuditRow>, Fault> {
    let rows = [
        "SELECT row, seq, draft FROM audit_rows WHERE seq IS NULL ORDER BY row DESC LIMIT ?",
        "SELECT row, seq, draft FROM audit_rows WHERE seq IS NOT NULL ORDER BY seq DESC LIMIT ?",
    ];
    let mut rows = read(connection, rows, limit)?;
    rows.reverse();
    Ok(rows)
}

/// What the first statement finds, then what the other finds, of at most `limit` rows.
fn read(connection: &Connection, statements: [&str; 2], limit: usize) -> Result<Vec<AuditRow>, Fault> {
    let mut rows = Vec::new();
    for sql in statements {
        let left = limit.saturating_sub(rows.len());
        let mut statement = connection.prepare_cached(sql)?;
        let mut found = statement.query([left])?;
        while let Some(row) = found.next()? {
            let draft = row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?;
            rows.push(AuditRow { row: row.get(0)?, seq: row.get(1)?, draft: serde_json::from_str(draft)? });
        }
    }
    Ok(rows)
}

pub(super) fn sequence(connection: &Connection, first: u64, rows: &[u64]) -> Result<(), Fault> {
    let conflict = |sk: String| Fault::Conflict { pk: "audit".into(), sk };
    let last: Option<u64> = connection
        .prepare_cached("SELECT seq FROM audit_rows WHERE seq IS NOT NULL ORDER BY seq DESC LIMIT 1")?
        .query_row([], |row| row.get(0))
        .optional()?;
    let sealed = head(connection)?.map_or(0, |head| head.size);
    if first != last.map_or(0, |last| last.saturating_add(1)).max(sealed) {
        return Err(conflict(format!("seq {first}")));
    }
    let mut give = connection.prepare_cached("UPDATE audit_rows SET seq = ? WHERE row = ? AND seq IS NULL")?;
    for (seq, row) in (first..).zip(rows) {
        if give.execute(params![seq, row])? == 0 {
            return Err(conflict(format!("row {row}")));
        }
    }
    Ok(())
}

pub(super) fn seal(connection: &Connection, new: &Head) -> Result<(), Fault> {
    if head(connection)?.is_some_and(|known| known.size > new.size) {
        return Err(Fault::Conflict { pk: "audit".into(), sk: "head".into() });
    }
    connection
        .prepare_cached("INSERT OR REPLACE INTO head (one, size, checkpoint) VALUES (1, ?, ?)")?
        .execute(params![new.size, new.checkpoint])?;
    connection.prepare_cached("DELETE FROM audit_rows WHERE seq < ?")?.execute([new.size])?;
    Ok(())
}

pub(super) fn head(connection: &Connection) -> Result<Option<Head>, Fault> {
    let mut statement = connection.prepare_cached("SELECT size, checkpoint FROM head")?;
    Ok(statement.query_row([], |row| Ok(Head { size: row.get(0)?, checkpoint: row.get(1)? })).optional()?)
}
