//! The outbox: what a commit wants done is there until it is done, whatever crashes in between.

use super::{NOW, Storage, commit, delivery};
use crate::port::{Commit, Effect, Ledger, Notification, Outgoing};
use marvain_domain::{
    id::{ActionId, MemoryId, OutboxId},
    identity::PushAddress,
};
use marvain_topics::{Queue, ShadowName};
use serde_json::json;
use std::collections::BTreeSet;

pub(super) async fn effects_wait_in_order_until_they_are_sent<S: Storage<Adapter: Ledger>>(storage: &S) {
    let effects = vec![
        Effect::Hop { queue: Queue::Memory, body: json!({ "text": "ü \"'\u{0}" }) },
        Effect::Shadow {
            satellite: "kitchen".parse().unwrap(),
            name: ShadowName::ALL[0],
            desired: json!({ "act_1": null, "act_2": { "args": [0.1] } }),
        },
        Effect::Revoke { certificate_id: "ab".repeat(32) },
        Effect::Erase { memory: MemoryId::derive(&["a"]) },
        Effect::Push {
            person: "anna".parse().unwrap(),
            device: "phone".parse().unwrap(),
            notification: Notification {
                action: ActionId::derive(&["a"]),
                capability: "lamp".to_owned(),
                satellite: Some("kitchen".to_owned()),
                deadline: NOW.plus_s(300),
                ttl_s: 300,
            },
        },
        Effect::Unpush { address: PushAddress::new("arn:aws:sns:…") },
    ];
    let ledger = storage.open().await;
    ledger.commit(Commit { effects: effects.clone(), ..commit("first", vec![]) }).await.unwrap();
    let later = NOW.plus_s(1);
    ledger.commit(Commit { at: later, effects: effects.clone(), ..commit("second", vec![]) }).await.unwrap();
    // A crash between commit and send.
    drop(ledger);

    let ledger = storage.open().await;
    let waiting = ledger.outbox(100).await.unwrap();
    let expected: Vec<Outgoing> = [("first", NOW), ("second", later)]
        .into_iter()
        .flat_map(|(name, at)| {
            effects.iter().cloned().enumerate().map(move |(place, effect)| {
                let id = OutboxId::derive(&[delivery(name).as_str(), &place.to_string()]);
                Outgoing { id, effect, at }
            })
        })
        .collect();
    assert_eq!(waiting, expected, "oldest first, with the ids that follow from commit and place");
    assert_eq!(waiting.iter().map(|outgoing| &outgoing.id).collect::<BTreeSet<_>>().len(), waiting.len());
    assert_eq!(ledger.outbox(3).await.unwrap(), expected[..3]);

    let done: Vec<OutboxId> = [5, 0, 2].map(|place: usize| waiting[place].id.clone()).to_vec();
    ledger.sent(&done).await.unwrap();
    // What is confirmed twice, or was never there, is confirmed.
    ledger.sent(&done).await.unwrap();
    ledger.sent(&[OutboxId::derive(&["never"])]).await.unwrap();
    ledger.sent(&[]).await.unwrap();
    drop(ledger);

    let ledger = storage.open().await;
    let left: Vec<Outgoing> = expected.into_iter().filter(|outgoing| !done.contains(&outgoing.id)).collect();
    assert_eq!(ledger.outbox(100).await.unwrap(), left);
    // A repetition of the commit does not bring them back.
    ledger.commit(Commit { effects, ..commit("first", vec![]) }).await.unwrap();
    assert_eq!(ledger.outbox(100).await.unwrap(), left);
}
