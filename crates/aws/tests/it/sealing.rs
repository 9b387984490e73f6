//! The audit log from the hub's use case into the bucket and, with nothing but the bucket and the verifier key, back.

use crate::{
    s3::{Bucket, S3},
    signer,
};
use async_trait::async_trait;
use aws_sdk_s3::types::ObjectVersion;
use marvain_aws::{BucketLog, KmsSigner, LockMode, vault::Overlaid};
use marvain_domain::{
    AuditDraft, Principal, Timestamp,
    audit::{Checkpoint, Class, Report, Verifier, verify},
    id::{DeliveryId, SatelliteId},
};
use marvain_hub::{
    Hub, Ports, Settings,
    planner::OfflineModel,
    port::{Bundle, Bus, BusError, Commit, Delivery, Fleet, FleetError, Ledger as _, NoPush, Vault as _},
};
use marvain_local::{SqliteLedger, SqliteRecall, SqliteTelemetry};
use marvain_peers::Kms;
use marvain_topics::ShadowName;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tokio::runtime::Handle;

/// Sealing sends nothing and enrols nobody.
struct Nobody;

fn nobody(what: &str) -> BusError {
    BusError { what: what.to_owned(), source: "there is nobody".into() }
}

#[async_trait]
impl Bus for Nobody {
    async fn enqueue(&self, _: Delivery) -> Result<(), BusError> {
        Err(nobody("a delivery"))
    }
    async fn shadow(&self, _: &SatelliteId, _: ShadowName, _: &Value) -> Result<(), BusError> {
        Err(nobody("a shadow"))
    }
    async fn revoke(&self, _: &str) -> Result<(), BusError> {
        Err(nobody("a revocation"))
    }
}

#[async_trait]
impl Fleet for Nobody {
    async fn create_claim(&self) -> Result<Bundle, FleetError> {
        Err(FleetError { what: "a claim".to_owned(), source: "there is nobody".into() })
    }
    async fn create_satellite(&self, _: &SatelliteId) -> Result<Bundle, FleetError> {
        Err(FleetError { what: "a satellite".to_owned(), source: "there is nobody".into() })
    }
}

/// A hub whose log is in a bucket, signed by a KMS.
struct World {
    kms: Kms,
    bucket: Bucket,
    ledger: Arc<SqliteLedger>,
    hub: Hub,
    rows: u64,
}

impl World {
    async fn new(s3: &S3) -> Self {
        let kms = Kms::start(&[("log", [7; 32])]).await;
        let bucket = s3.bucket(LockMode::Governance, Duration::from_secs(3600)).await;
        let ledger = Arc::new(SqliteLedger::open_in_memory().unwrap());
        let hub = hub(&kms, &bucket, &ledger);
        Self { kms, bucket, ledger, hub, rows: 0 }
    }

    /// The hub is another process now, which knows no more than what is stored.
    fn restart(&mut self) {
        self.hub = hub(&self.kms, &self.bucket, &self.ledger);
    }

    /// Records as many rows and seals them; the newest checkpoint, for whoever keeps it elsewhere.
    async fn seal(&mut self, rows: u64) -> Checkpoint {
        let at = Timestamp::from_ms(1_795_340_351_250);
        for n in self.rows..self.rows + rows {
            let (kind, data) = ("test.row".to_owned(), json!({ "n": n }));
            let audit = vec![AuditDraft { at, actor: Principal::System, on_behalf_of: Vec::new(), kind, data }];
            let id = DeliveryId::derive(&["row", &n.to_string()]);
            let commit = Commit { id, at, writes: Vec::new(), effects: Vec::new(), audit };
            self.ledger.commit(commit).await.unwrap();
        }
        self.rows += rows;
        let sealed = self.hub.seal().await.unwrap();
        assert_eq!((sealed.entries as u64, sealed.size), (rows, self.rows));
        let head = self.ledger.head().await.unwrap().unwrap();
        self.verifier().await.verify(head.checkpoint.as_bytes()).unwrap()
    }

    async fn verifier(&self) -> Verifier {
        Verifier::parse(&self.hub.verifier_key().await.unwrap()).unwrap()
    }

    /// Verifies from the bucket alone.
    async fn verify(&self, trusted: &[Checkpoint]) -> (Report, Vec<Overlaid>) {
        let (verifier, trusted) = (self.verifier().await, trusted.to_vec());
        let read = BucketLog::new(self.bucket.vault(), Handle::current());
        let verified = tokio::task::spawn_blocking(move || {
            let report = verify(&read, &verifier, &trusted, &mut |_, _| ()).unwrap();
            (report, read.overlaid().0)
        });
        verified.await.unwrap()
    }

    /// Somebody who may lift locks deletes an object for good.
    async fn destroy(&self, key: &str) {
        let Bucket { client, settings } = &self.bucket;
        let versions = client.list_object_versions().bucket(&settings.bucket).prefix(key).send().await.unwrap();
        for version in versions.versions().iter().filter_map(ObjectVersion::version_id) {
            let delete = client.delete_object().bucket(&settings.bucket).key(key).version_id(version);
            delete.bypass_governance_retention(true).send().await.unwrap();
        }
        assert_eq!(self.bucket.vault().get(key).await.unwrap(), None);
    }
}

