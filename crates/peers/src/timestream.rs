//! Timestream for LiveAnalytics over a PostgreSQL server: a stand-in, because no emulator evaluates its queries.
//!
//! It speaks awsJson1.0 as the API references of Timestream Write and Query have it. Records lie in one PostgreSQL table a
//! Timestream table, a column each for dimensions and measures; a query is what PostgreSQL makes of its text, with Timestream's
//! functions for times added. So it shows that a query is well formed and means what it should in standard SQL; what Timestream's
//! own dialect does otherwise, it cannot show. What it does not do: signatures, common attributes, single-measure records, retention other
//! than a limit that tests set, magnetic store.

use crate::{Postgres, Serving};
use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::{Value, json};
use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};
use tokio::sync::Mutex;
use tokio_postgres::{Client, Row, types::Type};

/// Most records of a call.
const RECORDS_MAX: usize = 100;
/// Rows of a page of an answer; small, so that there are several.
const PAGE_ROWS: usize = 300;

/// The stand-in, with one table; gone when it is dropped.
pub struct Timestream {
    shared: Arc<Shared>,
    serving: Serving,
    _postgres: Arc<Postgres>,
}

struct Shared {
    client: Mutex<Client>,
    not_before_ms: AtomicU64,
    writes: AtomicUsize,
}

/// Name and message of an error, and what else it says.
struct Refusal(&'static str, String, Value);

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal("ValidationException", message.into(), json!({}))
}

impl From<tokio_postgres::Error> for Refusal {
    fn from(error: tokio_postgres::Error) -> Self {
        invalid(format!("{error}: {error:?}"))
    }
}

impl Timestream {
    /// Name of the database.
    pub const DATABASE: &'static str = "marvain-test";
    /// Name of the table.
    pub const TABLE: &'static str = "readings";

    /// Starts it over a server, with a table of its own.
    ///
    /// # Panics
    /// If it cannot be had.
    pub async fn start(postgres: Arc<Postgres>) -> Self {
        let client = postgres.client(&postgres.database(None).await).await;
        let tables = format!(
            "CREATE SCHEMA \"{0}\"; CREATE TABLE \"{0}\".\"{1}\" (
               satellite text, measure_name text, time timestamp, value double precision, unit text, version bigint,
               UNIQUE (satellite, measure_name, time));
             CREATE FUNCTION from_milliseconds(bigint) RETURNS timestamp LANGUAGE sql
               AS 'SELECT to_timestamp(0) AT TIME ZONE ''UTC'' + $1 * interval ''1 millisecond''';
             CREATE FUNCTION to_milliseconds(timestamp) RETURNS bigint LANGUAGE sql
               AS 'SELECT CAST(extract(epoch FROM $1) * 1000 AS bigint)'",
            Self::DATABASE,
            Self::TABLE
        );
        client.batch_execute(&tables).await.expect("tables");
        let shared = Arc::new(Shared {
            client: Mutex::new(client),
            not_before_ms: AtomicU64::new(0),
            writes: AtomicUsize::new(0),
        });
        let router = Router::new().fallback(post(call)).with_state(shared.clone());
        Self { shared, serving: Serving::start(router).await, _postgres: postgres }
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        self.serving.url()
    }

    /// Rejects what is older, as outside of the table's retention.
    pub fn keep_since(&self, ms: u64) {
        self.shared.not_before_ms.store(ms, Ordering::Relaxed);
    }

    /// Calls of `WriteRecords` so far.
    pub fn writes(&self) -> usize {
        self.shared.writes.load(Ordering::Relaxed)
    }
}

async fn call(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let answer = match (target.rsplit('.').next(), serde_json::from_slice::<Value>(&body)) {
        (Some("DescribeEndpoints"), _) => {
            let host = headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or_default();
            Ok(json!({"Endpoints": [{"Address": host, "CachePeriodInMinutes": 1440}]}))
        }
        (Some("WriteRecords"), Ok(request)) => shared.write(&request).await,
        (Some("Query"), Ok(request)) => shared.query(&request).await,
        _ => Err(Refusal("UnknownOperationException", target.to_owned(), json!({}))),
    };
    match answer {
        Ok(body) => Json(body).into_response(),
        Err(Refusal(name, message, mut body)) => {
            body["__type"] = format!("com.amazonaws.timestream#{name}").into();
            body["message"] = message.into();
            (StatusCode::BAD_REQUEST, Json(body)).into_response()
        }
    }
}

impl Shared {
    async fn write(&self, request: &Value) -> Result<Value, Refusal> {
        self.writes.fetch_add(1, Ordering::Relaxed);
        if request["DatabaseName"] != Timestream::DATABASE || request["TableName"] != Timestream::TABLE {
            return Err(Refusal("ResourceNotFoundException", "The table does not exist.".to_owned(), json!({})));
        }
        let records = request["Records"].as_array().filter(|records| (1..=RECORDS_MAX).contains(&records.len()));
        let records = records.ok_or_else(|| invalid("1 to 100 records"))?;
        let client = self.client.lock().await;
        let mut rejected = Vec::new();
        for (index, record) in records.iter().enumerate() {
            if let Some(mut rejection) = self.write_one(&client, record).await? {
                rejection["RecordIndex"] = index.into();
                rejected.push(rejection);
            }
        }
        if rejected.is_empty() {
            return Ok(
                json!({"RecordsIngested": {"Total": records.len(), "MemoryStore": records.len(), "MagneticStore": 0}}),
            );
        }
        let message = "One or more records have been rejected.".to_owned();
        Err(Refusal("RejectedRecordsException", message, json!({"RejectedRecords": rejected})))
    }

