//! Fleet provisioning templates: from a template and a device's parameters to what is to be made for it.
//!
//! Source: AWS IoT developer guide, "Provisioning templates" (parts that fleet provisioning uses: `Parameters`, `Mappings`,
//! `Resources`, `DeviceConfiguration` and the intrinsic functions) and "Device provisioning MQTT API"; AWS CloudFormation
//! user guide, "Fn::Sub", for the syntax of that function.
//!
//! A template is understood in full or refused ([`Template::parse`]); a plan is a pure function of template, parameters and
//! certificate ([`Template::plan`]).
//!
//! Parameters that the template does not declare are left out of account: AWS passes them to the pre-provisioning hook.
//!
//! Stricter than AWS, because any device with the claim certificate chooses its parameters: a parameter that goes into a policy
//! document may only have the characters of names.
//!
//! This module does not know the registry: whether a thing, group or policy exists, and who may provision, is the
//! caller's to find out. It makes nothing.

mod body;
mod error;
mod plan;
mod value;

pub use body::Template;
pub use error::TemplateError;
pub use plan::{CertificateStatus, Override, Overrides, PolicyRef, ProvisioningPlan};

#[cfg(test)]
mod tests;
