//! Opening a data directory: privacy, the lock, and files that are damaged, missing or too new.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use marvain_domain::{Timestamp, id::DeliveryId};
use marvain_hub::port::{Commit, Ledger};
use marvain_local::{LocalStores, OpenError, holder};
use std::{fs, io::Write, os::unix::fs::PermissionsExt, path::Path, time::Duration};

fn open(directory: &Path) -> Result<(), OpenError> {
    LocalStores::open(directory).map(drop)
}

/// A directory that was in use, and the bytes of all databases together.
async fn used() -> (tempfile::TempDir, impl Fn() -> Vec<Vec<u8>>) {
    let directory = tempfile::tempdir().unwrap();
    let stores = LocalStores::open(directory.path()).unwrap();
    let id = DeliveryId::derive(&["x"]);
    let commit = Commit { id, at: Timestamp::EPOCH, writes: vec![], effects: vec![], audit: vec![] };
    stores.ledger.commit(commit).await.unwrap();
    drop(stores);
    let paths = ["ledger.db", "queues.db", "recall.db", "telemetry.db"].map(|name| directory.path().join(name));
    (directory, move || paths.iter().map(|path| fs::read(path).unwrap_or_default()).collect())
}

#[tokio::test]
async fn everything_is_private() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("a/b");
    let stores = LocalStores::open(&directory).unwrap();
    let mode = |name: &str| fs::metadata(directory.join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(""), 0o700);
    for name in
        ["ledger.db", "ledger.db-wal", "ledger.db-shm", "queues.db", "recall.db", "telemetry.db", "hub.lock", "format"]
    {
        assert_eq!(mode(name), 0o600, "{name}");
    }
    drop(stores);
}

#[tokio::test]
async fn one_hub_at_a_time() {
    let (directory, _) = used().await;
    let first = LocalStores::open(directory.path()).unwrap();
    let error = open(directory.path()).unwrap_err();
    let own = std::process::id();
    assert!(matches!(error, OpenError::InUse { pid, .. } if pid == Some(own)), "{error}");
    assert!(error.to_string().contains(&format!("hub.lock` is locked by process {own}: ")), "{error}");
    // One part that is left is as good as all.
    let part = first.queues.clone();
    drop(first);
    assert!(matches!(open(directory.path()), Err(OpenError::InUse { .. })));
    let path = directory.path().to_owned();
    let waits = tokio::task::spawn_blocking(move || open(&path));
    tokio::time::sleep(Duration::from_millis(100)).await;
    drop(part);
    waits.await.unwrap().unwrap();
}

#[tokio::test]
async fn whoever_works_with_a_directory_is_known_until_they_end() {
    let (directory, _) = used().await;
    assert_eq!(holder(&directory.path().join("nowhere")).unwrap(), None);
    assert_eq!(holder(directory.path()).unwrap(), None, "the file is there, and names somebody who is gone");
    let stores = LocalStores::open(directory.path()).unwrap();
    assert_eq!(holder(directory.path()).unwrap(), Some(std::process::id()));
    drop(stores);
    assert_eq!(holder(directory.path()).unwrap(), None);
    // Whoever only looks keeps nobody out.
    let look = fs::File::open(directory.path().join("hub.lock")).unwrap();
    fs::write(directory.path().join("hub.lock"), "1\n").unwrap();
    look.lock_shared().unwrap();
    let path = directory.path().to_owned();
    let opens = tokio::task::spawn_blocking(move || open(&path));
    tokio::time::sleep(Duration::from_millis(50)).await;
    drop(look);
    opens.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_damaged_database_is_named_and_left_alone() {
    type Damage = fn(&mut Vec<u8>);
    let damages: [(&str, Damage); 3] = [
        ("ledger.db", |bytes| bytes.fill(b'x')),
        ("queues.db", |bytes| bytes.truncate(bytes.len() / 2)),
        ("recall.db", |bytes| bytes[100..3000].fill(0xff)),
    ];
    for (name, damage) in damages {
        let (directory, bytes) = used().await;
        let path = directory.path().join(name);
        let mut damaged = fs::read(&path).unwrap();
        damage(&mut damaged);
        fs::write(&path, damaged).unwrap();
        let before = bytes();
        let error = open(directory.path()).unwrap_err();
        assert!(matches!(&error, OpenError::Damaged { path, .. } if path.ends_with(name)), "{name}: {error:?}");
        assert!(error.to_string().contains("marvain restore"), "{error}");
        assert!(bytes() == before, "{name} was changed");
    }
}

#[tokio::test]
async fn a_database_that_was_there_is_not_begun_anew() {
    for name in ["ledger.db", "queues.db", "recall.db", "telemetry.db", "vault"] {
        let (directory, _) = used().await;
        let path = directory.path().join(name);
        if name == "vault" {
            fs::remove_dir_all(&path).unwrap()
        } else {
            fs::remove_file(&path).unwrap()
        }
        let error = open(directory.path()).unwrap_err();
        assert!(matches!(&error, OpenError::Missing { path } if path.ends_with(name)), "{name}: {error:?}");
        assert!(!path.exists());
    }
    let (directory, _) = used().await;
    fs::write(directory.path().join("ledger.db"), "").unwrap();
    assert!(matches!(open(directory.path()), Err(OpenError::Missing { .. })), "an empty file is as good as none");
}

#[tokio::test]
async fn a_directory_from_before_telemetry_gets_it() {
    let (directory, _) = used().await;
    let (format, telemetry) = (directory.path().join("format"), directory.path().join("telemetry.db"));
    fs::remove_file(&telemetry).unwrap();
    fs::write(&format, "1\n").unwrap();
    open(directory.path()).unwrap();
    assert_eq!(fs::read_to_string(&format).unwrap(), "2\n");
    fs::remove_file(&telemetry).unwrap();
    assert!(matches!(open(directory.path()), Err(OpenError::Missing { .. })), "from then on it is missed");
}

#[tokio::test]
async fn a_later_format_is_refused() {
    let (directory, bytes) = used().await;
    let ledger = rusqlite::Connection::open(directory.path().join("ledger.db")).unwrap();
    ledger.pragma_update(None, "user_version", 99).unwrap();
    drop(ledger);
    let before = bytes();
    assert!(matches!(open(directory.path()), Err(OpenError::Newer { found: 99, known: 1, .. })));
    assert!(bytes() == before);

    let (directory, _) = used().await;
    fs::File::options().append(true).open(directory.path().join("format")).unwrap().write_all(b"x\n").unwrap();
    assert!(matches!(open(directory.path()), Err(OpenError::Damaged { .. })));
    fs::write(directory.path().join("format"), "3\n").unwrap();
    assert!(matches!(open(directory.path()), Err(OpenError::Newer { found: 3, known: 2, .. })));
}