    /// Why a record is rejected, if it is.
    async fn write_one(&self, client: &Client, record: &Value) -> Result<Option<Value>, Refusal> {
        let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let dimension = record["Dimensions"].as_array().and_then(|dimensions| dimensions.first());
        let satellite =
            dimension.filter(|dimension| dimension["Name"] == "satellite").and_then(|it| text(&it["Value"]));
        let (Some(satellite), Some(name)) = (satellite, text(&record["MeasureName"])) else {
            return Err(invalid("a dimension or a measure without a name"));
        };
        if name.len() > 256 || record["MeasureValueType"] != "MULTI" || record["TimeUnit"] != "MILLISECONDS" {
            return Err(invalid("not a multi-measure record in milliseconds with a name of 256 bytes"));
        }
        let (mut value, mut unit) = (None::<f64>, None);
        for measure in record["MeasureValues"].as_array().into_iter().flatten() {
            let told = text(&measure["Value"]).ok_or_else(|| invalid("a measure without a value"))?;
            match (measure["Name"].as_str(), measure["Type"].as_str()) {
                (Some("value"), Some("DOUBLE")) => value = Some(told.parse().map_err(|_| invalid("no number"))?),
                (Some("unit"), Some("VARCHAR")) => unit = Some(told),
                other => return Err(invalid(format!("an unknown measure {other:?}"))),
            }
        }
        let ms: i64 = record["Time"].as_str().and_then(|ms| ms.parse().ok()).ok_or_else(|| invalid("no time"))?;
        let version = record["Version"].as_i64().unwrap_or(1);
        if u64::try_from(ms).unwrap_or_default() < self.not_before_ms.load(Ordering::Relaxed) {
            let reason = "The record timestamp is outside the time range [2026-01-01, 2026-12-31] of the memory store.";
            return Ok(Some(json!({"Reason": reason})));
        }
        let table = format!("\"{}\".\"{}\"", Timestream::DATABASE, Timestream::TABLE);
        let insert = format!(
            "INSERT INTO {table} AS t VALUES ($1, $2, from_milliseconds($3), $4, $5, $6)
             ON CONFLICT (satellite, measure_name, time) DO UPDATE SET
               value = excluded.value, unit = excluded.unit, version = excluded.version
             WHERE t.version < excluded.version OR
               (t.version = excluded.version AND t.value = excluded.value AND t.unit IS NOT DISTINCT FROM excluded.unit)"
        );
        if client.execute(&insert, &[&satellite, &name, &ms, &value, &unit, &version]).await? == 1 {
            return Ok(None);
        }
        let known = format!(
            "SELECT version FROM {table} WHERE satellite = $1 AND measure_name = $2 AND time = from_milliseconds($3)"
        );
        let known: i64 = client.query_one(&known, &[&satellite, &name, &ms]).await?.get(0);
        let reason = format!("The record version {version} is lower than the existing version {known}.");
        Ok(Some(json!({"Reason": reason, "ExistingVersion": known})))
    }

    async fn query(&self, request: &Value) -> Result<Value, Refusal> {
        let text = request["QueryString"].as_str().ok_or_else(|| invalid("no query"))?;
        let from = request["NextToken"].as_str().map_or(Ok(0), str::parse).map_err(|_| invalid("a wrong token"))?;
        let client = self.client.lock().await;
        let statement = client.prepare(text).await?;
        let rows = client.query(&statement, &[]).await?;
        let page = rows.iter().skip(from).take(PAGE_ROWS).map(data).collect::<Result<Vec<_>, _>>()?;
        let columns = statement.columns().iter().map(|column| {
            let kind = match *column.type_() {
                Type::FLOAT8 => "DOUBLE",
                Type::TEXT => "VARCHAR",
                _ => "BIGINT",
            };
            json!({"Name": column.name(), "Type": {"ScalarType": kind}})
        });
        let mut answer = json!({"QueryId": "Q", "Rows": page, "ColumnInfo": columns.collect::<Vec<_>>()});
        if from + PAGE_ROWS < rows.len() {
            answer["NextToken"] = (from + PAGE_ROWS).to_string().into();
        }
        Ok(answer)
    }
}

fn data(row: &Row) -> Result<Value, Refusal> {
    let scalar = |(place, column): (usize, &tokio_postgres::Column)| {
        let text = match *column.type_() {
            Type::FLOAT8 => row.get::<_, Option<f64>>(place).map(|value| value.to_string()),
            Type::INT8 => row.get::<_, Option<i64>>(place).map(|value| value.to_string()),
            Type::INT4 => row.get::<_, Option<i32>>(place).map(|value| value.to_string()),
            Type::TEXT => row.get::<_, Option<String>>(place),
            ref other => return Err(invalid(format!("a column of type {other}"))),
        };
        Ok(text.map_or_else(|| json!({"NullValue": true}), |text| json!({"ScalarValue": text})))
    };
    let data = row.columns().iter().enumerate().map(scalar).collect::<Result<Vec<_>, _>>()?;
    Ok(json!({"Data": data}))
}
