//! Cold starts of the packaged functions, beside a Python function that does what `observe` does, all behind the same runtime
//! API on this machine: `scripts/package --host`, then `cargo bench -p marvain-lambdas --bench cold_start`.
//!
//! Prints a table for docs/benchmarks.md. The zip is that for Lambda's arm64 if `scripts/package` has made it, else this
//! machine's.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a program for whoever measures"
)]

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use marvain_aws::{DynamoLedger, LedgerSettings};
use marvain_domain::{
    Timestamp,
    id::DeliveryId,
    identity::{Satellite, SatelliteStatus},
};
use marvain_hub::{
    entity::Entity as _,
    port::{Commit, Expect, Ledger as _, Write},
};
use marvain_lambdas::Function;
use marvain_peers::{
    Dynoxide, Moto, installed,
    lambda::{Function as Deployed, Lambda},
};
use marvain_topics::{EventKind, Queue, Shape};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

/// Cold starts of each function; the table has the median.
const STARTS: usize = 7;
/// Batches of the two that are compared; the table has the median.
const BATCHES: usize = 30;
/// Messages of a batch, all of one satellite's.
const MESSAGES: usize = 10;
const NAME: &str = "home";
const THING: &str = "den";
const CERTIFICATE: &str = "ba67293af50bf2506f5f93469686da660c7c844e7b3950bfb16813e0d31e9373";
/// The size of what Python's SDK is packaged as; AWS advises to package it, because the runtime's own changes.
const PYTHON_ZIP: &str = "
import io, os, sys, zipfile
archive = io.BytesIO()
with zipfile.ZipFile(archive, 'w', zipfile.ZIP_DEFLATED, compresslevel=9) as zip:
    zip.write(sys.argv[1], 'handler.py')
    for package in ('boto3', 'botocore', 's3transfer', 'urllib3', 'jmespath', 'dateutil'):
        root = os.path.dirname(__import__(package).__file__)
        for folder, _, files in os.walk(root):
            for file in files:
                if not file.endswith('.pyc'):
                    path = os.path.join(folder, file)
                    zip.write(path, os.path.relpath(path, os.path.dirname(root)))
    zip.write(__import__('six').__file__, 'six.py')
print(len(archive.getvalue()))
";

struct Row {
    name: String,
    zip_bytes: u64,
    init: Duration,
    /// After the start and an event that asks for nothing.
    memory_kb: u64,
    /// A batch, and the memory after all of them.
    batches: Option<(Duration, u64)>,
}

#[tokio::main]
async fn main() {
    let (dynamodb, moto) = (Dynoxide::start().await, Moto::start().await);
    let queues = prepare(&dynamodb.url(), &moto.url()).await;
    let environment = environment(&dynamodb.url(), &moto.url(), &queues);
    let program = target().join("lambda/marvain-lambdas");
    assert!(program.exists(), "{} is missing: `scripts/package --host` makes it", program.display());
    let zip_bytes = zip_bytes();
    let mut rows = Vec::new();
    for function in Function::ALL {
        let name = function.name();
        let batches = if function == Function::Observe { BATCHES } else { 0 };
        rows.push(
            measure(
                name,
                deployed(name, vec![program.clone()], "/".into(), &environment),
                zip_bytes,
                idle(function),
                batches,
            )
            .await,
        );
    }
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/python");
    let program = ["-m", "awslambdaric", "handler.handle"].map(PathBuf::from);
    let program = [installed("awslambdaric", "bin/python")].into_iter().chain(program).collect();
    let size = Command::new(installed("awslambdaric", "bin/python"))
        .args(["-c", PYTHON_ZIP])
        .arg(directory.join("handler.py"))
        .output()
        .unwrap();
    let size = String::from_utf8(size.stdout).unwrap().trim().parse().unwrap();
    let python = deployed("handler.handle", program, directory, &environment);
    rows.push(measure("as `observe`, in Python", python, size, json!({"Records": []}), BATCHES).await);
    print(&rows);
}

/// The table with a satellite, and the queues, whose URLs it says.
async fn prepare(dynamodb: &str, moto: &str) -> BTreeMap<&'static str, String> {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("AKIAIOSFODNN7EXAMPLE", "secret", None, None, "bench"))
        .endpoint_url(dynamodb);
    let client = aws_sdk_dynamodb::Client::from_conf(config.build());
    marvain_aws::TABLE.create(&client, NAME).await.expect("a table");
    let ledger = DynamoLedger::new(&client, LedgerSettings { table: NAME.to_owned(), instance: 1 });
    let at = Timestamp::from_ms(1_795_340_351_250);
    let satellite = Satellite {
        id: THING.parse().unwrap(),
        space: None,
        person: None,
        certificate_id: CERTIFICATE.to_owned(),
        status: SatelliteStatus::Active,
        created_at: at,
    };
    let write = Write::Put {
        key: satellite.key(),
        list: satellite.list(),
        due: None,
        expires_at: None,
        body: json!(satellite),
        expect: Expect::Absent,
    };
    let id = DeliveryId::derive(&["bench"]);
    let commit = Commit { id, at, writes: vec![write], effects: Vec::new(), audit: Vec::new() };
    ledger.commit(commit).await.expect("a satellite");
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(aws_sdk_sqs::config::BehaviorVersion::latest())
        .region(aws_sdk_sqs::config::Region::new("eu-central-1"))
        .credentials_provider(aws_sdk_sqs::config::Credentials::new(
            "AKIAIOSFODNN7EXAMPLE",
            "secret",
            None,
            None,
            "bench",
        ))
        .endpoint_url(moto);
    let sqs = aws_sdk_sqs::Client::from_conf(config.build());
    let mut urls = BTreeMap::new();
    for queue in Queue::ALL {
        let made = sqs.create_queue().queue_name(format!("home-{}", queue.name())).send().await.expect("a queue");
        urls.insert(queue.name(), made.queue_url.expect("its URL"));
    }
    urls
}

