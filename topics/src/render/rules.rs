//! Rules and queues, for whoever deploys them ("Rules for AWS IoT", "AWS IoT SQL reference").

use crate::table::{Queue, RULE_ERRORS_QUEUE, RULES, Rule};
use serde_json::{Value, json};

/// Version of AWS IoT SQL: the one that has `encode(*, 'base64')` for payloads that are no JSON ("SQL versions").
pub const SQL_VERSION: &str = "2016-03-23";

/// The rule's statement. The payload goes as Base64, whatever it is: refusing it is the hub's task, which also records it.
pub fn sql(rule: &Rule) -> String {
    format!(
        "SELECT topic() AS topic, principal() AS principal, timestamp() AS received_at, clientid() AS client_id, \
         encode(*, 'base64') AS body FROM '{}'",
        rule.filter
    )
}

/// `rules.json`: one rule a row, and the queue of what a rule could not hand over.
pub fn rules() -> Value {
    let rule = |rule: &Rule| {
        json!({
            "name": rule.name,
            "about": rule.about,
            "sql": sql(rule),
            "sql_version": SQL_VERSION,
            "queue": rule.queue.name(),
            "error_queue": RULE_ERRORS_QUEUE,
        })
    };
    RULES.iter().map(rule).collect()
}

/// `queues.json`: the queues, with the time in seconds that a delivery stays hidden while it is worked on, and the tries
/// after which it goes to the queue's dead letters.
pub fn queues() -> Value {
    let queue = |queue: Queue| json!({"name": queue.name(), "visibility_s": queue.visibility_s(), "attempts_max": queue.attempts_max()});
    Queue::ALL.into_iter().map(queue).collect()
}
