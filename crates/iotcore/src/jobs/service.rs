//! What devices ask, by messages and over HTTPS: each request is one job of the store's writer, so what happens to the executions
//! of a thing happens one after another, and is durable together with the notifications of it.
//!
//! Replies go to the connection that asked, whether or not it subscribed to them, and to nobody else; notifications go
//! through the broker. Developer Guide, "Jobs device MQTT API operations", "Jobs device HTTP API" and "Jobs notifications".

use std::sync::Arc;

use rusqlite::Connection;
use serde_json::{Map, Value};

use super::changes::{document, job_of, notify, settle};
use super::error::Refusal;
use super::reply::Form;
use super::request::Fields;
use super::topic::split;
use super::{Execution, JobId, JobsOperation, JobsTopic, JobsTopicKind, Which, reply, rows};
use crate::broker::{Broker, Connected};
use crate::limits::JOBS_PENDING_LISTED_MAX;
use crate::message::Message;
use crate::names::ThingName;
use crate::registry::things;
use crate::store::{Pending, StoreError, Tx};
use crate::topic::TopicName;

/// What a device asks about the jobs of a thing.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    thing: ThingName,
    /// None, if the topic stands for nothing.
    operation: Option<JobsOperation>,
}

impl Request {
    #[cfg(feature = "https")]
    pub(crate) fn new(thing: ThingName, operation: JobsOperation) -> Self {
        Self { thing, operation: Some(operation) }
    }
}

/// The members of an accepted reply but those that only messages have, or why it is refused: never [`Refusal::Store`].
pub(crate) type Outcome = Result<Map<String, Value>, Refusal>;

/// The request that publishing to `topic` is, if it is in the jobs namespace and not the broker's own.
pub(crate) fn parse_request(topic: &TopicName) -> Option<Request> {
    match JobsTopic::parse(topic) {
        Some(JobsTopic { thing, kind: JobsTopicKind::Request(operation) }) => {
            Some(Request { thing, operation: Some(operation) })
        }
        Some(_) => None,
        None => split(topic).map(|(thing, _)| Request { thing, operation: None }),
    }
}

/// Hands the request to the writer. When it is done, the reply is in the mailbox of the connection that asked.
pub(crate) async fn submit(
    broker: &Arc<Broker>,
    connected: &Arc<Connected>,
    request: Request,
    message: Message,
) -> Result<Pending<(), StoreError>, StoreError> {
    let (broker_of_job, connected) = (Arc::clone(broker), Arc::clone(connected));
    let job = move |tx: &mut Tx<'_>| {
        let now_s = broker_of_job.clock.now_ms() / 1000;
        let fields = Fields::parse(message.payload.as_slice());
        let token = fields.as_ref().ok().and_then(|fields| fields.client_token().ok()).flatten();
        let reply = |tx: &mut Tx<'_>, outcome| reply(tx, &connected, &message, token, outcome, now_s);
        answer(tx, &broker_of_job, &request, fields, Form::Mqtt, reply)
    };
    broker.store.submit(job).await
}

/// Carries out a request over HTTPS. It has the `members` that a message would have. Returns when it is durable.
#[cfg(feature = "https")]
pub(crate) async fn ask(
    broker: &Arc<Broker>,
    request: Request,
    members: Map<String, Value>,
) -> Result<Outcome, StoreError> {
    let broker_of_job = Arc::clone(broker);
    let job = move |tx: &mut Tx<'_>| {
        answer(tx, &broker_of_job, &request, Ok(members.into()), Form::Https, |_: &mut Tx<'_>, outcome| outcome)
    };
    broker.store.write(job).await
}

