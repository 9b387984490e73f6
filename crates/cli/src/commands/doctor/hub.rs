//! A hub that answers: its version and clock, what it plans with, what has got stuck, who is away.

use super::Check;
use crate::{
    client::{Client, whole},
    error::CliError,
    globals::now,
    output::{duration, relative},
};
use marvain_console::{
    operations::QueueInfo,
    page::{LIMIT_MAX, PageParams},
    satellites::SatelliteInfo,
    status::Status,
};
use marvain_domain::{Timestamp, identity::SatelliteStatus};
use std::time::Duration;

/// Clocks further apart than this are worth a warning, in milliseconds.
const CLOCK_MS_MAX: u64 = 2_000;
/// A delivery that waits longer than this has got stuck, in milliseconds.
const WAITING_MS_MAX: u64 = 5 * 60 * 1_000;
/// What waits to go out or to be sealed is given this long to become less, in milliseconds: three of the hub's rounds.
const SETTLE_MS: u64 = 3_000;
/// Name of the planner that goes by plain rules.
const RULES: &str = "offline-rules";

pub(super) async fn look(client: &Client, status: Status) -> Vec<Check> {
    let mut checks = vec![version(&status), clock(status.now, now()), planner(&status.planner)];
    checks.push(match client.queues().await {
        Ok(list) => queues(&list.items, status.now),
        Err(error) => Check::error("queues", &error),
    });
    checks.extend(match settled(client, &status).await {
        Ok(later) => vec![outbox(&status, &later), audit(&status, &later)],
        Err(error) => vec![Check::error("effects", &error)],
    });
    checks.push(
        match whole(async |after| client.satellites(&PageParams { limit: Some(LIMIT_MAX), after }).await).await {
            Ok(all) => satellites(&all),
            Err(error) => Check::error("satellites", &error),
        },
    );
    checks
}

/// The status once what waits has had time to become less.
async fn settled(client: &Client, status: &Status) -> Result<Status, CliError> {
    if status.outbox == 0 && status.audit_waiting == 0 {
        return Ok(status.clone());
    }
    tokio::time::sleep(Duration::from_millis(SETTLE_MS)).await;
    client.status().await
}

fn version(status: &Status) -> Check {
    let (mine, its) = (env!("CARGO_PKG_VERSION"), &status.version);
    if its == mine {
        Check::ok("hub", format!("marvain {its} answers"))
    } else {
        Check::warn("hub", format!("it is marvain {its}, and this is {mine}")).hint("restart the hub after an upgrade")
    }
}

pub(super) fn clock(hub: Timestamp, here: Timestamp) -> Check {
    let apart_ms = hub.ms_since(here).max(here.ms_since(hub));
    if apart_ms <= CLOCK_MS_MAX {
        Check::ok("clock", format!("the hub's is {apart_ms} ms from this one"))
    } else {
        Check::warn("clock", format!("the hub's is {} from this one", duration(apart_ms / 1000)))
            .hint("let both keep time by NTP: consents, codes and approvals expire by the hub's clock")
    }
}

fn planner(name: &str) -> Check {
    let check = Check::ok("planner", name);
    if name == RULES {
        check.hint("plain rules; set OPENAI_API_KEY for `marvain up` to plan with a model")
    } else {
        check
    }
}

pub(super) fn queues(queues: &[QueueInfo], now: Timestamp) -> Check {
    let dead: u64 = queues.iter().map(|queue| queue.dead).sum();
    if let Some(queue) = queues.iter().find(|queue| queue.dead > 0) {
        return Check::warn("queues", format!("{dead} dead letters")).hint(format!(
            "`marvain queue list {0}` has their reasons; `marvain queue redrive {0} --all`",
            queue.name
        ));
    }
    let oldest = queues.iter().filter_map(|queue| Some((queue.oldest?, queue))).min_by_key(|(at, _)| *at);
    match oldest {
        Some((at, queue)) if now.ms_since(at) > WAITING_MS_MAX => {
            Check::warn("queues", format!("a delivery to `{}` waits since {}", queue.name, relative(at, now)))
                .hint("the hub's log says why it is tried again")
        }
        _ => Check::ok("queues", "no dead letters, nothing stuck"),
    }
}

pub(super) fn outbox(before: &Status, after: &Status) -> Check {
    if before.outbox > 0 && after.outbox >= before.outbox {
        Check::warn("effects", format!("{} wait to go out", after.outbox)).hint("the hub's log says why")
    } else {
        Check::ok("effects", "all go out")
    }
}

pub(super) fn audit(before: &Status, after: &Status) -> Check {
    if before.audit_waiting > 0 && after.audit_size == before.audit_size {
        Check::fail("audit log", format!("{} entries wait, and none is sealed", after.audit_waiting))
            .hint("the hub's log says why; `marvain audit verify` looks at what is sealed")
    } else {
        Check::ok("audit log", format!("{} entries sealed", after.audit_size))
    }
}

pub(super) fn satellites(all: &[SatelliteInfo]) -> Check {
    let name = "satellites";
    let trusted: Vec<_> = all.iter().filter(|info| info.satellite.status == SatelliteStatus::Active).collect();
    let named = |which: fn(&SatelliteInfo) -> bool| {
        let ids: Vec<String> =
            trusted.iter().filter(|info| which(info)).map(|info| info.satellite.id.to_string()).collect();
        ids.join(", ")
    };
    let (paused, offline) = (named(|info| info.presence.paused), named(|info| !info.presence.online));
    let dropping = named(|info| info.presence.dropped_telemetry > 0);
    if !paused.is_empty() {
        Check::warn(name, format!("listening pauses on {paused}: the spool takes no more"))
            .hint("it is full because the link is too slow, or its disk refuses: the satellite's log says which")
    } else if !offline.is_empty() {
        Check::warn(name, format!("offline: {offline}")).hint("`marvain satellite show NAME` says since when")
    } else if !dropping.is_empty() {
        Check::warn(name, format!("readings were lost on {dropping}")).hint("give its spool more room, or send less")
    } else {
        Check::ok(name, format!("{} online", trusted.len()))
    }
}
