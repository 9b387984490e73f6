//! Aurora PostgreSQL by either of two executors of the same statements.
//!
//! | file | subject |
//! |---|---|
//! | `statement` | fixed SQL with named parameters |
//! | `rows` | what comes back |
//! | `data_api` | over HTTPS by the RDS Data API: no VPC, and the cluster may scale to zero |
//! | `direct` | over TLS, with a pool of connections |
//! | `resume` | waiting for a cluster that wakes up, visibly |
//! | [`migrate`](fn@migrate) | the schema of `sql/aurora` |
//!
//! It knows no table. No statement is put together from strings: what varies is a parameter, or is decided in a function
//! in the database.

mod data_api;
mod direct;
mod error;
mod migrate;
mod resume;
mod rows;
mod statement;

pub use data_api::{DataApi, DataApiSettings};
pub use direct::{Direct, DirectSettings};
pub use error::SqlError;
pub use migrate::{MIGRATIONS, MigrateError, Migrated, Migration, migrate};
pub use resume::{RESUME_MAX, SqlState};
pub use rows::{Row, Rows};
pub use statement::{Statement, Value};

use async_trait::async_trait;

/// What executes statements.
#[async_trait]
pub trait Sql: Send + Sync {
    /// Executes one statement in a transaction of its own. The answer is bounded by the Data API's limits: 1 MiB, and 64 KiB a
    /// row.
    async fn execute(&self, statement: Statement) -> Result<Rows, SqlError>;
    /// Executes all of them in one transaction, or none.
    async fn transaction(&self, statements: Vec<Statement>) -> Result<Vec<Rows>, SqlError>;
    /// Whether the database is there.
    fn state(&self) -> SqlState;
}
