use crate::{
    signers::{Forger, Hedged},
    world::World,
};
use marvain_domain::{AuditDraft, Principal, id::DeliveryId};
use marvain_hub::{
    SealError,
    planner::OfflineModel,
    port::{Commit, Ledger as _},
};
use std::sync::Arc;

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_whole_after_many_small_seals_and_every_entry_can_be_proved() {
    let mut world = World::new().await;
    for n in 0..40 {
        world.hears(&n.to_string(), "nothing in particular").await;
        if n % 3 == 0 {
            world.settle().await;
            world.hub.seal().await.unwrap();
        }
    }
    let sealed = world.hub.seal().await.unwrap();
    assert!(sealed.size >= 43, "{sealed:?}");
    assert_eq!(world.hub.seal().await.unwrap().entries, 0);
    let caller = world.owner();
    let report = world.hub.audit_verify(&caller).await.unwrap();
    assert!(report.is_intact() && report.size == sealed.size, "{report:?}");
    let verifier = marvain_domain::audit::Verifier::parse(&world.hub.verifier_key().await.unwrap()).unwrap();
    for seq in [0, 1, sealed.size - 1] {
        let caller = world.owner();
        world.hub.audit_proof(&caller, seq).await.unwrap().check(&verifier).unwrap();
    }
    let tail = world.audit(30).await;
    let seqs: Vec<_> = tail.iter().map(|entry| entry.seq.unwrap()).collect();
    assert_eq!(seqs, (sealed.size - 30..sealed.size).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_entries_are_shown_however_many_wait_to_be_sealed() {
    let mut world = World::new().await;
    world.hub.seal().await.unwrap();
    for n in 0..1001 {
        let commit = Commit {
            id: DeliveryId::derive(&["row", &n.to_string()]),
            at: world.now,
            writes: Vec::new(),
            effects: Vec::new(),
            audit: vec![AuditDraft {
                at: world.now,
                actor: Principal::System,
                on_behalf_of: Vec::new(),
                kind: "test.row".into(),
                data: serde_json::json!({ "n": n }),
            }],
        };
        world.ledger.commit(commit).await.unwrap();
    }
    let shown = world.audit(2).await;
    assert_eq!(shown.iter().map(|entry| entry.data["n"].as_u64()).collect::<Vec<_>>(), [Some(999), Some(1000)]);
    let shown = world.audit(1000).await;
    assert_eq!((shown.len(), shown[0].data["n"].as_u64()), (1000, Some(1)));
    world.hub.seal().await.unwrap();
    assert_eq!(world.audit(1).await[0].data["n"], 1000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_seal_keeps_the_checkpoint_that_is_there_however_it_was_signed() {
    let mut world = World::with(Arc::new(OfflineModel), Arc::new(Hedged::default())).await;
    for n in 0..3 {
        world.hears(&n.to_string(), "nothing in particular").await;
        world.ledger.refuse_next_seal();
        assert!(matches!(world.hub.seal().await, Err(SealError::Ledger(_))), "it crashed when all was written");
        assert!(world.hub.seal().await.unwrap().entries > 0);
        let caller = world.owner();
        let report = world.hub.audit_verify(&caller).await.unwrap();
        assert_eq!((report.findings.as_slice(), report.checkpoints), (&[][..], n + 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_signed_by_the_logs_key_is_not_published() {
    let mut world = World::with(Arc::new(OfflineModel), Arc::new(Forger::default())).await;
    assert!(matches!(world.hub.seal().await, Err(SealError::Checkpoint(_))));
    let caller = world.owner();
    assert_eq!(world.hub.audit_verify(&caller).await.unwrap().checkpoints, 0);
    let waiting = world.ledger.unsealed(1000).await.unwrap().len();
    assert!(waiting > 0, "the rows wait");
    // The forger repents.
    assert_eq!(world.hub.seal().await.unwrap().entries, waiting);
}
