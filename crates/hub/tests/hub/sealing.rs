use crate::world::World;

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
    let verifier = marvain_domain::audit::Verifier::parse(&world.hub.verifier_key()).unwrap();
    for seq in [0, 1, sealed.size - 1] {
        let caller = world.owner();
        world.hub.audit_proof(&caller, seq).await.unwrap().check(&verifier).unwrap();
    }
    let tail = world.audit(30).await;
    let seqs: Vec<_> = tail.iter().map(|entry| entry.seq.unwrap()).collect();
    assert_eq!(seqs, (sealed.size - 30..sealed.size).collect::<Vec<_>>());
}
