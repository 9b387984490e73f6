//! Counters in the Prometheus text format 0.0.4.

use crate::{
    Shared,
    error::ApiError,
    operations::{BrokerStats, QueueInfo, Stats},
};
use axum::{Extension, extract::State, http::header, response::IntoResponse};
use marvain_domain::policy::Operation;
use marvain_hub::people::Caller;
use std::fmt::Write as _;

pub(crate) async fn metrics(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
) -> Result<impl IntoResponse, ApiError> {
    shared.hub.authorise(&caller, &Operation::View).await?;
    let text = render(&shared.operations.queues().await?, &shared.operations.stats().await?);
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text))
}

fn render(queues: &[QueueInfo], stats: &Stats) -> String {
    let BrokerStats { connections, accepted, refused, messages_in, messages_out, dropped, denied } = stats.broker;
    let mut out = Text(String::new());
    out.family("marvain_queue_deliveries", "gauge", "Deliveries in a queue, by state");
    for queue in queues {
        for (state, count) in [("waiting", queue.waiting), ("in_flight", queue.in_flight), ("dead", queue.dead)] {
            out.sample("marvain_queue_deliveries", &[("queue", &queue.name), ("state", state)], count);
        }
    }
    out.single("marvain_outbox_effects", "gauge", "Effects that wait to go out", stats.outbox);
    out.single("marvain_audit_entries", "counter", "Entries of the audit log", stats.audit_size);
    out.single("marvain_audit_waiting_rows", "gauge", "Audit rows that wait to be sealed", stats.audit_waiting);
    out.single("marvain_broker_connections", "gauge", "Open connections", connections);
    out.family("marvain_broker_connects_total", "counter", "Connections, by what became of them");
    for (result, count) in [("accepted", accepted), ("refused", refused)] {
        out.sample("marvain_broker_connects_total", &[("result", result)], count);
    }
    out.family("marvain_broker_messages_total", "counter", "Messages, by what became of them");
    for (fate, count) in [("in", messages_in), ("out", messages_out), ("dropped", dropped), ("denied", denied)] {
        out.sample("marvain_broker_messages_total", &[("fate", fate)], count);
    }
    let started_s = stats.started_at.as_ms() / 1000;
    out.single("marvain_start_time_seconds", "gauge", "When the hub was started, since the epoch", started_s);
    out.0
}

struct Text(String);

impl Text {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        self.line(format_args!("# HELP {name} {help}.\n# TYPE {name} {kind}"));
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: u64) {
        let labels: Vec<String> = labels.iter().map(|(label, value)| format!("{label}={value:?}")).collect();
        if labels.is_empty() {
            self.line(format_args!("{name} {value}"));
        } else {
            self.line(format_args!("{name}{{{}}} {value}", labels.join(",")));
        }
    }

    fn single(&mut self, name: &str, kind: &str, help: &str, value: u64) {
        self.family(name, kind, help);
        self.sample(name, &[], value);
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing to a `String` does not fail.
        self.0.write_fmt(line).and_then(|()| self.0.write_char('\n')).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use marvain_domain::Timestamp;

    #[test]
    fn counters_read_as_prometheus_wants_them() {
        let queue = QueueInfo { name: "observe".into(), waiting: 1, in_flight: 2, dead: 3, oldest: None };
        let broker = BrokerStats { connections: 4, accepted: 5, ..BrokerStats::default() };
        let stats =
            Stats { started_at: Timestamp::from_ms(7_500), outbox: 8, audit_size: 9, audit_waiting: 10, broker };
        let text = render(&[queue], &stats);
        let samples: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(
            samples,
            [
                "marvain_queue_deliveries{queue=\"observe\",state=\"waiting\"} 1",
                "marvain_queue_deliveries{queue=\"observe\",state=\"in_flight\"} 2",
                "marvain_queue_deliveries{queue=\"observe\",state=\"dead\"} 3",
                "marvain_outbox_effects 8",
                "marvain_audit_entries 9",
                "marvain_audit_waiting_rows 10",
                "marvain_broker_connections 4",
                "marvain_broker_connects_total{result=\"accepted\"} 5",
                "marvain_broker_connects_total{result=\"refused\"} 0",
                "marvain_broker_messages_total{fate=\"in\"} 0",
                "marvain_broker_messages_total{fate=\"out\"} 0",
                "marvain_broker_messages_total{fate=\"dropped\"} 0",
                "marvain_broker_messages_total{fate=\"denied\"} 0",
                "marvain_start_time_seconds 7",
            ]
        );
        for sample in samples {
            let name = sample.split(['{', ' ']).next().unwrap();
            assert!(text.contains(&format!("# TYPE {name} ")), "{name}");
        }
    }
}
