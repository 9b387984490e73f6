//! The fleet provisioning template ("Provisioning templates", fleet provisioning).
//!
//! It trusts its parameters: that serial and code belong together is the pre-provisioning hook's to say, before.

use crate::table::{PARAMETER_CODE, PARAMETER_SERIAL, POLICY_SATELLITE};
use serde_json::{Value, json};

/// Largest template in bytes ("CreateProvisioningTemplate", `templateBody`).
pub const TEMPLATE_BYTES_MAX: usize = 10_240;

/// The template's body: the thing has the serial's name, and its certificate the satellites' policy.
pub fn template() -> Value {
    const CERTIFICATE: &str = "AWS::IoT::Certificate::Id";
    json!({
        "Parameters": {
            PARAMETER_SERIAL: {"Type": "String"},
            PARAMETER_CODE: {"Type": "String"},
            CERTIFICATE: {"Type": "String"},
        },
        "Resources": {
            "thing": {"Type": "AWS::IoT::Thing", "Properties": {"ThingName": {"Ref": PARAMETER_SERIAL}}},
            "certificate": {
                "Type": "AWS::IoT::Certificate",
                "Properties": {"CertificateId": {"Ref": CERTIFICATE}, "Status": "Active"},
            },
            "policy": {"Type": "AWS::IoT::Policy", "Properties": {"PolicyName": POLICY_SATELLITE}},
        },
    })
}
