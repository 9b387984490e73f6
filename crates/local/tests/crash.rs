//! `kill -9` in the middle of a stream of commits: everything acknowledged is there, and every commit is whole.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use futures_util::{StreamExt, stream};
use marvain_domain::{AuditDraft, Principal, Timestamp, id::DeliveryId};
use marvain_hub::port::{Commit, Delivery, Effect, Expect, Key, Ledger, Write};
use marvain_local::LocalStores;
use marvain_topics::Queue;
use serde_json::json;
use std::{
    collections::BTreeSet,
    env,
    io::{BufRead, BufReader, Write as _},
    process::{Command, Stdio},
};

const DIRECTORY: &str = "MARVAIN_TEST_DIRECTORY";
const NOW: Timestamp = Timestamp::from_ms(1_795_348_800_000);

fn key(name: &str) -> Key {
    Key { pk: "p".into(), sk: name.into() }
}

fn commit(name: &str) -> Commit {
    let write = Write::Put {
        key: key(name),
        list: None,
        due: None,
        expires_at: None,
        body: json!(name),
        expect: Expect::Absent,
    };
    let data = json!({ "about": name });
    Commit {
        id: DeliveryId::derive(&[name]),
        at: NOW,
        writes: vec![write],
        effects: vec![Effect::Hop { queue: Queue::Plan, body: json!(name) }],
        audit: vec![AuditDraft {
            at: NOW,
            actor: Principal::System,
            on_behalf_of: vec![],
            kind: "suite.ran".into(),
            data,
        }],
    }
}

#[tokio::test]
#[ignore = "the process that `what_was_acknowledged_survives` kills"]
async fn stream_of_commits() {
    let stores = LocalStores::open(env::var_os(DIRECTORY).unwrap().as_ref()).unwrap();
    let stores = &stores;
    let mut acknowledged = stream::iter(0_u64..)
        .map(|n| async move {
            let name = n.to_string();
            stores.queues.enqueue(Delivery::hop(Queue::Observe, &name, NOW, &json!(name)), None).await.unwrap();
            stores.ledger.commit(commit(&name)).await.unwrap();
            name
        })
        .buffer_unordered(32);
    while let Some(name) = acknowledged.next().await {
        println!("acknowledged {name}");
        std::io::stdout().flush().unwrap();
    }
}

/// Runs the stream until it has acknowledged so many, kills it, and gives all that it has acknowledged.
fn run_and_kill(directory: &std::path::Path, enough: usize) -> BTreeSet<String> {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--ignored", "--exact", "stream_of_commits", "--nocapture"])
        .env(DIRECTORY, directory)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut acknowledged = BTreeSet::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        if let Some((_, name)) = line.unwrap().split_once("acknowledged ") {
            acknowledged.insert(name.to_owned());
        }
        if acknowledged.len() == enough {
            // SIGKILL; what it still says is read to the end.
            child.kill().unwrap();
        }
    }
    assert!(!child.wait().unwrap().success(), "it must not end by itself");
    assert!(acknowledged.len() >= enough);
    acknowledged
}

#[tokio::test]
async fn what_was_acknowledged_survives() {
    for enough in [1, 150, 700] {
        let directory = tempfile::tempdir().unwrap();
        let acknowledged = run_and_kill(directory.path(), enough);
        let stores = LocalStores::open(directory.path()).unwrap();
        for name in &acknowledged {
            assert_eq!(stores.ledger.get(&key(name)).await.unwrap().unwrap().body, json!(name));
            assert!(stores.ledger.is_applied(&DeliveryId::derive(&[name])).await.unwrap());
        }
        // Whole: as many effects and audit rows as records, of the same commits.
        let outbox = stores.ledger.outbox(100_000).await.unwrap();
        let rows = stores.ledger.unsealed(100_000).await.unwrap();
        assert_eq!(outbox.len(), rows.len());
        for row in &rows {
            let name = row.draft.data["about"].as_str().unwrap();
            assert!(stores.ledger.get(&key(name)).await.unwrap().is_some(), "{name} is half there");
        }
        let recorded: BTreeSet<&str> = rows.iter().map(|row| row.draft.data["about"].as_str().unwrap()).collect();
        assert!(acknowledged.iter().all(|name| recorded.contains(name.as_str())));

        let mut queued = BTreeSet::new();
        loop {
            let batch = stores.queues.receive(Queue::Observe, 256, NOW).await.unwrap();
            if batch.deliveries.is_empty() {
                break;
            }
            queued.extend(batch.deliveries.into_iter().map(|taken| taken.delivery.id));
        }
        for name in &acknowledged {
            assert!(
                queued.contains(&Delivery::hop(Queue::Observe, name, NOW, &json!(name)).id),
                "{name} left the queue"
            );
        }
    }
}
