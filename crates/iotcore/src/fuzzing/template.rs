//! Provisioning templates, and the plans that are made by them.

use std::collections::BTreeMap;

use super::{parts, rewritten};
use crate::policy::PolicyDocument;
use crate::template::{PolicyRef, Template};

/// The input is a template and a device's parameters, an object of strings. Whatever a device says about itself, a policy
/// that is made for it can be enforced.
pub fn template(input: &[u8]) {
    let parts = parts(input);
    let text = |at: usize| String::from_utf8_lossy(parts.get(at).copied().unwrap_or_default()).into_owned();
    let body = text(0);
    let Ok(understood) = Template::parse(&body) else { return };
    assert_eq!(rewritten(&body).and_then(|body| Template::parse(&body).ok()).as_ref(), Some(&understood));

    let parameters: BTreeMap<String, String> = serde_json::from_str(&text(1)).unwrap_or_default();
    let Ok(plan) = understood.plan(&parameters, "cafe") else { return };
    for policy in plan.policies {
        if let PolicyRef::Document(document) = policy {
            assert!(PolicyDocument::parse(&document).is_ok(), "{document}");
        }
    }
}
