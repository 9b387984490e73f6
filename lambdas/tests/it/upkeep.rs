//! Ticks and sealing.

use crate::world::World;
use marvain_domain::{
    Timestamp,
    id::{DeliveryId, SatelliteId},
};
use marvain_hub::{
    SEAL_ROWS_MAX,
    port::{Commit, Ledger as _, Sample, SeriesQuery, Telemetry as _},
};
use marvain_lambdas::{TimeLeft, audit, emf::Metric, tick::Upkeep};

fn value(values: &[(Metric, u64)], metric: Metric) -> u64 {
    values.iter().find(|(each, _)| *each == metric).unwrap().1
}

async fn draft(world: &World, count: usize) {
    let draft = marvain_domain::AuditDraft {
        at: world.system.now(),
        actor: marvain_domain::Principal::System,
        on_behalf_of: Vec::new(),
        kind: "test".to_owned(),
        data: serde_json::json!({}),
    };
    let id = DeliveryId::derive(&["drafts", &count.to_string()]);
    let at = world.system.now();
    let commit = Commit { id, at, writes: Vec::new(), effects: Vec::new(), audit: vec![draft; count] };
    world.stores.ledger.commit(commit).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_waits_is_sealed_however_much_it_is() {
    let world = World::new().await;
    draft(&world, SEAL_ROWS_MAX + 500).await;
    let before = Upkeep::default().run(&world.hub, world.system.now()).await.unwrap();
    assert_eq!(value(&before, Metric::AuditWaiting), SEAL_ROWS_MAX as u64);
    let left = TimeLeft::until(world.deadline(120_000), world.system.now());
    let sealed = audit::run(&world.hub, left).await.unwrap();
    assert!(value(&sealed, Metric::Sealed) > SEAL_ROWS_MAX as u64 + 500, "and what the world itself has done");
    assert_eq!(value(&sealed, Metric::AuditWaiting), 0);
    let report = world.hub.audit_verify(&world.caller()).await.unwrap();
    assert!(report.is_intact(), "{:?}", report.findings);
    let again = audit::run(&world.hub, left).await.unwrap();
    assert_eq!(value(&again, Metric::Sealed), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn sealing_that_has_no_time_leaves_all_as_it_is() {
    let world = World::new().await;
    let left = TimeLeft::until(world.deadline(0), world.system.now());
    let values = audit::run(&world.hub, left).await.unwrap();
    assert_eq!(value(&values, Metric::Sealed), 0);
    assert!(value(&values, Metric::AuditWaiting) > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_wakes_the_database_is_done_once_a_day() {
    const DAY_MS: u64 = 86_400_000;
    let world = World::new().await;
    let today = world.system.now().as_ms() / DAY_MS;
    let midnight = |days: u64| Timestamp::from_ms((today + days) * DAY_MS);
    let satellite: SatelliteId = "den".parse().unwrap();
    let sample =
        Sample { satellite: satellite.clone(), name: "t".into(), at: midnight(1), value: 20.5, unit: String::new() };
    world.stores.telemetry.append(vec![sample]).await.unwrap();
    let values = async || {
        let (name, from, to) = ("t".to_owned(), midnight(0), midnight(2));
        let query = SeriesQuery { satellite: satellite.clone(), name, from, to, step_s: None, limit: 10 };
        world.stores.telemetry.series(&query).await.unwrap().len()
    };
    let upkeep = Upkeep::default();
    upkeep.run(&world.hub, midnight(400).plus_s(60)).await.unwrap();
    assert_eq!(values().await, 1, "it is old, and it is not the time");
    upkeep.run(&world.hub, midnight(401)).await.unwrap();
    assert_eq!(values().await, 0);
}
