//! S3 servers and buckets for tests.

use async_trait::async_trait;
use aws_sdk_s3::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
    primitives::ByteStream,
    types::{DefaultRetention, ObjectLockConfiguration, ObjectLockEnabled, ObjectLockRetentionMode, ObjectLockRule},
};
use marvain_aws::{Clock, LockMode, S3Vault, VaultSettings};
use marvain_domain::Timestamp;
use marvain_hub::conformance::Storage;
use marvain_peers::{Minio, Moto};
use std::{
    any::Any,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// A server, and a client of it.
pub(crate) struct S3 {
    pub(crate) client: Client,
    buckets: AtomicU32,
    _server: Box<dyn Any + Send + Sync>,
}

impl S3 {
    pub(crate) async fn moto() -> Self {
        let moto = Moto::start().await;
        Self::new(&moto.url(), "test", "test", Box::new(moto))
    }

    pub(crate) async fn minio() -> Self {
        let minio = Minio::start().await;
        Self::new(&minio.url(), Minio::ACCESS_KEY, Minio::SECRET_KEY, Box::new(minio))
    }

    fn new(url: &str, access_key: &str, secret_key: &str, server: Box<dyn Any + Send + Sync>) -> Self {
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .endpoint_url(url)
            .force_path_style(true)
            .credentials_provider(Credentials::new(access_key, secret_key, None, None, "tests"));
        Self { client: Client::from_conf(config.build()), buckets: AtomicU32::new(0), _server: server }
    }

    /// A new bucket with Object Lock and a default retention of a day, for a vault with this mode and retention.
    pub(crate) async fn bucket(&self, mode: LockMode, retention: Duration) -> Bucket {
        let name = self.plain_bucket(true).await;
        let default = match mode {
            LockMode::Governance => ObjectLockRetentionMode::Governance,
            LockMode::Compliance => ObjectLockRetentionMode::Compliance,
        };
        let default = DefaultRetention::builder().mode(default).days(1).build();
        let lock = ObjectLockConfiguration::builder()
            .object_lock_enabled(ObjectLockEnabled::Enabled)
            .rule(ObjectLockRule::builder().default_retention(default).build())
            .build();
        let put = self.client.put_object_lock_configuration().bucket(&name).object_lock_configuration(lock);
        put.send().await.unwrap();
        Bucket { client: self.client.clone(), settings: VaultSettings { bucket: name, mode, retention } }
    }

    pub(crate) async fn plain_bucket(&self, is_locked: bool) -> String {
        let name = format!("vault-{}", self.buckets.fetch_add(1, Ordering::Relaxed));
        let create = self.client.create_bucket().bucket(&name).object_lock_enabled_for_bucket(is_locked);
        create.send().await.unwrap();
        name
    }
}

/// A bucket of a vault.
#[derive(Clone)]
pub(crate) struct Bucket {
    pub(crate) client: Client,
    pub(crate) settings: VaultSettings,
}

impl Bucket {
    pub(crate) fn vault(&self) -> S3Vault {
        S3Vault::new(self.client.clone(), self.settings.clone(), clock())
    }

    /// Somebody who may write puts other bytes over an object.
    pub(crate) async fn overwrite(&self, key: &str, bytes: &[u8]) {
        let put = self.client.put_object().bucket(&self.settings.bucket).key(key);
        put.body(ByteStream::from(bytes.to_vec())).send().await.unwrap();
    }

    /// Somebody who may delete puts a delete marker over an object.
    pub(crate) async fn delete(&self, key: &str) {
        let deleted = self.client.delete_object().bucket(&self.settings.bucket).key(key).send().await.unwrap();
        assert_eq!(deleted.delete_marker(), Some(true));
    }

    /// What a plain read gives.
    pub(crate) async fn newest(&self, key: &str) -> Option<Vec<u8>> {
        let got = self.client.get_object().bucket(&self.settings.bucket).key(key).send().await.ok()?;
        Some(got.body.collect().await.unwrap().to_vec())
    }
}

#[async_trait]
impl Storage for Bucket {
    type Adapter = S3Vault;
    async fn open(&self) -> S3Vault {
        self.vault()
    }
}

/// The time of this machine: signatures and locks are held against the server's.
pub(crate) fn clock() -> Clock {
    #[expect(clippy::disallowed_methods, reason = "a test is a composition root")]
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Arc::new(move || Timestamp::from_ms(u64::try_from(now().as_millis()).unwrap()))
}