fn hub(kms: &Kms, bucket: &Bucket, ledger: &Arc<SqliteLedger>) -> Hub {
    let ports = Ports {
        ledger: ledger.clone(),
        recall: Arc::new(SqliteRecall::open_in_memory().unwrap()),
        model: Arc::new(OfflineModel),
        bus: Arc::new(Nobody),
        fleet: Arc::new(Nobody),
        push: Arc::new(NoPush),
        vault: Arc::new(bucket.vault()),
        signer: Arc::new(KmsSigner::new(signer::client(&kms.url()), "log")),
        telemetry: Arc::new(SqliteTelemetry::open_in_memory().unwrap()),
    };
    let agent = "marvain".parse().unwrap();
    let log_origin = "marvain.aws/test".parse().unwrap();
    Hub::new(ports, Settings { agent, time_zone: "UTC".into(), log_origin })
}

fn classes(report: &Report) -> Vec<Class> {
    report.findings.iter().map(|finding| finding.class).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_verifies_from_the_bucket_whatever_is_put_over_it_on_moto() {
    whatever_is_put_over_it(&S3::moto().await).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Go: scripts/test --all"]
async fn a_log_verifies_from_the_bucket_whatever_is_put_over_it_on_minio() {
    whatever_is_put_over_it(&S3::minio().await).await;
}

async fn whatever_is_put_over_it(s3: &S3) {
    let mut world = World::new(s3).await;
    let mut kept = vec![world.seal(1).await, world.seal(299).await];
    world.restart();
    kept.push(world.seal(330).await);
    let (report, overlaid) = world.verify(&kept).await;
    assert!(report.is_intact() && report.findings.is_empty(), "{report:?}");
    assert_eq!((report.size, report.entries, report.checkpoints), (630, 630, 3));
    assert_eq!(overlaid, []);

    // An edited bundle over the entries, the checkpoint of another time over the newest, markers over the right edge.
    let bundle = world.bucket.vault().get("tile/entries/000").await.unwrap().unwrap();
    let edited = String::from_utf8_lossy(&bundle).replacen("test.row", "test.raw", 1);
    tokio::time::sleep(Duration::from_millis(5)).await;
    world.bucket.overwrite("tile/entries/000", edited.as_bytes()).await;
    let older = world.bucket.vault().get("checkpoint/00000000000000000300").await.unwrap().unwrap();
    world.bucket.overwrite("checkpoint/00000000000000000630", &older).await;
    for key in ["key", "tile/0/002.p/118", "tile/entries/002.p/118"] {
        world.bucket.delete(key).await;
    }
    let (report, overlaid) = world.verify(&kept).await;
    assert!(report.findings.is_empty() && report.size == 630, "{report:?}");
    let told: Vec<_> = overlaid.iter().map(|o| (o.key.as_str(), o.versions, o.delete_markers)).collect();
    let expected = [
        ("checkpoint/00000000000000000630", 1, 0),
        ("key", 0, 1),
        ("tile/0/002.p/118", 0, 1),
        ("tile/entries/000", 1, 0),
        ("tile/entries/002.p/118", 0, 1),
    ];
    assert_eq!(told, expected);

    // The hub is not deceived either, and goes on where it was.
    world.restart();
    kept.push(world.seal(10).await);
    let (report, _) = world.verify(&kept).await;
    assert!(report.findings.is_empty() && report.size == 640, "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_gone_is_found_on_moto() {
    what_is_gone_is_found(&S3::moto().await).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Go: scripts/test --all"]
async fn what_is_gone_is_found_on_minio() {
    what_is_gone_is_found(&S3::minio().await).await;
}

async fn what_is_gone_is_found(s3: &S3) {
    let mut world = World::new(s3).await;
    let kept = [world.seal(300).await, world.seal(300).await];

    // The newest checkpoint goes: that is how a log looks whose last append was cut short, unless one has kept the checkpoint.
    world.destroy("checkpoint/00000000000000000600").await;
    let (report, _) = world.verify(&kept[..1]).await;
    assert_eq!((report.is_intact(), report.size, classes(&report)), (true, 300, vec![Class::Unpublished]));
    let (report, _) = world.verify(&kept).await;
    assert!(!report.is_intact() && classes(&report).contains(&Class::RolledBack), "{report:?}");

    // All that came later goes as well: an earlier state, and a perfect one.
    for key in ["tile/0/001", "tile/0/002.p/88", "tile/1/000.p/2", "tile/entries/001", "tile/entries/002.p/88"] {
        world.destroy(key).await;
    }
    let (report, _) = world.verify(&kept[..1]).await;
    assert_eq!((report.is_intact(), report.size, classes(&report)), (true, 300, Vec::new()));
    let (report, _) = world.verify(&kept).await;
    assert_eq!((report.is_intact(), classes(&report)), (false, vec![Class::RolledBack]));

    // A hub whose ledger knows more does not go on from there.
    world.restart();
    assert!(world.hub.seal().await.is_err());
}
