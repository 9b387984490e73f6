//! Event source mappings and schedules, from their resources: what Lambda's own pollers and EventBridge Scheduler do.
//!
//! Faults are theirs: a batch may come twice, in another order, or to a function that is killed in its middle. What failed
//! comes again after [`AGAIN_S`] instead of the queue's whole visibility, and a minute of a schedule takes [`MINUTE_MS`]: a test is
//! impatient.

use crate::{
    functions::{Functions, tell},
    json::{REGION, Service},
    made::{Deployment, text},
    servers::Servers,
};
use marvain_peers::lambda::Outcome;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{task::JoinSet, time};

/// When a failed message comes again, in seconds.
const AGAIN_S: u64 = 1;
/// How long a schedule's minute is, in milliseconds.
const MINUTE_MS: u64 = 1_000;
/// How long a queue or a stream that has nothing is left alone, in milliseconds.
const IDLE_MS: u64 = 150;
/// How long after its beginning an invocation is killed, in milliseconds.
const KILL_MS: u64 = 15;

/// What goes wrong, each with a chance of one in so many; 0 for never.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Faults {
    pub(crate) seed: u64,
    /// A batch is delivered once more after it was done with.
    pub(crate) twice: u32,
    /// A batch comes in another order.
    pub(crate) shuffled: u32,
    /// The function is killed in the middle.
    pub(crate) killed: u32,
    /// Stores fail, as `weather` has it: whether they do.
    pub(crate) stores: bool,
}

/// How often each has happened.
#[derive(Default, Debug)]
pub(crate) struct Happened {
    pub(crate) batches: AtomicU64,
    pub(crate) twice: AtomicU64,
    pub(crate) killed: AtomicU64,
}

/// Everything that wakes functions by itself; ends when this is dropped.
pub(crate) struct Sources {
    _tasks: JoinSet<()>,
    pub(crate) happened: Arc<Happened>,
}

impl Sources {
    pub(crate) fn start(deployment: &Deployment, servers: &Servers, functions: &Functions, faults: Faults) -> Self {
        let happened = Arc::new(Happened::default());
        let mut tasks = JoinSet::new();
        for (number, mapping) in deployment.all("AWS::Lambda::EventSourceMapping").iter().enumerate() {
            let (function, source) = (text(&mapping["FunctionName"]), text(&mapping["EventSourceArn"]));
            let dice = StdRng::seed_from_u64(faults.seed.wrapping_add(number as u64));
            if source.contains(":sqs:") {
                assert_eq!(mapping["FunctionResponseTypes"], json!(["ReportBatchItemFailures"]), "{source}");
                let poller = Poller {
                    sqs: servers.sqs.clone(),
                    functions: functions.clone(),
                    function,
                    source,
                    batch: mapping["BatchSize"].as_u64().expect("a size").min(10),
                    faults,
                    dice,
                    happened: happened.clone(),
                };
                tasks.spawn(poller.run());
            } else {
                let filters = mapping["FilterCriteria"]["Filters"].as_array().expect("filters").iter();
                let filters = filters.map(|filter| serde_json::from_str(&text(&filter["Pattern"])).expect("a pattern"));
                let reader = Reader {
                    streams: servers.streams.clone(),
                    functions: functions.clone(),
                    function,
                    source,
                    filters: filters.collect(),
                    attempts: 1 + mapping["MaximumRetryAttempts"].as_u64().expect("a number of attempts"),
                };
                tasks.spawn(reader.run());
            }
        }
        for schedule in deployment.all("AWS::Scheduler::Schedule") {
            assert_eq!(schedule["ScheduleExpression"], "rate(1 minute)");
            let (functions, function) = (functions.clone(), text(&schedule["Target"]["Arn"]));
            tasks.spawn(async move {
                loop {
                    time::sleep(Duration::from_millis(MINUTE_MS)).await;
                    functions.invoke(&function, &json!({})).await;
                }
            });
        }
        Self { _tasks: tasks, happened }
    }
}

/// The poller of one queue.
struct Poller {
    sqs: Service,
    functions: Functions,
    function: String,
    source: String,
    batch: u64,
    faults: Faults,
    dice: StdRng,
    happened: Arc<Happened>,
}

impl Poller {
    async fn run(mut self) {
        let name = self.source.rsplit(':').next().unwrap_or_default().to_owned();
        let url = text(&self.sqs.call("GetQueueUrl", json!({"QueueName": name})).await["QueueUrl"]);
        let receive = json!({
            "QueueUrl": url, "MaxNumberOfMessages": self.batch, "MessageSystemAttributeNames": ["All"],
            "MessageAttributeNames": ["All"],
        });
        loop {
            let received = self.sqs.call("ReceiveMessage", receive.clone()).await;
            let messages = received["Messages"].as_array().cloned().unwrap_or_default();
            if messages.is_empty() {
                time::sleep(Duration::from_millis(IDLE_MS)).await;
                continue;
            }
            self.happened.batches.fetch_add(1, Ordering::Relaxed);
            self.work(&url, messages).await;
        }
    }

