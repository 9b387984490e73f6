//! Metrics as CloudWatch's embedded metric format: a line of JSON in the log, from which CloudWatch makes metrics by itself
//! (Amazon CloudWatch, "Specification: Embedded metric format").

use marvain_domain::Timestamp;
use serde_json::{Map, Value, json};
use std::io::{self, Write as _};

/// Namespace of all metrics.
pub const NAMESPACE: &str = "marvain";

/// What a number counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    /// Things.
    Count,
    /// Milliseconds.
    Milliseconds,
}

impl Unit {
    const fn name(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Milliseconds => "Milliseconds",
        }
    }
}

/// A metric.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Metric {
    /// Deliveries that were worked on.
    Deliveries,
    /// Of those, such as the hub refused and the audit log names.
    Rejected,
    /// Of those, such as go back to their queue.
    Retried,
    /// Audit rows that were sealed.
    Sealed,
    /// Audit rows that wait to be sealed.
    AuditWaiting,
    /// Records that were due.
    Due,
    /// Effects that were left behind and still did not go out.
    OutboxStuck,
    /// How long it took.
    Duration,
}

impl Metric {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Deliveries => "deliveries",
            Self::Rejected => "rejected",
            Self::Retried => "retried",
            Self::Sealed => "sealed",
            Self::AuditWaiting => "audit_waiting",
            Self::Due => "due",
            Self::OutboxStuck => "outbox_stuck",
            Self::Duration => "duration_ms",
        }
    }

    /// Its unit.
    pub const fn unit(self) -> Unit {
        match self {
            Self::Duration => Unit::Milliseconds,
            _ => Unit::Count,
        }
    }
}

/// The line, without its end. The dimensions are the function, and the queue if there is one.
pub fn line(at: Timestamp, function: &str, queue: Option<&str>, values: &[(Metric, u64)]) -> String {
    let dimensions: Vec<&str> = if queue.is_some() { vec!["function", "queue"] } else { vec!["function"] };
    let metrics: Vec<Value> =
        values.iter().map(|(metric, _)| json!({"Name": metric.name(), "Unit": metric.unit().name()})).collect();
    let directive = json!({"Namespace": NAMESPACE, "Dimensions": [dimensions], "Metrics": metrics});
    let mut members = Map::new();
    members.insert("_aws".to_owned(), json!({"Timestamp": at.as_ms(), "CloudWatchMetrics": [directive]}));
    members.insert("function".to_owned(), Value::from(function));
    if let Some(queue) = queue {
        members.insert("queue".to_owned(), Value::from(queue));
    }
    for (metric, value) in values {
        members.insert(metric.name().to_owned(), Value::from(*value));
    }
    Value::Object(members).to_string()
}

/// Writes the line where CloudWatch looks for it.
pub fn emit(at: Timestamp, function: &str, queue: Option<&str>, values: &[(Metric, u64)]) {
    let mut line = line(at, function, queue, values);
    line.push('\n');
    // A metric that cannot be written is not worth failing an invocation for, and there is nowhere to say so.
    io::stdout().lock().write_all(line.as_bytes()).unwrap_or_default();
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rules of the specification that a line can break.
    fn check(line: &str) -> Value {
        let parsed: Value = serde_json::from_str(line).unwrap();
        assert!(!line.contains('\n'));
        assert!(parsed["_aws"]["Timestamp"].is_u64());
        for directive in parsed["_aws"]["CloudWatchMetrics"].as_array().unwrap() {
            assert!((1..=256).contains(&directive["Namespace"].as_str().unwrap().len()));
            for set in directive["Dimensions"].as_array().unwrap() {
                let set = set.as_array().unwrap();
                assert!(set.len() <= 30);
                for name in set {
                    assert!(parsed[name.as_str().unwrap()].is_string(), "a dimension is a member of the root");
                }
            }
            let metrics = directive["Metrics"].as_array().unwrap();
            assert!((1..=100).contains(&metrics.len()));
            for metric in metrics {
                assert!(parsed[metric["Name"].as_str().unwrap()].is_number(), "a metric is a member of the root");
                assert!(["Count", "Milliseconds"].contains(&metric["Unit"].as_str().unwrap()));
            }
        }
        parsed
    }

    #[test]
    fn a_line_is_as_the_specification_has_it() {
        let at = Timestamp::from_ms(1_795_340_351_250);
        let with_queue = check(&line(at, "policy", Some("judge"), &[(Metric::Deliveries, 3), (Metric::Duration, 12)]));
        assert_eq!(with_queue["_aws"]["CloudWatchMetrics"][0]["Dimensions"], json!([["function", "queue"]]));
        assert_eq!(with_queue["_aws"]["CloudWatchMetrics"][0]["Metrics"][1]["Unit"], "Milliseconds");
        assert_eq!((&with_queue["deliveries"], &with_queue["duration_ms"]), (&json!(3), &json!(12)));
        let without = check(&line(at, "tick", None, &[(Metric::OutboxStuck, 0)]));
        assert_eq!(without["_aws"]["CloudWatchMetrics"][0]["Dimensions"], json!([["function"]]));
    }
}
