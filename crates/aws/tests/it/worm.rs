//! What Object Lock refuses, which is what the vault stands on. moto refuses too little of it.

use crate::s3::{Bucket, S3};
use aws_sdk_s3::{
    error::ProvideErrorMetadata as _,
    primitives::DateTime,
    types::{ObjectLockRetention, ObjectLockRetentionMode},
};
use marvain_aws::LockMode;
use marvain_hub::port::Vault as _;
use std::time::Duration;

/// What a refusal is called: by AWS, and by MinIO.
const REFUSALS: [&str; 2] = ["AccessDenied", "InvalidRequest"];
/// How long locks hold in these tests, in seconds.
const LOCK_S: u64 = 10;

async fn written(s3: &S3, mode: LockMode) -> (Bucket, String) {
    let bucket = s3.bucket(mode, Duration::from_secs(LOCK_S)).await;
    bucket.vault().put_once("key", b"bytes").await.unwrap();
    let head = bucket.client.head_object().bucket(&bucket.settings.bucket).key("key").send().await.unwrap();
    (bucket, head.version_id.unwrap())
}

fn assert_refused(result: &Result<(), String>, what: &str) {
    assert!(result.as_ref().is_err_and(|code| REFUSALS.contains(&code.as_str())), "{what}: {result:?}");
}

async fn delete(bucket: &Bucket, version: &str, bypass: bool) -> Result<(), String> {
    let delete = bucket.client.delete_object().bucket(&bucket.settings.bucket).key("key").version_id(version);
    let delete = delete.set_bypass_governance_retention(bypass.then_some(true));
    delete.send().await.map(drop).map_err(|e| e.code().unwrap_or_default().to_owned())
}

async fn retain(bucket: &Bucket, version: &str, for_s: i64, bypass: bool) -> Result<(), String> {
    let mode = match bucket.settings.mode {
        LockMode::Compliance => ObjectLockRetentionMode::Compliance,
        LockMode::Governance => ObjectLockRetentionMode::Governance,
    };
    let now_s = i64::try_from(crate::s3::clock()().as_ms() / 1000).unwrap();
    let until = ObjectLockRetention::builder().mode(mode).retain_until_date(DateTime::from_secs(now_s + for_s));
    let put = bucket.client.put_object_retention().bucket(&bucket.settings.bucket).key("key").version_id(version);
    let put = put.retention(until.build()).set_bypass_governance_retention(bypass.then_some(true));
    put.send().await.map(drop).map_err(|e| e.code().unwrap_or_default().to_owned())
}

#[tokio::test]
#[ignore = "needs Go: scripts/test --all"]
async fn compliance_holds_for_everybody_until_its_time() {
    let s3 = S3::minio().await;
    let (bucket, version) = written(&s3, LockMode::Compliance).await;
    for bypass in [false, true] {
        assert_refused(&delete(&bucket, &version, bypass).await, "deleted");
        assert_refused(&retain(&bucket, &version, 1, bypass).await, "shortened");
    }
    assert!(bucket.client.delete_bucket().bucket(&bucket.settings.bucket).send().await.is_err());
    // Longer is allowed.
    retain(&bucket, &version, i64::try_from(LOCK_S).unwrap() + 1, false).await.unwrap();
    assert_eq!(bucket.vault().get("key").await.unwrap().as_deref(), Some(&b"bytes"[..]));
    tokio::time::sleep(Duration::from_secs(LOCK_S + 3)).await;
    delete(&bucket, &version, false).await.unwrap();
    assert_eq!(bucket.vault().get("key").await.unwrap(), None, "its time is over");
}

#[tokio::test]
#[ignore = "needs Go: scripts/test --all"]
async fn governance_is_lifted_by_who_may_and_says_so() {
    let s3 = S3::minio().await;
    let (bucket, version) = written(&s3, LockMode::Governance).await;
    assert_refused(&delete(&bucket, &version, false).await, "deleted");
    assert_refused(&retain(&bucket, &version, 1, false).await, "shortened");
    delete(&bucket, &version, true).await.unwrap();
    assert_eq!(bucket.vault().get("key").await.unwrap(), None);
}

#[tokio::test]
#[ignore = "needs Go: scripts/test --all"]
async fn what_the_vault_writes_is_locked_as_the_settings_say() {
    let s3 = S3::minio().await;
    for mode in [LockMode::Governance, LockMode::Compliance] {
        let before = crate::s3::clock()().as_ms();
        let (bucket, _) = written(&s3, mode).await;
        let head = bucket.client.head_object().bucket(&bucket.settings.bucket).key("key").send().await.unwrap();
        assert_eq!(head.object_lock_mode.unwrap().as_str(), mode.to_string());
        let until = u64::try_from(head.object_lock_retain_until_date.unwrap().to_millis().unwrap()).unwrap();
        assert!((before..=before + 60_000).contains(&(until - LOCK_S * 1000 + 1000)), "{before} {until}");
        assert_eq!(head.content_type.as_deref(), Some("application/octet-stream"));
        let checked = bucket.client.head_object().bucket(&bucket.settings.bucket).key("key");
        let checked = checked.checksum_mode(aws_sdk_s3::types::ChecksumMode::Enabled).send().await.unwrap();
        assert!(checked.checksum_sha256.is_some(), "S3 keeps the checksum that it was sent");
    }
}
