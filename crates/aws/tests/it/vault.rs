//! The vault passes the port's suite, and an object stays what it first was whatever is put over it.
//!
//! moto shows conditions, versions and delete markers; that locks hold, MinIO alone does (`worm.rs`).

use crate::s3::{Bucket, S3};
use futures_util::{StreamExt as _, stream};
use marvain_aws::{
    BucketLog, LockMode, S3Vault, VaultSettings,
    vault::{BucketFault, Overlaid},
};
use marvain_domain::audit::ReadObject as _;
use marvain_hub::{
    conformance,
    port::{Put, Vault as _, VaultError},
};
use std::time::Duration;
use tokio::runtime::Handle;

const DAY: Duration = Duration::from_secs(24 * 3600);

#[tokio::test]
async fn conforms_on_moto() {
    let s3 = S3::moto().await;
    conformance::vault(async || s3.bucket(LockMode::Governance, DAY).await).await;
}

#[tokio::test]
#[ignore = "needs Go: scripts/test --all"]
async fn conforms_on_minio() {
    let s3 = S3::minio().await;
    conformance::vault(async || s3.bucket(LockMode::Compliance, Duration::from_secs(2)).await).await;
}

#[tokio::test]
async fn an_object_stays_what_it_first_was_on_moto() {
    let s3 = S3::moto().await;
    an_object_stays_what_it_first_was(&s3.bucket(LockMode::Governance, DAY).await).await;
}

#[tokio::test]
#[ignore = "needs Go: scripts/test --all"]
async fn an_object_stays_what_it_first_was_on_minio() {
    let s3 = S3::minio().await;
    an_object_stays_what_it_first_was(&s3.bucket(LockMode::Compliance, Duration::from_secs(2)).await).await;
}

async fn an_object_stays_what_it_first_was(bucket: &Bucket) {
    let vault = bucket.vault();
    for key in ["tile/0/000", "tile/0/000.p/1", "tile/0/001", "tile/0/002"] {
        assert_eq!(vault.put_once(key, key.as_bytes()).await.unwrap(), Put::Written);
    }
    // Versions are told apart by when they were written; moto by milliseconds.
    for forged in [&b"forged"[..], b"again", b"and again", b"tile/0/000"] {
        tokio::time::sleep(Duration::from_millis(5)).await;
        bucket.overwrite("tile/0/000", forged).await;
    }
    bucket.delete("tile/0/001").await;
    bucket.overwrite("tile/0/002", b"forged").await;
    tokio::time::sleep(Duration::from_millis(5)).await;
    bucket.delete("tile/0/002").await;
    assert_eq!(bucket.newest("tile/0/001").await, None, "a plain read is deceived");

    for key in ["tile/0/000", "tile/0/000.p/1", "tile/0/001", "tile/0/002"] {
        assert_eq!(vault.get(key).await.unwrap().as_deref(), Some(key.as_bytes()), "{key}");
        let other = vault.put_once(key, b"other").await;
        assert!(matches!(other, Err(VaultError::Different(_))), "{key}: {other:?}");
        assert_eq!(vault.put_once(key, key.as_bytes()).await.unwrap(), Put::Same, "{key}");
    }
    let keys = ["tile/0/000", "tile/0/000.p/1", "tile/0/001", "tile/0/002"].map(str::to_owned);
    assert_eq!(vault.list("tile/0/00").await.unwrap(), keys);
    for limit in 1..=5 {
        paged(&vault, &keys, limit).await;
    }

    let read = BucketLog::new(vault, Handle::current());
    let overlaid = tokio::task::spawn_blocking(move || {
        let mut keys = Vec::new();
        read.list("", &mut |key| keys.push(key.to_owned())).unwrap();
        for key in &keys {
            assert_eq!(read.read(key).unwrap().as_deref(), Some(key.as_bytes()), "{key}");
        }
        for absent in ["tile/0/003", "tile/0/00", "tile", "checkpoint/00000000000000000001"] {
            assert_eq!(read.read(absent).unwrap(), None, "{absent}");
        }
        read.overlaid()
    });
    let over = |key: &str, versions, delete_markers| Overlaid { key: key.to_owned(), versions, delete_markers };
    // The writes of the hub that a delete marker let through are versions as well.
    let expected = vec![over("tile/0/000", 4, 0), over("tile/0/001", 1, 1), over("tile/0/002", 2, 1)];
    assert_eq!(overlaid.await.unwrap(), (expected, 0));
}

