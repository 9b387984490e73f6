//! Renderings: what AWS, the embedded broker's set-up and other people's tools need of the tables, as JSON values.
//!
//! Pure functions of the tables. `examples/render.rs` writes the files, a test says that the committed ones are fresh.
//! It knows no account and no region: see [`policy`].

pub mod asyncapi;
pub mod channels;
pub mod policy;
pub mod rules;
pub mod schema;
pub mod template;

use serde_json::Value;

/// Where the AsyncAPI document lies, from the crate's folder. It is written as YAML, everything else as JSON.
pub const ASYNCAPI_PATH: &str = "asyncapi.yaml";

/// All renderings, each with the path of its file from the crate's folder.
pub fn all() -> Vec<(&'static str, Value)> {
    vec![
        (ASYNCAPI_PATH, asyncapi::document()),
        ("rendered/channels.json", channels::channels()),
        ("rendered/claim-policy.json", policy::claim()),
        ("rendered/provisioning-template.json", template::template()),
        ("rendered/queues.json", rules::queues()),
        ("rendered/rules.json", rules::rules()),
        ("rendered/satellite-policy.json", policy::satellite()),
    ]
}
