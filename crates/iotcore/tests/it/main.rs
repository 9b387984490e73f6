//! The broker from outside: real sockets, mutual TLS, `rumqttc` as the device.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test panics")]

#[cfg(feature = "https")]
mod aws_cli;
mod certificates;
mod clients;
mod common;
mod faults;
mod groups;
mod handed;
#[cfg(feature = "https")]
mod https;
#[cfg(feature = "https")]
mod https_connections;
#[cfg(feature = "https")]
mod https_jobs;
mod interoperability;
mod jobs;
mod limits;
mod mqtt5;
mod mqtt5_sessions;
mod peer5;
mod persistence;
mod policy;
mod policy_versions;
mod provisioning;
mod pubsub;
mod robustness;
mod rules;
mod shadows;
mod shared;