/// All keys come, in pages of `limit`, and the last page says that it is the last.
async fn paged(vault: &S3Vault, keys: &[String], limit: usize) {
    let (mut found, mut after, mut pages) = (Vec::new(), None, 0);
    loop {
        let (page, next) = vault.page(limit, after.as_deref()).await.unwrap();
        assert!(page.len() <= limit && (next.is_none() || page.len() == limit), "{page:?}");
        found.extend(page);
        pages += 1;
        match next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    assert_eq!((found.as_slice(), pages), (keys, keys.len().div_ceil(limit)));
}

#[tokio::test]
#[ignore = "needs Go: scripts/test --all"]
async fn a_long_log_is_listed_and_read_page_by_page() {
    let s3 = S3::minio().await;
    let bucket = s3.bucket(LockMode::Governance, Duration::from_secs(1)).await;
    let mut keys: Vec<String> = (0..1100).map(|n| format!("checkpoint/{n:020}")).collect();
    let puts = keys.iter().map(|key| bucket.overwrite(key, key.as_bytes()));
    stream::iter(puts).buffer_unordered(16).collect::<Vec<()>>().await;
    keys.push("key".to_owned());
    bucket.overwrite("key", b"key").await;
    let vault = bucket.vault();
    assert_eq!(vault.list("").await.unwrap(), keys);
    assert_eq!(vault.list("checkpoint/000000000000000010").await.unwrap(), keys[1000..1100]);
    paged(&vault, &keys, 500).await;

    let read = BucketLog::new(vault, Handle::current());
    let read = tokio::task::spawn_blocking(move || {
        for key in keys {
            assert_eq!(read.read(&key).unwrap().as_deref(), Some(key.as_bytes()), "{key}");
        }
    });
    read.await.unwrap();
}

/// moto answers `GetBucketVersioning` with another document than S3, which AWS's SDK for Rust refuses.
#[tokio::test]
#[ignore = "needs Go: scripts/test --all"]
async fn a_bucket_is_held_against_the_settings() {
    let s3 = S3::minio().await;
    let fits = s3.bucket(LockMode::Compliance, DAY).await;
    assert_eq!(fits.vault().check().await.unwrap(), []);

    let mut longer = fits.clone();
    longer.settings.retention = 30 * DAY;
    assert_eq!(longer.vault().check().await.unwrap(), [BucketFault::Shorter { found: DAY, expected: 30 * DAY }]);

    let mut stronger = s3.bucket(LockMode::Governance, DAY).await;
    stronger.settings.mode = LockMode::Compliance;
    let faults = stronger.vault().check().await.unwrap();
    assert_eq!(faults, [BucketFault::Weaker { found: "GOVERNANCE".to_owned(), expected: LockMode::Compliance }]);

    let settings = VaultSettings { bucket: s3.plain_bucket(false).await, ..fits.settings.clone() };
    let plain = S3Vault::new(s3.client.clone(), settings, crate::s3::clock());
    assert_eq!(plain.check().await.unwrap(), [BucketFault::NotVersioned, BucketFault::NotLocked]);
    let put = plain.put_once("key", b"x").await;
    assert!(matches!(put, Err(VaultError::Unavailable(_))), "nothing is written without a lock: {put:?}");

    let settings = VaultSettings { bucket: "nowhere".to_owned(), ..fits.settings };
    let nowhere = S3Vault::new(s3.client.clone(), settings, crate::s3::clock());
    assert!(nowhere.check().await.is_err());
}
