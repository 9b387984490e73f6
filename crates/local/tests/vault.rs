//! The vault passes the port's suite; its files are private and read-only, and what a crash leaves goes.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use async_trait::async_trait;
use marvain_hub::conformance::{self, Storage};
use marvain_hub::port::{Put, Vault};
use marvain_local::FileVault;
use std::{collections::BTreeSet, fs, os::unix::fs::PermissionsExt};
use tempfile::TempDir;

struct Directory(TempDir);

#[async_trait]
impl Storage for Directory {
    type Adapter = FileVault;
    async fn open(&self) -> FileVault {
        FileVault::open(&self.0.path().join("vault")).unwrap()
    }
}

#[tokio::test]
async fn conforms() {
    conformance::vault(async || Directory(tempfile::tempdir().unwrap())).await;
}

#[tokio::test]
async fn files_are_private_and_read_only() {
    let storage = Directory(tempfile::tempdir().unwrap());
    storage.open().await.put_once("tile/0/000", b"x").await.unwrap();
    let mode = |path: &str| fs::metadata(storage.0.path().join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("vault"), 0o700);
    assert_eq!(mode("vault/tile/0"), 0o700);
    assert_eq!(mode("vault/tile/0/000"), 0o444);
}

#[tokio::test]
async fn what_a_crash_left_unfinished_is_no_object_and_goes() {
    let storage = Directory(tempfile::tempdir().unwrap());
    drop(storage.open().await);
    let left = storage.0.path().join("vault/~unfinished/0");
    fs::write(&left, b"hal").unwrap();
    let vault = storage.open().await;
    assert!(!left.exists());
    assert!(vault.list("").await.unwrap().is_empty());
    assert_eq!(vault.put_once("a", b"half").await.unwrap(), Put::Written);
    assert_eq!(fs::read_dir(storage.0.path().join("vault/~unfinished")).unwrap().count(), 0);
}

#[tokio::test]
async fn pages_are_the_list_cut_into_pieces() {
    let storage = Directory(tempfile::tempdir().unwrap());
    let vault = storage.open().await;
    // Names that sort before and after the slash.
    let keys = ["a", "b/x/1", "b/x/2", "b/x-y", "b/x.p/1", "b/x.p/2", "b/x0/1", "b/y", "b-/z", "b.p/z", "b0", "c/1"];
    for key in keys {
        vault.put_once(key, b"x").await.unwrap();
    }
    let all: Vec<String> = BTreeSet::from(keys).into_iter().map(str::to_owned).collect();
    assert_eq!(vault.list("").await.unwrap(), all);
    assert_eq!(vault.list("b/x").await.unwrap(), vault.list("").await.unwrap()[3..][..6]);
    for limit in 1..=all.len() {
        let mut paged: Vec<String> = Vec::new();
        loop {
            let page = vault.page(paged.last().map(String::as_str), limit).await.unwrap();
            assert!(page.len() <= limit);
            if page.is_empty() {
                break;
            }
            paged.extend(page);
        }
        assert_eq!(paged, all, "{limit} at a time");
    }
}
