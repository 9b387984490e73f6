//! The schema: files of `sql/aurora` in the order of their numbers, each applied once, in one transaction, and never changed.
//!
//! A file is split at lines of `--;;`, because the Data API takes one statement a call. Runners may be many: each step holds an
//! advisory lock, and the row that says that a file is applied is its first statement.

use super::{Sql, SqlError, Statement};
use sha2::{Digest, Sha256};

/// One file.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// `NNNN_name.sql`
    pub file: &'static str,
    /// Its text.
    pub sql: &'static str,
}

/// All files, in order.
pub const MIGRATIONS: &[Migration] = &[
    Migration { file: "0001_recall.sql", sql: include_str!("../../../../sql/aurora/0001_recall.sql") },
    Migration { file: "0002_telemetry.sql", sql: include_str!("../../../../sql/aurora/0002_telemetry.sql") },
];

/// Line that parts the statements of a file.
const MARKER: &str = "--;;";
const LOCK: &str = "SELECT CAST(pg_advisory_xact_lock(1835626101, 0) AS text)";
const TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (
  version    bigint PRIMARY KEY,
  name       text NOT NULL,
  sha256     text NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT now()
)";
const APPLIED: &str = "SELECT version, name, sha256 FROM schema_migrations ORDER BY version";
const APPLY: &str = "INSERT INTO schema_migrations (version, name, sha256)
  VALUES (CAST(:version AS bigint), CAST(:name AS text), CAST(:sha256 AS text))";

/// What a run did.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Migrated {
    /// Files that were applied by it.
    pub applied: Vec<&'static str>,
    /// Files that had been before, or were by another runner.
    pub known: usize,
}

/// Why the schema is not as it should be. What was applied before stays.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// A file was changed after it was applied.
    #[error("`sql/aurora/{file}` is not what was applied to this database: files that were applied are never changed")]
    Changed {
        /// Which.
        file: String,
    },
    /// The database is ahead of this program.
    #[error("the database has had `{file}`, which this version does not know: use a newer marvain")]
    Newer {
        /// Which.
        file: String,
    },
    /// A file has no number, or not the next.
    #[error("`sql/aurora/{file}` has no number, or one that is not the next")]
    Number {
        /// Which.
        file: String,
    },
    /// A file was refused; nothing of it is applied.
    #[error("`sql/aurora/{file}` cannot be applied")]
    File {
        /// Which.
        file: String,
        /// Why.
        #[source]
        source: SqlError,
    },
    /// The table of what is applied cannot be read or made.
    #[error("the table `schema_migrations` cannot be used")]
    Table(#[source] SqlError),
}

/// Applies what is not applied yet. Repeating it does no harm, nor does running it twice at a time.
///
/// # Errors
/// [`MigrateError`]
pub async fn migrate(sql: &dyn Sql, migrations: &[Migration]) -> Result<Migrated, MigrateError> {
    sql.transaction(vec![Statement::new(LOCK), Statement::new(TABLE)]).await.map_err(MigrateError::Table)?;
    let mut done = Migrated { known: known(sql, migrations).await?, applied: Vec::new() };
    for (place, migration) in migrations.iter().enumerate() {
        if place < done.known + done.applied.len() {
            continue;
        }
        let file = migration.file.to_owned();
        match sql.transaction(steps(place, migration)?).await {
            Ok(_) => done.applied.push(migration.file),
            // Another runner may have been faster.
            Err(_) if known(sql, migrations).await? > place => done.known += 1,
            Err(source) => return Err(MigrateError::File { file, source }),
        }
    }
    Ok(done)
}

/// How many files are applied, which are the first ones.
async fn known(sql: &dyn Sql, migrations: &[Migration]) -> Result<usize, MigrateError> {
    let rows = sql.execute(Statement::new(APPLIED)).await.map_err(MigrateError::Table)?;
    for (place, row) in rows.iter().enumerate() {
        let name = row.text(1).map_err(MigrateError::Table)?;
        let Some(migration) = migrations.get(place) else {
            return Err(MigrateError::Newer { file: name.to_owned() });
        };
        let is_same = name == migration.file && row.text(2).is_ok_and(|digest| digest == sha256(migration.sql));
        if !is_same {
            return Err(MigrateError::Changed { file: migration.file.to_owned() });
        }
    }
    Ok(rows.len())
}

/// The statements of a file, behind those that lock and say that it is applied.
fn steps(place: usize, migration: &Migration) -> Result<Vec<Statement>, MigrateError> {
    let Migration { file, sql } = migration;
    let number =
        file.split_once('_').filter(|(number, _)| number.len() == 4).and_then(|(number, _)| number.parse().ok());
    let version = number.filter(|number: &i64| usize::try_from(*number).is_ok_and(|number| number == place + 1));
    let version = version.ok_or_else(|| MigrateError::Number { file: (*file).to_owned() })?;
    let apply = Statement::new(APPLY).bind("version", version).bind("name", *file).bind("sha256", sha256(sql));
    Ok([Statement::new(LOCK), apply].into_iter().chain(split(sql).map(Statement::new)).collect())
}

/// A file's statements.
fn split(sql: &'static str) -> impl Iterator<Item = &'static str> {
    let mut rest = Some(sql);
    std::iter::from_fn(move || {
        let text = rest.take()?;
        let mut at = 0;
        for line in text.split_inclusive('\n') {
            if line.trim_end() == MARKER {
                rest = text.get(at + line.len()..);
                return text.get(..at);
            }
            at += line.len();
        }
        Some(text)
    })
}

fn sha256(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, path::Path};

    #[test]
    fn every_file_is_in_the_table_in_order() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sql/aurora");
        let mut files: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        files.sort();
        assert_eq!(MIGRATIONS.iter().map(|migration| migration.file).collect::<Vec<_>>(), files);
        for (place, migration) in MIGRATIONS.iter().enumerate() {
            assert!(steps(place, migration).is_ok(), "{}", migration.file);
            assert!(steps(place + 1, migration).is_err(), "{}", migration.file);
        }
    }

    #[test]
    fn statements_are_whole_and_have_nothing_that_the_data_api_takes_for_a_parameter() {
        for migration in MIGRATIONS {
            for statement in split(migration.sql) {
                let mut code = statement.lines().filter(|line| !line.trim_start().starts_with("--"));
                assert!(code.any(|line| !line.trim().is_empty()), "nothing but comments: `{statement}`");
                assert!(!statement.contains(':'), "a colon: `{statement}`");
                assert!(!statement.trim_end().ends_with(';'), "more than a statement: `{statement}`");
            }
        }
        assert_eq!(split("a;\n--;;\nb -- ;;\n  --;;\n").collect::<Vec<_>>(), ["a;\n", "b -- ;;\n  --;;\n"]);
        assert_eq!(split("a\n--;;  \nb").collect::<Vec<_>>(), ["a\n", "b"]);
    }
}
