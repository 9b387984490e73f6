//! Statements over connections of one's own: PostgreSQL's protocol over TLS, for whoever is in the cluster's VPC.

use super::{Row, Rows, Sql, SqlError, SqlState, Statement, Value};
use async_trait::async_trait;
use deadpool_postgres::{
    BuildError, ClientWrapper, Manager, ManagerConfig, Pool, PoolError, RecyclingMethod, Runtime, Timeouts,
};
use marvain_hub::port::Cause;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, pem::PemObject},
};
use std::{fmt, sync::Arc, time::Duration};
use tokio_postgres::{
    Config, Row as Columns,
    config::SslMode,
    types::{ToSql, Type},
};
use tokio_postgres_rustls::MakeRustlsConnect;

/// Longest that a statement may take, in milliseconds; as long as by the Data API.
const STATEMENT_MS_MAX: u64 = 45_000;
/// Longest that connecting may take, in seconds: a cluster that resumes lets a connection wait.
const CONNECT_S_MAX: u64 = 60;
/// Longest that a statement waits for a connection to be free, in seconds.
const FREE_S_MAX: u64 = 15;

/// Where the database is, and who may.
#[derive(Clone)]
pub struct DirectSettings {
    /// Host, as its certificate has it.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Name of the database.
    pub database: String,
    /// User.
    pub user: String,
    /// Their password.
    pub password: String,
    /// Roots that the server's certificate may come from, PEM. Those of Aurora are the RDS certificate bundle of the Aurora user
    /// guide ("Using SSL/TLS to encrypt a connection to a DB cluster").
    pub roots_pem: String,
    /// Most connections at a time.
    pub connections_max: usize,
}

impl fmt::Debug for DirectSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, database, user, .. } = self;
        write!(f, "DirectSettings({user} at {host}:{port}/{database})")
    }
}

/// The executor over TLS.
pub struct Direct {
    pool: Pool,
}

impl Direct {
    /// An executor for one database. Connects when it has to.
    ///
    /// # Errors
    /// If the roots are not certificates.
    pub fn new(settings: &DirectSettings) -> Result<Self, Cause> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(settings.roots_pem.as_bytes()) {
            roots.add(certificate?)?;
        }
        let tls = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut config = Config::new();
        config
            .host(&settings.host)
            .port(settings.port)
            .dbname(&settings.database)
            .user(&settings.user)
            .password(&settings.password)
            .ssl_mode(SslMode::Require)
            .connect_timeout(Duration::from_secs(CONNECT_S_MAX))
            .application_name("marvain")
            .options(format!("-c statement_timeout={STATEMENT_MS_MAX}"));
        let manager = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_config(config, MakeRustlsConnect::new(tls), manager);
        let timeouts = Timeouts {
            wait: Some(Duration::from_secs(FREE_S_MAX)),
            create: Some(Duration::from_secs(CONNECT_S_MAX)),
            recycle: Some(Duration::from_secs(FREE_S_MAX)),
        };
        let pool = Pool::builder(manager).max_size(settings.connections_max).timeouts(timeouts);
        let pool = pool.runtime(Runtime::Tokio1).build().map_err(|error: BuildError| Box::new(error))?;
        Ok(Self { pool })
    }
}

#[async_trait]
impl Sql for Direct {
    async fn execute(&self, statement: Statement) -> Result<Rows, SqlError> {
        let client = self.pool.get().await.map_err(unreachable)?;
        run(&client, &statement).await
    }

    async fn transaction(&self, statements: Vec<Statement>) -> Result<Vec<Rows>, SqlError> {
        let mut client = self.pool.get().await.map_err(unreachable)?;
        // Dropped without a commit, it is rolled back.
        let transaction = client.transaction().await.map_err(failed)?;
        let mut answers = Vec::with_capacity(statements.len());
        for statement in &statements {
            // Of what migrates, nothing is executed twice: it is not worth keeping prepared.
            let (sql, types) = (statement.numbered(), types(statement));
            let prepared = transaction.prepare_typed(&sql, &types).await.map_err(failed)?;
            let rows = transaction.query(&prepared, &parameters(statement)).await.map_err(failed)?;
            answers.push(rows.iter().map(row).collect::<Result<_, _>>()?);
        }
        transaction.commit().await.map_err(failed)?;
        Ok(answers)
    }

    /// A connection waits for a cluster that resumes, so nothing is known of it.
    fn state(&self) -> SqlState {
        SqlState::Ready
    }
}

async fn run(client: &ClientWrapper, statement: &Statement) -> Result<Rows, SqlError> {
    let prepared = client.prepare_typed_cached(&statement.numbered(), &types(statement)).await.map_err(failed)?;
    let rows = client.query(&prepared, &parameters(statement)).await.map_err(failed)?;
    rows.iter().map(row).collect()
}

fn types(statement: &Statement) -> Vec<Type> {
    statement.values.iter().map(|(_, value)| value.declared()).collect()
}

fn parameters(statement: &Statement) -> Vec<&(dyn ToSql + Sync)> {
    statement.values.iter().map(|(_, value)| value as &(dyn ToSql + Sync)).collect()
}

fn row(columns: &Columns) -> Result<Row, SqlError> {
    let column = |(place, column): (usize, &tokio_postgres::Column)| {
        let value = match *column.type_() {
            Type::BOOL => columns.try_get::<_, Option<bool>>(place).map(|value| value.map(Value::Bool)),
            Type::INT8 => columns.try_get::<_, Option<i64>>(place).map(|value| value.map(Value::Int)),
            Type::INT4 => {
                columns.try_get::<_, Option<i32>>(place).map(|value| value.map(|value| Value::Int(value.into())))
            }
            Type::FLOAT8 => columns.try_get::<_, Option<f64>>(place).map(|value| value.map(Value::Float)),
            Type::TEXT => columns.try_get::<_, Option<String>>(place).map(|value| value.map(Value::Text)),
            ref other => return Err(SqlError::Unexpected(format!("a column of type `{other}`, which needs a cast"))),
        };
        value.map(|value| value.unwrap_or(Value::Null)).map_err(|error| SqlError::Unexpected(error.to_string()))
    };
    columns.columns().iter().enumerate().map(column).collect::<Result<_, _>>().map(Row::new)
}

fn unreachable(error: PoolError) -> SqlError {
    SqlError::Unavailable(Box::new(error))
}

/// Refused, unless the trouble is the connection's or the server's own (SQLSTATE classes 08, 53, 57 and 58).
fn failed(error: tokio_postgres::Error) -> SqlError {
    let passing = |code: &str| ["08", "53", "57", "58"].iter().any(|class| code.starts_with(class));
    match error.code() {
        Some(state) if !passing(state.code()) => SqlError::Refused(Box::new(error)),
        _ => SqlError::Unavailable(Box::new(error)),
    }
}
