//! What the hub can do to its own records, offered to planners like any satellite's capability.

use crate::{
    capability::{ArgSpec, Capability, CapabilityKind},
    reminder::REMINDER_BYTES_MAX,
};

/// Forgets one memory. Argument: `memory`, its id.
pub const MEMORY_FORGET: &str = "memory.forget";
/// Sets a reminder. Arguments: `text`, `due` (RFC 3339), `satellite`.
pub const REMINDER_SET: &str = "reminder.set";

/// The hub's own capabilities.
pub fn hub_tools() -> Vec<Capability> {
    let text = |max_bytes| ArgSpec::Text { one_of: Vec::new(), max_bytes, optional: false };
    let tool = |name: &str, description: &str, args: &[(&str, usize)]| {
        Some(Capability {
            name: name.parse().ok()?,
            kind: CapabilityKind::Hub,
            description: description.to_owned(),
            args: args.iter().map(|(name, max_bytes)| ((*name).to_owned(), text(*max_bytes))).collect(),
        })
    };
    [
        tool(MEMORY_FORGET, "forget one memory for good, by its id", &[("memory", 40)]),
        tool(
            REMINDER_SET,
            "say a text through a satellite at an RFC 3339 time",
            &[("text", REMINDER_BYTES_MAX), ("due", 40), ("satellite", crate::id::NAME_BYTES_MAX)],
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_has_a_valid_name() {
        let names: Vec<_> = hub_tools().into_iter().map(|tool| tool.name.to_string()).collect();
        assert_eq!(names, [MEMORY_FORGET, REMINDER_SET]);
    }
}
