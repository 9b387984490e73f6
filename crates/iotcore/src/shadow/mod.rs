//! Device shadows: the shadow document service as pure functions from stored shadow and request to new shadow and replies.
//!
//! Sources, all of the AWS IoT developer guide: "Device Shadow service documents", "Device Shadow MQTT topics", "Device
//! Shadow error messages", "Simulating Device Shadow service communications"; and the quotas of the Device Shadow service.
//!
//! This module does not know where shadows are kept, who may touch them, nor what the time is: `now_s` is an argument, in
//! seconds of Unix time. A caller applies the requests of one shadow one after another and publishes the replies on
//! [`ShadowTopic`]s only after the new shadow is stored.

mod delta;
mod document;
mod error;
mod merge;
mod request;
mod topic;

pub use document::{Shadow, Updated};
pub use error::{Rejected, ShadowError};
pub use topic::{ShadowAddress, ShadowOperation, ShadowTopic};

#[cfg(test)]
mod tests;
