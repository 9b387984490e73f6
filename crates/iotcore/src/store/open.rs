//! Opening the database: permissions, lock, integrity, schema. A damaged file is reported, never replaced.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::{Store, StoreError, read, write};

/// One migration a version, in order; the database's `user_version` says how many it has had.
const MIGRATIONS: [&str; 4] = [
    include_str!("schema/1_first.sql"),
    include_str!("schema/2_jobs_and_presence.sql"),
    include_str!("schema/3_versions.sql"),
    include_str!("schema/4_foreign_certificates.sql"),
];
/// A writer that is ending, in this process or another, has this long to let go.
const LOCK_ATTEMPTS_MAX: u32 = 100;
const LOCK_INTERVAL: Duration = Duration::from_millis(50);
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// A database up to this size is checked at every start; a larger one only when it was not closed, because that takes long.
const CHECKED_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Opens `iotcore.db` in `directory`, making both if they are missing.
pub(crate) async fn open(directory: &Path) -> Result<Store, StoreError> {
    make_directory(directory)?;
    let lock = lock(&directory.join("iotcore.lock")).await?;
    let path = directory.join("iotcore.db");
    let open = move || Ok::<_, StoreError>((open_database(&path)?, read::Readers::new(path)));
    let (connection, readers) = tokio::task::spawn_blocking(open).await.map_err(|_| StoreError::Closed)??;
    let writer = write::start(connection, lock)?;
    Ok(Store { readers: Arc::new(readers), writer })
}

/// Makes a directory that only its owner can enter.
pub(crate) fn make_directory(path: &Path) -> Result<(), StoreError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(file_error(path))
}

/// Opens a file that only its owner can read, creating it if it is missing.
pub(crate) fn private_file(path: &Path) -> Result<File, StoreError> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(file_error(path))
}

pub(crate) fn file_error(path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = PathBuf::from(path);
    |source| StoreError::File { path, source: Arc::new(source) }
}

async fn lock(path: &Path) -> Result<File, StoreError> {
    let file = private_file(path)?;
    for _ in 0..LOCK_ATTEMPTS_MAX {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => tokio::time::sleep(LOCK_INTERVAL).await,
            Err(TryLockError::Error(error)) => return Err(file_error(path)(error)),
        }
    }
    Err(StoreError::InUse { path: path.into() })
}

fn open_database(path: &Path) -> Result<Connection, StoreError> {
    // Made here so that it is private; SQLite gives its companions the same mode.
    let bytes = bytes(&private_file(path)?).map_err(file_error(path))?;
    let was_closed = File::open(path.with_extension("db-wal")).and_then(|log| self::bytes(&log)).unwrap_or(0) == 0;
    let connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    let damaged = |problem| StoreError::Damaged { path: path.into(), problem };
    if is_checked(was_closed, bytes) {
        check(&connection).map_err(damaged)?;
    }
    set_up(&connection, path).map_err(|error| damage(&error).map_or(error, damaged))?;
    Ok(connection)
}

fn bytes(file: &File) -> io::Result<u64> {
    Ok(file.metadata()?.len())
}

fn is_checked(was_closed: bool, bytes: u64) -> bool {
    !was_closed || bytes <= CHECKED_BYTES_MAX
}

fn set_up(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.set_prepared_statement_cache_capacity(64);
    migrate(connection, path)
}

/// What SQLite says of a file that is no database, or not a whole one.
fn damage(error: &StoreError) -> Option<String> {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    let StoreError::Sqlite(error) = error else { return None };
    matches!(error.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase)).then(|| error.to_string())
}

fn check(connection: &Connection) -> Result<(), String> {
    let verdict: String =
        connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(|error| error.to_string())?;
    if verdict == "ok" { Ok(()) } else { Err(verdict) }
}

fn migrate(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let done = match usize::try_from(found) {
        Ok(done) if found <= known => done,
        _ => return Err(StoreError::Newer { path: path.into(), found, known }),
    };
    for (version, migration) in (1_i64..).zip(MIGRATIONS).skip(done) {
        let transaction = connection.unchecked_transaction()?;
        transaction.execute_batch(migration)?;
        transaction.pragma_update(None, "user_version", version)?;
        transaction.commit()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_closed_or_is_small_is_checked() {
        for (was_closed, bytes, checked) in [
            (true, 0, true),
            (true, CHECKED_BYTES_MAX, true),
            (true, CHECKED_BYTES_MAX + 1, false),
            (false, CHECKED_BYTES_MAX + 1, true),
        ] {
            assert_eq!(is_checked(was_closed, bytes), checked, "{was_closed} {bytes}");
        }
    }
}
