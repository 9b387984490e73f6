//! What the agent can do, and the job that a command's arguments make of it. It does not do it.

use super::template::{self, Template};
use marvain_domain::{
    Timestamp,
    capability::{ArgSpec, Capability, CapabilityKind, CapabilityName},
    id::SatelliteId,
};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Longest text to say or notify, in bytes.
const TEXT_BYTES_MAX: usize = 512;

/// One thing to be done now.
#[derive(Clone, PartialEq, Debug)]
pub enum Job {
    /// Run a program, without a shell.
    Run {
        /// Program and arguments.
        argv: Vec<String>,
        /// How long it may take, in seconds.
        timeout_s: u64,
    },
    /// Write a line to standard output.
    Print {
        /// The line.
        line: String,
        /// What the result is, besides.
        result: Value,
    },
    /// Nothing but an answer.
    Answer {
        /// The result.
        result: Value,
    },
}

#[derive(Clone, PartialEq, Debug)]
enum Body {
    Command { argv: Vec<Template>, timeout_s: u64 },
    Print { prefix: &'static str },
    Ping,
    Identify,
}

/// A capability and how it is carried out.
#[derive(Clone, PartialEq, Debug)]
pub struct Actuator {
    capability: Capability,
    body: Body,
}

fn builtin(
    name: CapabilityName,
    description: &str,
    fallback: &str,
    args: BTreeMap<String, ArgSpec>,
    body: Body,
) -> Actuator {
    let description = if description.is_empty() { fallback } else { description }.to_owned();
    Actuator { capability: Capability { name, kind: CapabilityKind::Builtin, description, args }, body }
}

fn text_arg() -> BTreeMap<String, ArgSpec> {
    let text = ArgSpec::Text { one_of: Vec::new(), max_bytes: TEXT_BYTES_MAX, optional: false };
    BTreeMap::from([("text".to_owned(), text)])
}

fn spoken(argv: Option<Vec<String>>, timeout_s: u64, prefix: &'static str) -> Body {
    match argv {
        Some(argv) => Body::Command { argv: argv.iter().map(|text| Template::parse(text)).collect(), timeout_s },
        None => Body::Print { prefix },
    }
}

impl Actuator {
    /// Says `text`: through the program `argv` if there is one, else on standard output.
    pub(super) fn say(name: CapabilityName, description: &str, argv: Option<Vec<String>>, timeout_s: u64) -> Self {
        builtin(name, description, "says a text", text_arg(), spoken(argv, timeout_s, ""))
    }

    /// Shows `text`: through the program `argv` if there is one, else on standard output.
    pub(super) fn notify(name: CapabilityName, description: &str, argv: Option<Vec<String>>, timeout_s: u64) -> Self {
        builtin(name, description, "shows a text", text_arg(), spoken(argv, timeout_s, "notice: "))
    }

    /// Answers.
    pub(super) fn ping(name: CapabilityName, description: &str) -> Self {
        builtin(name, description, "answers", BTreeMap::new(), Body::Ping)
    }

    /// Shows who it is.
    pub(super) fn identify(name: CapabilityName, description: &str) -> Self {
        builtin(name, description, "shows which satellite it is", BTreeMap::new(), Body::Identify)
    }

    /// Runs a program. `capability` has been checked, and declares every name that `argv` has in braces.
    pub(super) fn command(capability: Capability, argv: &[String], timeout_s: u64) -> Self {
        let argv = argv.iter().map(|text| Template::parse(text)).collect();
        Self { capability, body: Body::Command { argv, timeout_s } }
    }

    /// Name and arguments, as the hub sees them.
    pub const fn capability(&self) -> &Capability {
        &self.capability
    }

    /// What to do for `args` at `now`, or why they are refused.
    pub fn job(&self, args: &Map<String, Value>, thing: &SatelliteId, now: Timestamp) -> Result<Job, String> {
        self.capability.check_args(args).map_err(|e| e.to_string())?;
        let text = || args.get("text").and_then(Value::as_str).unwrap_or_default();
        Ok(match &self.body {
            Body::Command { argv, timeout_s } => {
                Job::Run { argv: template::render(argv, args)?, timeout_s: *timeout_s }
            }
            Body::Print { prefix } => Job::Print { line: format!("{prefix}{}", text()), result: json!({}) },
            Body::Ping => Job::Answer { result: json!({ "at": now, "software": crate::SOFTWARE }) },
            Body::Identify => Job::Print {
                line: format!("*** this is satellite {thing} ***"),
                result: json!({ "thing": thing, "software": crate::SOFTWARE }),
            },
        })
    }
}
