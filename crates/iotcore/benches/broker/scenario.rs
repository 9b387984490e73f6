//! What is measured: one table of scenarios, each on a broker that has just been started.

use std::time::{Duration, Instant};

use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::time::sleep;

use crate::broker::Broker;
use crate::device::{Client, Device, Session};
use crate::flow::Flow;
use crate::report::Metric;
use crate::{Result, Size};

/// Handshakes under way at once.
const HANDSHAKES_MAX: usize = 32;
/// Connections that a broker has when the measurement of memory begins, so that what it makes once is not counted.
const IDLE_BEFORE: usize = 20;
/// What a broker gives back after a handshake, it has given back after this.
const SETTLE: Duration = Duration::from_secs(3);
/// Messages under way to a thousand subscribers: ten thousand deliveries.
const FAN_OUT_UNDER_WAY_MAX: usize = 10;
/// Messages under way between two clients, as many as AWS lets one have unacknowledged.
const PAIR_UNDER_WAY_MAX: usize = 100;

pub(crate) struct Scenario {
    /// What it is chosen by.
    pub(crate) name: &'static str,
    /// What the table says.
    pub(crate) title: String,
    kind: Kind,
}

enum Kind {
    Idle(usize),
    Connects(usize),
    Flow(Flow),
    /// A flow of one message at a time, of which only the time matters.
    Latency(Flow),
}

/// Every scenario, in the order of the table.
pub(crate) fn all(size: &Size) -> Vec<Scenario> {
    let Size { clients, idle, connects, .. } = *size;
    let mut all = vec![
        Scenario { name: "idle", title: format!("{idle} idle TLS connections"), kind: Kind::Idle(idle) },
        Scenario { name: "connects", title: "connect, full handshake".into(), kind: Kind::Connects(connects) },
    ];
    for (session, names, kept) in [
        (Session::Persistent, ["fan-in", "fan-out", "pair", "latency"], "persistent"),
        (Session::Clean, ["fan-in-clean", "fan-out-clean", "pair-clean", "latency-clean"], "clean"),
    ] {
        let flow = |publishers, subscribers, under_way_max| Flow { publishers, subscribers, under_way_max, session };
        let [fan_in, fan_out, pair, latency] = names;
        let scenario = |name, what: &str, kind| Scenario { name, title: format!("{what}, {kept} session"), kind };
        all.extend([
            scenario(fan_in, &format!("fan-in {clients} → 1"), Kind::Flow(flow(clients, 1, clients))),
            scenario(fan_out, &format!("fan-out 1 → {clients}"), Kind::Flow(flow(1, clients, FAN_OUT_UNDER_WAY_MAX))),
            scenario(pair, "1 → 1, 100 under way", Kind::Flow(flow(1, 1, PAIR_UNDER_WAY_MAX))),
            scenario(latency, "1 → 1, one at a time", Kind::Latency(flow(1, 1, 1))),
        ]);
    }
    all
}

impl Scenario {
    /// The rows of the table that it has.
    pub(crate) fn metrics(&self) -> &'static [Metric] {
        match self.kind {
            Kind::Idle(_) => &[Metric::Memory],
            Kind::Connects(_) => &[Metric::Connects, Metric::ConnectCpu],
            Kind::Flow(_) => &[Metric::Rate, Metric::P50, Metric::P99, Metric::Cpu],
            Kind::Latency(_) => &[Metric::P50, Metric::P99],
        }
    }

    /// Measures, and ends the broker.
    pub(crate) async fn measure(&self, size: &Size, broker: Broker, devices: &[Device]) -> Result<Vec<(Metric, f64)>> {
        let measured = match &self.kind {
            Kind::Idle(connections) => idle(*connections, &broker, devices).await,
            Kind::Connects(count) => connects(*count, &broker, devices).await,
            Kind::Flow(flow) | Kind::Latency(flow) => flow.measure(size, &broker, devices).await,
        };
        broker.end().await?;
        measured
    }
}

/// What the broker's memory grows by for each connection.
async fn idle(connections: usize, broker: &Broker, devices: &[Device]) -> Result<Vec<(Metric, f64)>> {
    let mut clients = Vec::new();
    let mut before = 0;
    for until in [IDLE_BEFORE.min(connections / 2), connections] {
        before = if clients.is_empty() { 0 } else { broker.memory_bytes()? };
        let next: Vec<Client> = stream::iter(devices.iter().enumerate().take(until).skip(clients.len()))
            .map(|(number, device)| device.connect(broker.port, format!("idle-{number}"), Session::Clean, |_| ()))
            .buffer_unordered(HANDSHAKES_MAX)
            .try_collect()
            .await?;
        clients.extend(next);
        sleep(SETTLE).await;
    }
    let (after, made) = (broker.memory_bytes()?, connections - IDLE_BEFORE.min(connections / 2));
    if clients.iter().any(Client::has_ended) {
        return Err("a connection was lost".into());
    }
    Ok(vec![(Metric::Memory, after.saturating_sub(before) as f64 / made as f64 / 1000.0)])
}

/// Connections that are made, told so, and closed.
async fn connects(count: usize, broker: &Broker, devices: &[Device]) -> Result<Vec<(Metric, f64)>> {
    let (begin, cpu) = (Instant::now(), broker.cpu()?);
    stream::iter((0..count).zip(devices.iter().cycle()))
        .map(|(number, device)| device.connect(broker.port, format!("connect-{number}"), Session::Clean, |_| ()))
        .buffer_unordered(HANDSHAKES_MAX)
        .try_for_each(|client| async {
            drop(client);
            Ok(())
        })
        .await?;
    let (took, cpu) = (begin.elapsed(), broker.cpu()?.saturating_sub(cpu));
    Ok(vec![
        (Metric::Connects, count as f64 / took.as_secs_f64()),
        (Metric::ConnectCpu, cpu.as_secs_f64() * 1e6 / count as f64),
    ])
}