/// Carries a request out, gives its outcome to `reply`, and lets the thing know what has changed: in this order.
fn answer<T>(
    tx: &mut Tx<'_>,
    broker: &Arc<Broker>,
    request: &Request,
    fields: Result<Fields, Refusal>,
    form: Form,
    reply: impl FnOnce(&mut Tx<'_>, Outcome) -> T,
) -> Result<T, StoreError> {
    let now_ms = broker.clock.now_ms();
    let before = rows::next(tx.connection, &request.thing)?;
    let done = fields.and_then(|fields| carry_out(tx.connection, request, &fields, form, now_ms));
    let (outcome, is_listed) = match done {
        Ok(Answer { members, is_listed }) => (Ok(members), is_listed),
        // The client asks again.
        Err(Refusal::Store(error)) => return Err(error),
        Err(refusal) => (Err(refusal), false),
    };
    let replied = reply(tx, outcome);
    notify(tx, broker, &request.thing, before.as_ref(), is_listed)?;
    Ok(replied)
}

/// Answers a message, after the commit.
fn reply(
    tx: &mut Tx<'_>,
    connected: &Arc<Connected>,
    message: &Message,
    token: Option<String>,
    outcome: Outcome,
    now_s: u64,
) {
    let (verdict, mut members) = match outcome {
        Ok(members) => ("accepted", members),
        Err(refusal) => {
            tracing::info!(client_id = ?connected.client_id, topic = %message.topic, why = %refusal, "jobs request rejected");
            ("rejected", refusal.members())
        }
    };
    members.insert("timestamp".into(), now_s.into());
    if let Some(token) = token {
        members.insert("clientToken".into(), token.into());
    }
    // A topic that stands for nothing may be too long for an answer.
    if let Ok(topic) = TopicName::parse(&format!("{}/{verdict}", message.topic)) {
        let reply = Message::new(topic, Value::from(members).to_string().into_bytes(), message.qos);
        let connected = Arc::clone(connected);
        tx.after_commit(move || connected.reply(reply));
    }
}

/// The members of an accepted reply, and whether the list of pending executions has changed.
struct Answer {
    members: Map<String, Value>,
    is_listed: bool,
}

impl From<Map<String, Value>> for Answer {
    fn from(members: Map<String, Value>) -> Self {
        Self { members, is_listed: false }
    }
}

fn carry_out(
    connection: &Connection,
    Request { thing, operation }: &Request,
    fields: &Fields,
    form: Form,
    now_ms: u64,
) -> Result<Answer, Refusal> {
    let execution_member = |execution: &Execution, document| -> Map<String, Value> {
        Map::from_iter([("execution".into(), reply::execution(execution, document, form, now_ms))])
    };
    // One of another type is refused, whatever is asked.
    fields.client_token()?;
    let operation = operation.as_ref().ok_or(Refusal::InvalidTopic)?;
    match operation {
        JobsOperation::GetPending => {
            require_thing(connection, thing)?;
            Ok(reply::pending(&rows::pending(connection, thing, JOBS_PENDING_LISTED_MAX)?).into())
        }
        JobsOperation::StartNext => {
            require_thing(connection, thing)?;
            let (details, step) = (fields.details()?, fields.step()?);
            let Some(next) = rows::next(connection, thing)? else { return Ok(Map::new().into()) };
            let job = job_of(connection, &next)?;
            let started = next.start_next(details, step, job.spec.in_progress_timeout_minutes, now_ms);
            rows::save(connection, &started)?;
            Ok(execution_member(&started, Some(document(&job, form)?)).into())
        }
        JobsOperation::Describe(which) => {
            let number = fields.execution_number()?;
            let with_document = fields.flag("includeJobDocument", true)?;
            let execution = match which {
                Which::Next => {
                    require_thing(connection, thing)?;
                    rows::next(connection, thing)?
                }
                Which::Job(job) => Some(require_execution(connection, job, thing, number)?),
            };
            let Some(execution) = execution else { return Ok(Map::new().into()) };
            if execution.status.is_terminal() {
                return Err(Refusal::TerminalStateReached);
            }
            let document = if with_document { Some(document(&job_of(connection, &execution)?, form)?) } else { None };
            Ok(execution_member(&execution, document).into())
        }
        JobsOperation::Update(id) => {
            let (update, number) = (fields.update()?, fields.execution_number()?);
            let with_state = fields.flag("includeJobExecutionState", false)?;
            let with_document = fields.flag("includeJobDocument", false)?;
            let execution = require_execution(connection, id, thing, number)?;
            let job = job_of(connection, &execution)?;
            let updated = execution.update(&update, job.spec.in_progress_timeout_minutes, now_ms)?;
            rows::save(connection, &updated)?;
            settle(connection, &job, &updated, now_ms)?;
            let mut members = Map::new();
            if with_state {
                members.insert("executionState".into(), reply::state(&updated.state()));
            }
            if with_document {
                members.insert("jobDocument".into(), document(&job, form)?);
            }
            Ok(Answer { members, is_listed: updated.status.is_terminal() })
        }
    }
}

fn require_thing(connection: &Connection, thing: &ThingName) -> Result<(), Refusal> {
    match things::get(connection, thing)? {
        Some(_) => Ok(()),
        None => Err(Refusal::ResourceNotFound("The thing")),
    }
}

fn require_execution(
    connection: &Connection,
    job: &JobId,
    thing: &ThingName,
    number: Option<u64>,
) -> Result<Execution, Refusal> {
    rows::execution(connection, job, thing, number)?.ok_or(Refusal::ResourceNotFound("The job execution"))
}
