//! The hub's ports on AWS.
//!
//! | folder or file | port | service |
//! |---|---|---|
//! | `ledger` | `Ledger` | DynamoDB |
//! | `recall` | `Recall` | Aurora PostgreSQL with pgvector |
//! | `telemetry` | `Telemetry` | Aurora, or Timestream for LiveAnalytics |
//! | [`sql`] | – | one SQL by two ways: the RDS Data API, and connections |
//! | [`vault`], `artifacts` | `Vault`, – | S3 with Object Lock, and without |
//! | [`bus`], [`queues`] | `Bus`, – | SQS and the IoT data plane; what operations need of SQS |
//! | [`fleet`] | `Fleet` | the IoT control plane |
//! | [`push`] | `Push` | SNS |
//! | `signer`, `secrets` | `Signer`, – | KMS, Secrets Manager |
//!
//! Each adapter is given its clients and its settings, and reads no environment, no clock and no dice. It passes its port's
//! suite in `marvain_hub::conformance` against a real server (`tests/it`). It knows no other adapter's back end.

mod artifacts;
pub mod bus;
mod clock;
pub mod fleet;
mod ledger;
pub mod push;
pub mod queues;
mod recall;
mod secrets;
mod signer;
pub mod sql;
mod telemetry;
pub mod vault;

pub use artifacts::{ARTIFACT_BYTES_MAX, ArtifactError, Artifacts, PRESIGNED_S_MAX, Presigned};
pub use bus::AwsBus;
pub use clock::Clock;
pub use fleet::{AwsFleet, FleetSettings};
pub use ledger::{Backlog, CreateError, DynamoLedger, KeyAttribute, LedgerSettings, Schema, TABLE};
pub use push::SnsPush;
pub use queues::{QueueUrls, SqsQueues};
pub use recall::AuroraRecall;
pub use secrets::{SECRET_STALE_S_MAX, SECRET_TTL_S, SECRETS_MAX, SecretError, Secrets, Stage};
pub use signer::KmsSigner;
pub use telemetry::{AuroraTelemetry, Timestream, TimestreamSettings};
pub use vault::{BucketLog, LockMode, S3Vault, VaultSettings};
