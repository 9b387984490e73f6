//! The ports on AWS against real servers, and stand-ins where there is none.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests fail by panicking")]

mod artifacts;
mod bus;
mod clients;
mod data_api;
mod database;
mod fleet;
mod iot;
mod ledger;
mod migrations;
mod push;
mod queues;
mod recall;
mod s3;
mod sealing;
mod secrets;
mod signer;
mod telemetry;
mod timestream;
mod vault;
mod worm;
