//! An AWS IoT Core on one machine: mTLS MQTT broker, registry, policies, shadows, fleet provisioning.

pub mod names;
pub mod policy;
pub mod shadow;
pub mod subscriptions;
pub mod template;
pub mod topic;

mod ca;
mod ids;
pub mod limits;
mod ports;
mod store;
mod tls;
mod broker;
mod message;
mod stats;