    fn falls(&mut self, one_in: u32) -> bool {
        one_in > 0 && self.dice.random_ratio(1, one_in)
    }

    async fn work(&mut self, url: &str, mut messages: Vec<Value>) {
        if self.falls(self.faults.shuffled) {
            messages.shuffle(&mut self.dice);
        }
        let event = json!({"Records": messages.iter().map(|message| self.record(message)).collect::<Value>()});
        let failed = self.invoke(&event).await;
        let (again, done): (Vec<_>, Vec<_>) = messages
            .iter()
            .partition(|message| failed.as_ref().is_none_or(|ids| ids.contains(&text(&message["MessageId"]))));
        if failed.is_some() && self.falls(self.faults.twice) {
            self.happened.twice.fetch_add(1, Ordering::Relaxed);
            self.invoke(&event).await;
        }
        for message in done {
            let receipt = &message["ReceiptHandle"];
            self.sqs.call("DeleteMessage", json!({"QueueUrl": url, "ReceiptHandle": receipt})).await;
        }
        for message in again {
            let receipt = &message["ReceiptHandle"];
            let change = json!({"QueueUrl": url, "ReceiptHandle": receipt, "VisibilityTimeout": AGAIN_S});
            // It may be among the dead by now.
            drop(self.sqs.try_call("ChangeMessageVisibility", change).await);
        }
    }

    /// The ids of the messages that are to come again; none if all are, because the function failed.
    async fn invoke(&mut self, event: &Value) -> Option<BTreeSet<String>> {
        let is_killed = self.falls(self.faults.killed);
        let lambda = self.functions.get(&self.function);
        let invocation = if is_killed {
            lambda.invoke_until(event.to_string(), time::sleep(Duration::from_millis(KILL_MS))).await
        } else {
            lambda.invoke(event.to_string()).await
        };
        tell(&self.function, &invocation);
        match &invocation.outcome {
            Outcome::Answer(_) => {
                let answer = invocation.answer();
                let failures = answer["batchItemFailures"].as_array().cloned().unwrap_or_default();
                Some(failures.iter().map(|failure| text(&failure["itemIdentifier"])).collect())
            }
            outcome => {
                self.happened.killed.fetch_add(u64::from(*outcome == Outcome::Killed), Ordering::Relaxed);
                None
            }
        }
    }

    /// "Example Amazon SQS message event".
    fn record(&self, message: &Value) -> Value {
        json!({
            "messageId": message["MessageId"], "receiptHandle": message["ReceiptHandle"], "body": message["Body"],
            "attributes": message["Attributes"], "messageAttributes": {}, "md5OfBody": message["MD5OfBody"],
            "eventSource": "aws:sqs", "eventSourceARN": self.source, "awsRegion": REGION,
        })
    }
}

/// The reader of the one shard of the table's stream, from its beginning.
struct Reader {
    streams: Service,
    functions: Functions,
    function: String,
    source: String,
    filters: Vec<Value>,
    /// How often a batch is tried.
    attempts: u64,
}

impl Reader {
    async fn run(self) {
        let described = self.streams.call("DescribeStream", json!({"StreamArn": self.source})).await;
        let shard = &described["StreamDescription"]["Shards"][0]["ShardId"];
        let ask = json!({"StreamArn": self.source, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"});
        let mut place = self.streams.call("GetShardIterator", ask).await["ShardIterator"].clone();
        loop {
            let got = self.streams.call("GetRecords", json!({"ShardIterator": place, "Limit": 100})).await;
            place = got["NextShardIterator"].clone();
            let mut records = got["Records"].as_array().cloned().unwrap_or_default();
            records.retain(|record| self.filters.iter().any(|filter| matches(filter, record)));
            if records.is_empty() {
                time::sleep(Duration::from_millis(IDLE_MS)).await;
                continue;
            }
            for record in &mut records {
                record["eventSourceARN"] = self.source.clone().into();
            }
            self.work(&json!({"Records": records})).await;
        }
    }

    async fn work(&self, event: &Value) {
        for attempt in 0..self.attempts {
            if attempt > 0 {
                time::sleep(Duration::from_secs(AGAIN_S)).await;
            }
            if matches!(self.functions.invoke(&self.function, event).await.outcome, Outcome::Answer(_)) {
                return;
            }
        }
    }
}

/// Does an event pass a filter's pattern? Equality and `prefix`, which is all that templates here use ("Filter rule syntax").
fn matches(pattern: &Value, event: &Value) -> bool {
    match pattern {
        Value::Object(members) => members.iter().all(|(name, pattern)| matches(pattern, &event[name])),
        Value::Array(any) => any.iter().any(|rule| match rule {
            Value::Object(rule) => {
                let prefix = rule.get("prefix").and_then(Value::as_str).expect("a rule that is known here");
                event.as_str().is_some_and(|text| text.starts_with(prefix))
            }
            plain => plain == event,
        }),
        other => panic!("`{other}` is no pattern"),
    }
}
