//! What stands for AWS in tests: real servers, started as processes of their own, each test's its own.
//!
//! A test holds a handle; the process and its data are gone when it is dropped. Where no server can be had, a small stand-in
//! is here as well, and says what it does not do. `scripts/peers/…` installs the programs. This crate is for tests alone and knows
//! nothing of marvain.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what tests are made of fails by panicking"
)]

pub mod cloudformation;
mod data_api;
mod device;
mod dynoxide;
mod elasticmq;
mod http;
mod kms;
pub mod lambda;
mod minio;
mod moto;
mod postgres;
mod process;
mod serving;
mod timestream;
mod tls_front;

pub use data_api::{DataApi, Resuming};
pub use device::{Device, DeviceFiles};
pub use dynoxide::Dynoxide;
pub use elasticmq::ElasticMq;
pub use kms::Kms;
pub use minio::Minio;
pub use moto::Moto;
pub use postgres::Postgres;
pub use process::{Process, free_port, installed};
pub use serving::Serving;
pub use timestream::Timestream;
