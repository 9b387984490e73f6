//! The RDS Data API over a PostgreSQL server: a stand-in, because there is no emulator anywhere.
//!
//! It speaks restJson1 as the API reference of the RDS Data Service has it, with the limits of Aurora's user guide ("Limitations
//! of the Data API", "Troubleshooting"): one statement a call, 1 MiB an answer, 64 KiB a row, no arrays as parameters, no schema
//! parameter. It can answer as a cluster that resumes. What it does not do: signatures, roles, secrets beyond their ARN,
//! `formatRecordsAs`, numeric and time columns in answers, timeouts of transactions.

mod answer;
mod names;
mod value;

use crate::{Postgres, Serving};
use answer::{Answer, Refusal, bad_request};
use axum::{Router, body::Bytes, extract::State, http::Uri, routing::post};
use futures_util::TryStreamExt;
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio_postgres::Client;

/// Largest request body, in bytes.
const REQUEST_BYTES_MAX: usize = 4 << 20;
/// Largest answer, in bytes.
const ANSWER_BYTES_MAX: usize = 1 << 20;
/// Largest row of an answer, in bytes.
const ROW_BYTES_MAX: usize = 64 << 10;

/// How a cluster says that it is not there yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Resuming {
    /// As Aurora Serverless v2 does.
    Exception,
    /// As version 1 did: a bad request about its connection.
    LinkFailure,
}

/// The stand-in; gone when it is dropped.
pub struct DataApi {
    shared: Arc<Shared>,
    serving: Serving,
}

struct Shared {
    postgres: Arc<Postgres>,
    idle: Mutex<Vec<(String, Client)>>,
    transactions: Mutex<HashMap<String, (String, Client)>>,
    begun: AtomicUsize,
    calls: AtomicUsize,
    resuming: Mutex<(usize, Resuming)>,
}

impl DataApi {
    /// ARN of the only cluster.
    pub const CLUSTER_ARN: &'static str = "arn:aws:rds:eu-central-1:123456789012:cluster:marvain";
    /// ARN of the only secret.
    pub const SECRET_ARN: &'static str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:marvain-AbCdEf";

    /// Starts it over a server.
    ///
    /// # Panics
    /// If there is no port for it.
    pub async fn start(postgres: Arc<Postgres>) -> Self {
        let shared = Arc::new(Shared {
            postgres,
            idle: Mutex::default(),
            transactions: Mutex::default(),
            begun: AtomicUsize::new(0),
            calls: AtomicUsize::new(0),
            resuming: Mutex::new((0, Resuming::Exception)),
        });
        let router = Router::new().fallback(post(call)).with_state(shared.clone());
        Self { shared, serving: Serving::start(router).await }
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        self.serving.url()
    }

    /// Answers the next `calls` calls as a cluster that resumes.
    ///
    /// # Panics
    /// If a call has panicked.
    pub fn resume_after(&self, calls: usize, how: Resuming) {
        *self.shared.resuming.lock().unwrap() = (calls, how);
    }

    /// Calls so far.
    pub fn calls(&self) -> usize {
        self.shared.calls.load(Ordering::Relaxed)
    }

    /// Transactions that are open.
    ///
    /// # Panics
    /// If a call has panicked.
    pub fn transactions(&self) -> usize {
        self.shared.transactions.lock().unwrap().len()
    }
}

async fn call(State(shared): State<Arc<Shared>>, uri: Uri, body: Bytes) -> Answer {
    shared.calls.fetch_add(1, Ordering::Relaxed);
    shared.answer(uri.path(), &body).await.into()
}

impl Shared {
    async fn answer(&self, path: &str, body: &[u8]) -> Result<Value, Refusal> {
        if body.len() > REQUEST_BYTES_MAX {
            return Err(bad_request("the request is too large"));
        }
        let request: Value = serde_json::from_slice(body).map_err(|error| bad_request(error.to_string()))?;
        if request["resourceArn"] != DataApi::CLUSTER_ARN {
            return Err(bad_request("HttpEndpoint is not enabled for this resource"));
        }
        if request["secretArn"] != DataApi::SECRET_ARN {
            return Err(bad_request("the secret is not that of the cluster"));
        }
        self.is_awake()?;
        match path {
            "/Execute" => self.execute(&request).await,
            "/BatchExecute" => self.batch(&request).await,
            "/BeginTransaction" => {
                let database = request["database"].as_str().unwrap_or("postgres").to_owned();
                let client = self.client(&database).await;
                client.batch_execute("BEGIN").await.map_err(|error| Refusal::database(&error))?;
                let id = format!("transaction{}", self.begun.fetch_add(1, Ordering::Relaxed));
                self.transactions.lock().unwrap().insert(id.clone(), (database, client));
                Ok(json!({"transactionId": id}))
            }
            "/CommitTransaction" => self.end(&request, "COMMIT", "Transaction Committed").await,
            "/RollbackTransaction" => self.end(&request, "ROLLBACK", "Rollback Complete").await,
            _ => Err(Refusal::new(404, "NotFoundException", "no such operation")),
        }
    }

