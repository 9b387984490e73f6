//! The broker from outside: real sockets, mutual TLS, `rumqttc` as the device.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test panics")]

mod clients;
mod common;
mod groups;
#[cfg(feature = "https")]
mod https;
mod interoperability;
mod jobs;
mod limits;
mod mqtt5;
mod mqtt5_sessions;
mod peer5;
mod persistence;
mod policy;
mod provisioning;
mod pubsub;
mod robustness;
mod rules;
mod shadows;
mod shared;
