//! Backup while everything is in use, and restore: coherent, complete, verified.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

use marvain_domain::{
    Timestamp,
    id::{DeliveryId, MemoryId},
    memory::Tier,
};
use marvain_hub::port::{Commit, Delivery, Effect, Expect, Key, Ledger, Recall, RecallDoc, Vault, Write};
use marvain_local::{BackupError, LocalStores, Manifest, OpenError, Redrive, replace, restore, verify_backup};
use marvain_topics::Queue;
use serde_json::json;
use std::{
    fs::{self, File, TryLockError},
    io,
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

const NOW: Timestamp = Timestamp::from_ms(1_795_348_800_000);

fn delivery(n: u64) -> Delivery {
    Delivery::hop(Queue::Observe, &n.to_string(), NOW, &json!(n))
}

fn key(n: u64) -> Key {
    Key { pk: "p".into(), sk: format!("{n:08}") }
}

/// Adds nothing to a restored directory.
fn as_it_is(_: &Path, _: &Manifest) -> io::Result<()> {
    Ok(())
}

/// What a hub does with a delivery, at each step of which it may be in one place only.
async fn pass_on(stores: &LocalStores, n: u64) {
    stores.queues.enqueue(delivery(n), None).await.unwrap();
    let batch = stores.queues.receive(Queue::Observe, 1, NOW).await.unwrap();
    let taken = &batch.deliveries[0];
    let write =
        Write::Put { key: key(n), list: None, due: None, expires_at: None, body: json!(n), expect: Expect::Absent };
    let effects = vec![Effect::Hop { queue: Queue::Plan, body: json!(n) }];
    let id = taken.delivery.id.clone();
    stores.ledger.commit(Commit { id, at: NOW, writes: vec![write], effects, audit: vec![] }).await.unwrap();
    stores.queues.ack(&[taken.receipt]).await.unwrap();
    for outgoing in stores.ledger.outbox(10).await.unwrap() {
        let hop = Delivery::hop(Queue::Plan, &n.to_string(), NOW, &json!(n));
        stores.queues.enqueue(hop, None).await.unwrap();
        stores.ledger.sent(&[outgoing.id]).await.unwrap();
    }
}

async fn filled(directory: &Path) -> LocalStores {
    let stores = LocalStores::open(directory).unwrap();
    for n in 0..20 {
        pass_on(&stores, n).await;
    }
    stores.vault.put_once("tile/0/000.p/20", b"twenty").await.unwrap();
    let doc = RecallDoc {
        memory: MemoryId::derive(&["a"]),
        tier: Tier::Semantic,
        content: "Anna likes coffee".into(),
        vector_space: "m".into(),
        vector: vec![1.0, 0.0],
        at: NOW,
    };
    stores.recall.upsert(vec![doc]).await.unwrap();
    fs::create_dir(directory.join("policies")).unwrap();
    fs::write(directory.join("policies/house.cedar"), "permit(principal, action, resource);").unwrap();
    let other = rusqlite::Connection::open(directory.join("broker.db")).unwrap();
    other
        .execute_batch(
            "PRAGMA journal_mode = WAL; CREATE TABLE things (name TEXT); INSERT INTO things VALUES ('kitchen')",
        )
        .unwrap();
    stores
}

#[tokio::test]
async fn a_restored_directory_is_the_one_that_was_backed_up() {
    let at = tempfile::tempdir().unwrap();
    let (data, backup, restored) = (at.path().join("data"), at.path().join("backup"), at.path().join("restored"));
    let stores = filled(&data).await;
    // A connection that is open and has not been folded into its file.
    let other = rusqlite::Connection::open(data.join("broker.db")).unwrap();
    other.execute("INSERT INTO things VALUES ('den')", []).unwrap();
    let manifest = stores.backup(&backup, NOW).await.unwrap();
    assert_eq!(verify_backup(&backup).unwrap(), manifest);
    assert_eq!(restore(&backup, &restored, as_it_is).unwrap(), manifest);
    pass_on(&stores, 20).await;
    drop(stores);

    let paths: Vec<&str> = manifest.files.iter().map(|file| file.path.to_str().unwrap()).collect();
    let expected = [
        "broker.db",
        "format",
        "ledger.db",
        "policies/house.cedar",
        "queues.db",
        "recall.db",
        "telemetry.db",
        "vault/tile/0/000.p/20",
    ];
    assert_eq!(paths, expected);
    let mode = |name: &str| fs::metadata(restored.join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(""), mode("ledger.db"), mode("vault/tile/0/000.p/20")), (0o700, 0o600, 0o444));

    let stores = LocalStores::open(&restored).unwrap();
    assert!(stores.ledger.get(&key(19)).await.unwrap().is_some());
    assert!(stores.ledger.get(&key(20)).await.unwrap().is_none());
    assert_eq!(stores.vault.get("tile/0/000.p/20").await.unwrap().as_deref(), Some(&b"twenty"[..]));
    assert_eq!(stores.recall.ids().await.unwrap(), [MemoryId::derive(&["a"])]);
    assert_eq!(stores.queues.receive(Queue::Plan, 100, NOW).await.unwrap().deliveries.len(), 20);
    let other = rusqlite::Connection::open(restored.join("broker.db")).unwrap();
    let things: i64 = other.query_row("SELECT count(*) FROM things", [], |row| row.get(0)).unwrap();
    assert_eq!(things, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_under_load_loses_no_delivery() {
    let at = tempfile::tempdir().unwrap();
    let stores = LocalStores::open(&at.path().join("data")).unwrap();
    let enough = AtomicBool::new(false);
    let work = async {
        let mut n = 0;
        while !enough.load(Ordering::Relaxed) {
            pass_on(&stores, n).await;
            n += 1;
        }
        n
    };
    let backups = async {
        for round in 0..8 {
            stores.backup(&at.path().join(format!("backup {round}")), NOW).await.unwrap();
        }
        enough.store(true, Ordering::Relaxed);
    };
    let (worked, ()) = tokio::join!(work, backups);
    assert!(worked > 8, "{worked}");
    let mut seen = 0;
    for round in 0..8 {
        let restored = at.path().join(format!("restored {round}"));
        restore(&at.path().join(format!("backup {round}")), &restored, as_it_is).unwrap();
        let stores = LocalStores::open(&restored).unwrap();
        // The newest that the ledger knows; everything before it has been passed on, or waits in the outbox.
        let waiting = stores.queues.receive(Queue::Observe, 100, NOW).await.unwrap().deliveries;
        let mut hops = stores.ledger.outbox(100).await.unwrap().len();
        let mut known = 0;
        while stores.ledger.get(&key(known)).await.unwrap().is_some() {
            known += 1;
        }
        loop {
            let batch = stores.queues.receive(Queue::Plan, 256, NOW).await.unwrap();
            if batch.deliveries.is_empty() {
                break;
            }
            hops += batch.deliveries.len();
        }
        // One more than known if the hop is queued and not yet confirmed.
        assert!((known..=known + 1).contains(&(hops as u64)), "round {round}: {known} known, {hops} passed on");
        assert!(waiting.len() <= 1);
        seen = seen.max(known);
    }
    assert!(seen > 0);
}

#[tokio::test]
async fn a_backup_that_was_tampered_with_is_refused() {
    let at = tempfile::tempdir().unwrap();
    let backup = at.path().join("backup");
    let stores = filled(&at.path().join("data")).await;
    stores.backup(&backup, NOW).await.unwrap();
    let target = at.path().join("restored");
    let refused = |name: &str, tamper: &dyn Fn(&Path)| {
        let file = backup.join(name);
        let before = fs::read(&file).ok();
        tamper(&file);
        let error = restore(&backup, &target, as_it_is).unwrap_err();
        assert!(!target.exists(), "{name}");
        match before {
            Some(bytes) => fs::write(&file, bytes).unwrap(),
            None => fs::remove_file(&file).unwrap(),
        }
        error
    };
    let differs = |error: BackupError, name: &str| matches!(error, BackupError::Differs(path) if path.ends_with(name));
    let flip = |file: &Path| {
        let mut bytes = fs::read(file).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        fs::write(file, bytes).unwrap();
    };
    let remove = |file: &Path| fs::remove_file(file).unwrap();
    let add = |file: &Path| fs::write(file, "x").unwrap();
    assert!(differs(refused("ledger.db", &flip), "ledger.db"));
    assert!(differs(refused("queues.db", &remove), "queues.db"));
    assert!(differs(refused("vault/more", &add), "vault/more"));
    assert!(matches!(refused("manifest.json", &remove), BackupError::Incomplete(_)));
    assert!(matches!(refused("manifest.json", &add), BackupError::Manifest { .. }));
    let escape = |file: &Path| {
        let text = fs::read_to_string(file).unwrap();
        fs::write(file, text.replace("\"ledger.db\"", "\"../ledger.db\"")).unwrap();
    };
    assert!(matches!(refused("manifest.json", &escape), BackupError::Unusable(_)));
    restore(&backup, &target, as_it_is).unwrap();
}

#[tokio::test]
async fn nothing_is_overwritten() {
    let at = tempfile::tempdir().unwrap();
    let (data, backup, aside) = (at.path().join("data"), at.path().join("backup"), at.path().join("aside"));
    let stores = filled(&data).await;
    assert!(matches!(stores.backup(&data.join("in/side"), NOW).await, Err(BackupError::Inside(_))));
    assert!(!data.join("in").exists());
    stores.backup(&backup, NOW).await.unwrap();
    assert!(matches!(stores.backup(&backup, NOW).await, Err(BackupError::NotVacant(_))));
    assert!(matches!(restore(&backup, &data, as_it_is), Err(BackupError::NotVacant(_))));
    let in_use = replace(&backup, &data, &aside, as_it_is);
    assert!(matches!(in_use, Err(BackupError::Open(OpenError::InUse { .. }))), "{in_use:?}");

    pass_on(&stores, 20).await;
    drop(stores);
    replace(&backup, &data, &aside, as_it_is).unwrap();
    assert!(LocalStores::open(&data).unwrap().ledger.get(&key(20)).await.unwrap().is_none());
    assert!(LocalStores::open(&aside).unwrap().ledger.get(&key(20)).await.unwrap().is_some());
    assert!(matches!(replace(&backup, &data, &aside, as_it_is), Err(BackupError::NotVacant(_))));
    let left: Vec<_> = fs::read_dir(at.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 3, "{left:?}");
}

#[tokio::test]
async fn dead_letters_and_delays_are_in_the_backup() {
    let at = tempfile::tempdir().unwrap();
    let stores = LocalStores::open(&at.path().join("data")).unwrap();
    stores.queues.enqueue(delivery(1), Some(NOW.plus_s(10_000))).await.unwrap();
    stores.queues.enqueue(delivery(2), None).await.unwrap();
    for attempt in 0..=8 {
        stores.queues.receive(Queue::Observe, 1, NOW.plus_s(40 * attempt)).await.unwrap();
    }
    stores.backup(&at.path().join("backup"), NOW).await.unwrap();
    restore(&at.path().join("backup"), &at.path().join("restored"), as_it_is).unwrap();
    let stores = LocalStores::open(&at.path().join("restored")).unwrap();
    let dead = stores.queues.dead(None, None, 10).await.unwrap();
    assert_eq!(dead.letters.len(), 1);
    assert_eq!(
        stores.queues.redrive(Redrive::Delivery(Queue::Observe, DeliveryId::derive(&["no such"]))).await.unwrap(),
        0
    );
    assert_eq!(stores.queues.redrive(Redrive::Queue(Queue::Observe)).await.unwrap(), 1);
}

#[tokio::test]
async fn a_restore_that_was_cut_short_is_not_taken_for_a_new_hub() {
    let place = tempfile::tempdir().unwrap();
    let (data, unfinished) = (place.path().join("data"), place.path().join("data.unfinished"));
    fs::create_dir(&unfinished).unwrap();
    for is_there in [false, true] {
        let refused = LocalStores::open(&data).err().unwrap();
        assert!(matches!(refused, OpenError::Unfinished(_)), "{refused}");
        assert_eq!(data.exists(), is_there);
        fs::create_dir_all(&data).unwrap();
    }
    fs::remove_dir(&unfinished).unwrap();
    drop(LocalStores::open(&data).unwrap());
    fs::create_dir(&unfinished).unwrap();
    LocalStores::open(&data).unwrap();
}

#[tokio::test]
async fn what_is_added_to_restored_data_is_there_with_them_or_they_are_not() {
    let at = tempfile::tempdir().unwrap();
    let (data, backup, aside) = (at.path().join("data"), at.path().join("backup"), at.path().join("aside"));
    let stores = filled(&data).await;
    let manifest = stores.backup(&backup, NOW).await.unwrap();
    drop(stores);
    let broken = |_: &Path, _: &Manifest| Err(io::Error::other("no"));
    assert!(matches!(replace(&backup, &data, &aside, broken), Err(BackupError::File { .. })));
    assert!(data.join("format").exists() && !aside.exists() && !at.path().join("data.unfinished").exists());
    let elsewhere = at.path().join("elsewhere");
    assert!(matches!(restore(&backup, &elsewhere, broken), Err(BackupError::File { .. })));
    assert!(!elsewhere.exists());
    let mark = |copy: &Path, of: &Manifest| {
        assert_eq!(*of, manifest);
        assert!(copy.join("ledger.db").exists() && !aside.exists(), "the data are where they were");
        fs::write(copy.join("mark"), "x")
    };
    replace(&backup, &data, &aside, mark).unwrap();
    assert!(data.join("mark").exists());
    LocalStores::open(&data).unwrap();
}

#[tokio::test]
async fn a_directory_that_is_being_copied_stays_locked() {
    let at = tempfile::tempdir().unwrap();
    let (data, backup) = (at.path().join("data"), at.path().join("backup"));
    let stores = filled(&data).await;
    let other = rusqlite::Connection::open(data.join("broker.db")).unwrap();
    // The copy waits for this one.
    other.execute_batch("PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE").unwrap();
    let to = backup.clone();
    let copying = tokio::spawn(async move { stores.backup(&to, NOW).await });
    while !backup.join("ledger.db").exists() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    copying.abort();
    assert!(copying.await.unwrap_err().is_cancelled());
    let lock = File::open(data.join("hub.lock")).unwrap();
    assert!(matches!(lock.try_lock(), Err(TryLockError::WouldBlock)));
    other.execute_batch("ROLLBACK").unwrap();
    while lock.try_lock().is_err() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(backup.join("manifest.json").exists());
}
