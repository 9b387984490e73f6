//! An AWS IoT Core on one machine: mTLS MQTT broker, registry, policies, shadows, fleet provisioning.
//!
//! [`IotCore::open`] gives a handle; [`IotCore::serve`] accepts devices, with their own certificates, under AWS IoT policies;
//! the other methods are the control operations of the AWS IoT API. What a device sees is what AWS documents; where a limit
//! or a choice is our own, [`limits`] or the item says so. Time, randomness, the pre-provisioning hook and the targets of
//! rules are given from outside ([`Parts`]).
//!
//! This crate does not know what its messages mean.

mod attributes;
mod broker;
mod ca;
mod certificate;
mod control;
mod core;
mod error;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
#[cfg(feature = "https")]
mod https;
mod ids;
pub mod jobs;
mod lifecycle;
pub mod limits;
mod message;
pub mod names;
pub mod policy;
mod ports;
mod presence;
mod properties;
mod provisioning;
mod registry;
mod rules;
pub mod shadow;
mod shadows;
mod stats;
mod store;
pub mod subscriptions;
pub mod template;
mod tls;
pub mod topic;
mod upkeep;

pub use broker::{CloseReason, ConnectionInfo, ServeError as AcceptError};
pub use ca::CaError;
pub use certificate::Subject;
pub use control::{KeysAndCertificate, ShadowRequestError};
pub use core::{Config, IotCore, Parts, ServeError};
pub use error::Error;
#[cfg(feature = "https")]
pub use https::{AccessKey, AccessKeyError, HttpsError};
pub use ids::{CertificateId, CertificateIdError, Status, StatusError};
pub use message::QoS;
pub use ports::{
    BoxError, Clock, Entropy, HookDecision, HookError, HookRequest, ProvisioningHook, Rule, RuleError, RuleMessage,
    RuleTarget,
};
pub use presence::Departure;
pub use properties::MessageProperties;
pub use registry::certificates::Certificate;
pub use registry::groups::ThingGroup;
pub use registry::policies::{Policy, PolicyTarget};
pub use registry::policy_versions::PolicyVersion;
pub use registry::template_versions::TemplateVersion;
pub use registry::templates::{ProvisioningTemplate, TemplateSettings};
pub use registry::things::Thing;
pub use stats::Stats;
pub use store::StoreError;
pub use tls::TlsError;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeExample;

#[cfg(test)]
mod parser_tests;