    fn is_awake(&self) -> Result<(), Refusal> {
        let mut resuming = self.resuming.lock().unwrap();
        if resuming.0 == 0 {
            return Ok(());
        }
        resuming.0 -= 1;
        Err(match resuming.1 {
            Resuming::Exception => {
                let message = "the Aurora DB instance is resuming after being auto-paused";
                Refusal::new(400, "DatabaseResumingException", message)
            }
            Resuming::LinkFailure => bad_request("Communications link failure\n\nThe last packet sent …"),
        })
    }

    async fn execute(&self, request: &Value) -> Result<Value, Refusal> {
        let parameters = request["parameters"].as_array().cloned().unwrap_or_default();
        let (client, place) = self.borrow(request).await?;
        let done = run(&client, request, &parameters).await;
        self.give_back(client, place, done.is_err()).await;
        done
    }

    async fn batch(&self, request: &Value) -> Result<Value, Refusal> {
        let sets = request["parameterSets"].as_array().cloned().unwrap_or_default();
        let (client, place) = self.borrow(request).await?;
        let mut results = Vec::new();
        let mut failed = None;
        for set in &sets {
            match run(&client, request, set.as_array().map(Vec::as_slice).unwrap_or_default()).await {
                Ok(_) => results.push(json!({"generatedFields": []})),
                Err(refusal) => {
                    failed = Some(refusal);
                    break;
                }
            }
        }
        self.give_back(client, place, failed.is_some()).await;
        failed.map_or_else(|| Ok(json!({"updateResults": results})), Err)
    }

    /// The connection that a request is for, and where it goes afterwards.
    async fn borrow(&self, request: &Value) -> Result<(Client, Place), Refusal> {
        if request.get("schema").is_some() {
            return Err(bad_request("Schema parameter isn't supported"));
        }
        let Some(id) = request["transactionId"].as_str() else {
            let database = request["database"].as_str().unwrap_or("postgres");
            return Ok((self.client(database).await, Place::Idle(database.to_owned())));
        };
        let (database, client) = self.transactions.lock().unwrap().remove(id).ok_or_else(|| no_transaction(id))?;
        Ok((client, Place::Transaction(id.to_owned(), database)))
    }

    async fn give_back(&self, client: Client, place: Place, failed: bool) {
        match place {
            Place::Idle(database) => self.idle.lock().unwrap().push((database, client)),
            // A failed statement ends its transaction.
            Place::Transaction(..) if failed => drop(client),
            Place::Transaction(id, database) => {
                self.transactions.lock().unwrap().insert(id, (database, client));
            }
        }
    }

    async fn end(&self, request: &Value, sql: &str, status: &str) -> Result<Value, Refusal> {
        let id = request["transactionId"].as_str().unwrap_or_default();
        let (database, client) = self.transactions.lock().unwrap().remove(id).ok_or_else(|| no_transaction(id))?;
        client.batch_execute(sql).await.map_err(|error| Refusal::database(&error))?;
        self.idle.lock().unwrap().push((database, client));
        Ok(json!({"transactionStatus": status}))
    }

    async fn client(&self, database: &str) -> Client {
        let idle = {
            let mut idle = self.idle.lock().unwrap();
            let place = idle.iter().position(|(of, client)| of == database && !client.is_closed());
            place.map(|place| idle.swap_remove(place).1)
        };
        match idle {
            Some(client) => client,
            None => self.postgres.client(database).await,
        }
    }
}

enum Place {
    Idle(String),
    Transaction(String, String),
}

fn no_transaction(id: &str) -> Refusal {
    Refusal::new(404, "TransactionNotFoundException", format!("Transaction {id} is not found"))
}

async fn run(client: &Client, request: &Value, parameters: &[Value]) -> Result<Value, Refusal> {
    let sql = request["sql"].as_str().ok_or_else(|| bad_request("sql is missing"))?;
    let (sql, names) = names::numbered(sql);
    let values = value::parameters(&names, parameters)?;
    let types: Vec<_> = values.iter().map(|value| value.declared.clone()).collect();
    let statement = client.prepare_typed(&sql, &types).await.map_err(|error| Refusal::database(&error))?;
    let rows = client.query_raw(&statement, values.iter()).await.map_err(|error| Refusal::database(&error))?;
    let mut rows = pin!(rows);
    let (mut records, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.try_next().await.map_err(|error| Refusal::database(&error))? {
        let record = value::record(&row)?;
        let size = record.to_string().len();
        bytes += size;
        if size > ROW_BYTES_MAX {
            return Err(bad_request("Packet for query is too large"));
        }
        if bytes > ANSWER_BYTES_MAX {
            return Err(bad_request("Database returned more than the allowed response size limit"));
        }
        records.push(record);
    }
    if statement.columns().is_empty() {
        let updated = rows.rows_affected().unwrap_or_default();
        return Ok(json!({"generatedFields": [], "numberOfRecordsUpdated": updated}));
    }
    let mut answer = json!({"records": records, "numberOfRecordsUpdated": 0});
    if request["includeResultMetadata"] == true {
        let columns = statement.columns().iter();
        answer["columnMetadata"] =
            columns.map(|c| json!({"name": c.name(), "label": c.name(), "typeName": c.type_().name()})).collect();
    }
    Ok(answer)
}
