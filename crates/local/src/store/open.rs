//! Opening a database: privacy, integrity, format. It never replaces a file that it cannot read.

use super::error::OpenError;
use rusqlite::{Connection, OpenFlags};
use std::{fs, os::unix::fs::OpenOptionsExt, path::Path, time::Duration};

/// How long a statement waits for a lock that another process holds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Prepared statements that a connection keeps.
const STATEMENTS_MAX: usize = 64;
/// The write-ahead log is cut to this size, in bytes, when it has been folded into the database.
const WAL_BYTES_MAX: u32 = 64 << 20;
/// Databases up to this size, in bytes, are checked whole when they are opened; it takes about a second.
const CHECKED_BYTES_MAX: u64 = 1 << 30;

/// What a database is made of.
#[derive(Clone, Copy)]
pub(crate) struct Schema {
    /// One script a format, in order: a database of format `n` has had the first `n` of them.
    pub(crate) migrations: &'static [&'static str],
    /// Runs at each opening, before anything else.
    pub(crate) at_open: &'static str,
}

/// Opens a database for writing, creating it if it is not there.
pub(super) fn file(path: &Path, schema: Schema) -> Result<Connection, OpenError> {
    // Made here so that it is private from the start; SQLite gives its companions the same mode.
    let made =
        fs::OpenOptions::new().append(true).create(true).mode(0o600).open(path).map_err(OpenError::file(path))?;
    let bytes = made.metadata().map_err(OpenError::file(path))?.len();
    drop(made);
    let connection = connect(path).map_err(OpenError::sqlite(path))?;
    if bytes <= CHECKED_BYTES_MAX {
        check(&connection, path)?;
    }
    let prepare = || -> rusqlite::Result<()> {
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "journal_size_limit", WAL_BYTES_MAX)
    };
    prepare().map_err(OpenError::sqlite(path))?;
    migrate(&connection, path, schema)?;
    Ok(connection)
}

/// Opens an empty database that lives as long as its connection.
pub(super) fn memory(schema: Schema) -> Result<Connection, OpenError> {
    let path = Path::new(":memory:");
    let connection = Connection::open_in_memory().map_err(OpenError::sqlite(path))?;
    configure(&connection).map_err(OpenError::sqlite(path))?;
    migrate(&connection, path, schema)?;
    Ok(connection)
}

/// Another connection to an open database, that cannot write.
pub(crate) fn reader(path: &Path) -> rusqlite::Result<Connection> {
    let connection = connect(path)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    configure(&connection)?;
    Ok(connection)
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    connection.pragma_update(None, "foreign_keys", true)?;
    // What is erased is overwritten.
    connection.pragma_update(None, "secure_delete", true)
}

fn check(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let verdict: String =
        connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(OpenError::sqlite(path))?;
    if verdict == "ok" { Ok(()) } else { Err(OpenError::Damaged { path: path.into(), problem: verdict }) }
}

fn migrate(connection: &Connection, path: &Path, schema: Schema) -> Result<(), OpenError> {
    let format: usize = connection
        .query_row("SELECT user_version FROM pragma_user_version", [], |row| row.get(0))
        .map_err(OpenError::sqlite(path))?;
    if format > schema.migrations.len() {
        return Err(OpenError::Newer { path: path.into(), found: format, known: schema.migrations.len() });
    }
    for (done, script) in schema.migrations.iter().enumerate().skip(format) {
        let step = format!("BEGIN IMMEDIATE; {script}; PRAGMA user_version = {}; COMMIT", done + 1);
        connection.execute_batch(&step).map_err(OpenError::sqlite(path))?;
    }
    connection.execute_batch(schema.at_open).map_err(OpenError::sqlite(path))
}
