//! Statements by the RDS Data API ("Using RDS Data API" in the Aurora user guide).

use super::{Row, Rows, Sql, SqlError, SqlState, Statement, Value, resume::Resume};
use async_trait::async_trait;
use aws_sdk_rdsdata::{
    Client,
    config::timeout::TimeoutConfig,
    error::{ProvideErrorMetadata, SdkError},
    types::{Field, SqlParameter},
};
use marvain_hub::port::Cause;
use std::{error::Error, fmt::Debug, time::Duration};
use tokio::sync::watch;

/// How long a call may take, in seconds: the Data API gives up after 45, and a client is to wait for at least a minute
/// ("Controlling Data API timeout behavior"), so that nobody takes what is done for what is not.
const CALL_S: u64 = 60;

/// Which database, and who may.
#[derive(Clone, Debug)]
pub struct DataApiSettings {
    /// ARN of the cluster.
    pub cluster_arn: String,
    /// ARN of the secret with user and password.
    pub secret_arn: String,
    /// Name of the database.
    pub database: String,
    /// Longest that a call waits for a cluster that resumes; [`RESUME_MAX`](super::RESUME_MAX) for whoever has the time.
    pub resume_max: Duration,
}

/// The executor over HTTPS.
pub struct DataApi {
    client: Client,
    settings: DataApiSettings,
    resume: Resume,
}

impl DataApi {
    /// An executor for one database. The client's limit for an attempt is replaced by the Data API's.
    pub fn new(client: Client, settings: DataApiSettings) -> Self {
        let patience = TimeoutConfig::builder().operation_attempt_timeout(Duration::from_secs(CALL_S)).build();
        let client = Client::from_conf(client.config().to_builder().timeout_config(patience).build());
        let resume = Resume::new(settings.resume_max);
        Self { client, settings, resume }
    }

    /// The state, to be watched.
    pub fn watch(&self) -> watch::Receiver<SqlState> {
        self.resume.watch()
    }

    async fn run(&self, statement: &Statement, transaction: Option<&str>) -> Result<Rows, SqlError> {
        let DataApiSettings { cluster_arn, secret_arn, database, .. } = &self.settings;
        let call = self.client.execute_statement().resource_arn(cluster_arn).secret_arn(secret_arn);
        let call = call.database(database).sql(statement.sql).set_transaction_id(transaction.map(str::to_owned));
        let values = statement.values.iter().map(|(name, value)| parameter(name, value)).collect::<Vec<_>>();
        let call = call.set_parameters((!values.is_empty()).then_some(values));
        let answer = call.send().await.map_err(failed)?;
        let rows = answer.records.unwrap_or_default().into_iter();
        rows.map(|fields| fields.into_iter().map(column).collect::<Result<_, _>>().map(Row::new)).collect()
    }

    async fn begin(&self) -> Result<String, SqlError> {
        let DataApiSettings { cluster_arn, secret_arn, database, .. } = &self.settings;
        let call = self.client.begin_transaction().resource_arn(cluster_arn).secret_arn(secret_arn).database(database);
        let answer = call.send().await.map_err(failed)?;
        answer.transaction_id.ok_or_else(|| SqlError::Unexpected("a transaction without an id".to_owned()))
    }

    async fn all(&self, statements: &[Statement], transaction: &str) -> Result<Vec<Rows>, SqlError> {
        let mut answers = Vec::with_capacity(statements.len());
        for statement in statements {
            answers.push(self.run(statement, Some(transaction)).await?);
        }
        let DataApiSettings { cluster_arn, secret_arn, .. } = &self.settings;
        let commit = self.client.commit_transaction().resource_arn(cluster_arn).secret_arn(secret_arn);
        commit.transaction_id(transaction).send().await.map_err(failed)?;
        Ok(answers)
    }
}

#[async_trait]
impl Sql for DataApi {
    async fn execute(&self, statement: Statement) -> Result<Rows, SqlError> {
        let mut calling = self.resume.calling();
        loop {
            if let Some(answer) = calling.answer(self.run(&statement, None).await).await {
                return answer;
            }
        }
    }

    /// One that is abandoned half-way is rolled back by the Data API after three minutes.
    async fn transaction(&self, statements: Vec<Statement>) -> Result<Vec<Rows>, SqlError> {
        let mut calling = self.resume.calling();
        let transaction = loop {
            if let Some(answer) = calling.answer(self.begin().await).await {
                break answer?;
            }
        };
        let done = self.all(&statements, &transaction).await;
        if done.is_err() {
            let DataApiSettings { cluster_arn, secret_arn, .. } = &self.settings;
            let rollback = self.client.rollback_transaction().resource_arn(cluster_arn).secret_arn(secret_arn);
            if let Err(error) = rollback.transaction_id(&transaction).send().await {
                // It has ended by the error itself, or does by time.
                tracing::debug!(code = error.code(), "a transaction that failed is not rolled back");
            }
        }
        done
    }

    fn state(&self) -> SqlState {
        self.resume.state()
    }
}

fn parameter(name: &str, value: &Value) -> SqlParameter {
    let field = match value {
        Value::Null => Field::IsNull(true),
        Value::Bool(value) => Field::BooleanValue(*value),
        Value::Int(value) => Field::LongValue(*value),
        Value::Float(value) => Field::DoubleValue(*value),
        Value::Text(value) => Field::StringValue(value.clone()),
    };
    SqlParameter::builder().name(name).value(field).build()
}

fn column(field: Field) -> Result<Value, SqlError> {
    match field {
        Field::IsNull(_) => Ok(Value::Null),
        Field::BooleanValue(value) => Ok(Value::Bool(value)),
        Field::LongValue(value) => Ok(Value::Int(value)),
        Field::DoubleValue(value) => Ok(Value::Float(value)),
        Field::StringValue(value) => Ok(Value::Text(value)),
        _ => Err(SqlError::Unexpected("a column of a type that no statement asks for".to_owned())),
    }
}

/// What an error of the Data API means (its API reference, "Common errors" and those of `ExecuteStatement`). A cluster that wakes
/// up says so by `DatabaseResumingException`; one of Aurora Serverless v1 by a `BadRequestException` about its link.
fn failed<E>(error: SdkError<E>) -> SqlError
where
    E: ProvideErrorMetadata + Error + Debug + Send + Sync + 'static,
{
    let code = error.code().unwrap_or_default().to_owned();
    let has_no_link = error.message().is_some_and(|message| message.starts_with("Communications link failure"));
    let source: Cause = error.into_source().unwrap_or_else(|error| Box::new(error));
    match code.as_str() {
        "DatabaseResumingException" => SqlError::Resuming { waited_s: 0, source },
        "BadRequestException" if has_no_link => SqlError::Resuming { waited_s: 0, source },
        "BadRequestException" | "DatabaseErrorException" | "UnsupportedResultException" | "ValidationException" => {
            SqlError::Refused(source)
        }
        _ => SqlError::Unavailable(source),
    }
}