fn environment(dynamodb: &str, moto: &str, queues: &BTreeMap<&'static str, String>) -> Vec<(String, String)> {
    let queues = json!(queues).to_string();
    let variables = [
        ("AWS_ENDPOINT_URL", moto),
        ("AWS_ENDPOINT_URL_DYNAMODB", dynamodb),
        ("MARVAIN_TABLE", NAME),
        ("MARVAIN_QUEUES", &queues),
        ("MARVAIN_DEAD_LETTERS", &queues),
        ("MARVAIN_SQL_CLUSTER_ARN", "arn:aws:rds:eu-central-1:123456789012:cluster:home"),
        ("MARVAIN_SQL_SECRET_ARN", "arn:aws:secretsmanager:eu-central-1:123456789012:secret:home"),
        ("MARVAIN_SQL_DATABASE", "marvain"),
        ("MARVAIN_VAULT_BUCKET", "home-vault"),
        ("MARVAIN_VAULT_MODE", "GOVERNANCE"),
        ("MARVAIN_VAULT_RETENTION_DAYS", "1"),
        ("MARVAIN_ARTIFACTS_BUCKET", "home-artifacts"),
        ("MARVAIN_LOG_KEY_ID", "key"),
        ("MARVAIN_LOG_ORIGIN", "marvain.aws/home"),
        ("MARVAIN_IOT_ENDPOINT", "localhost"),
        ("MARVAIN_TIME_ZONE", "Europe/Berlin"),
        ("MARVAIN_AGENT", "marvain"),
        ("MARVAIN_TELEMETRY", "aurora"),
        ("MARVAIN_API_HOSTS", "localhost"),
        ("PYTHONDONTWRITEBYTECODE", "1"),
    ];
    variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

fn deployed(handler: &str, program: Vec<PathBuf>, directory: PathBuf, environment: &[(String, String)]) -> Deployed {
    Deployed {
        name: "home-function".to_owned(),
        handler: handler.to_owned(),
        program,
        directory,
        environment: environment.to_vec(),
        timeout: Duration::from_secs(60),
        memory_mb: 256,
        concurrency: 1,
    }
}

/// An event that asks for as little as there is.
fn idle(function: Function) -> Value {
    match function {
        Function::Api => {
            let events = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/events");
            let mut health: Value =
                serde_json::from_slice(&fs::read(events.join("http-health.json")).unwrap()).unwrap();
            health["headers"]["host"] = "localhost".into();
            health
        }
        _ => json!({"Records": []}),
    }
}

fn batch(number: usize) -> Value {
    let topic = Shape::Event(EventKind::Transcript).with_thing(THING).to_string();
    let records = (0..MESSAGES).map(|place| {
        let id = format!("{THING}-{:06}", number * MESSAGES + place);
        let said = json!({"v": 1, "id": id, "at": "2026-11-22T09:39:11.250Z", "kind": "transcript", "text": "turn the lamp on"});
        let body = json!({"topic": topic, "principal": CERTIFICATE, "received_at": 1_795_340_351_250_u64,
                          "client_id": THING, "body": STANDARD.encode(said.to_string())});
        json!({"messageId": id, "body": body.to_string(), "attributes": {},
               "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:home-observe"})
    });
    json!({"Records": records.collect::<Vec<_>>()})
}

async fn measure(name: &str, function: Deployed, zip_bytes: u64, idle: Value, batches: usize) -> Row {
    let lambda = Lambda::new(function);
    let mut inits = Vec::new();
    let mut memory_kb = 0;
    for _ in 0..STARTS {
        lambda.cool();
        let done = lambda.invoke(idle.to_string()).await;
        inits.push(done.init.unwrap_or_else(|| panic!("{name} was warm")));
        memory_kb = done.memory_kb;
    }
    // Not the same ones as another function's: they would be repetitions.
    let first = if name == "observe" { 0 } else { BATCHES };
    let mut took = Vec::new();
    let mut most_kb = 0;
    for number in first..first + batches {
        let done = lambda.invoke(batch(number).to_string()).await;
        assert_eq!(done.answer(), json!({"batchItemFailures": []}), "{name}: {}", done.log);
        took.push(done.duration);
        most_kb = done.memory_kb;
    }
    let batches = (!took.is_empty()).then(|| (median(took), most_kb));
    Row { name: name.to_owned(), zip_bytes, init: median(inits), memory_kb, batches }
}

fn median(mut values: Vec<Duration>) -> Duration {
    values.sort_unstable();
    values[values.len() / 2]
}

fn target() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    target.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"))
}

fn zip_bytes() -> u64 {
    let zips = ["lambdas.zip", "lambdas-host.zip"].map(|zip| target().join(zip));
    let found = zips.iter().find_map(|zip| fs::metadata(zip).ok());
    found.expect("there is no lambdas.zip: `scripts/package` makes it").len()
}

fn print(rows: &[Row]) {
    println!("| function | zip | init | memory | batch of {MESSAGES} | memory after {BATCHES} batches |");
    println!("|---|---|---|---|---|---|");
    for Row { name, zip_bytes, init, memory_kb, batches } in rows {
        let (batch, most) = match batches {
            Some((took, kb)) => (format!("{:.1} ms", ms(*took)), format!("{:.1} MiB", *kb as f64 / 1024.0)),
            None => (String::new(), String::new()),
        };
        let (zip, memory) = (*zip_bytes as f64 / 1_048_576.0, *memory_kb as f64 / 1024.0);
        println!("| {name} | {zip:.1} MiB | {:.1} ms | {memory:.1} MiB | {batch} | {most} |", ms(*init));
    }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
