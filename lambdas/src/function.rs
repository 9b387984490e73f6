//! Which functions there are. A function's name is its handler, and the metric dimension `function`.

use marvain_topics::Queue;

/// The handler names no function.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the handler `{0}` is no function: it has to be one of {names}", names = Function::ALL.map(Function::name).join(", "))]
pub struct NoFunction(String);

/// A function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Function {
    /// Records what satellites notice.
    Observe,
    /// Has recall follow memories.
    Memory,
    /// Plans.
    Planner,
    /// Judges and dispatches actions.
    Policy,
    /// Closes actions.
    Settle,
    /// Who is connected.
    Presence,
    /// Readings.
    Telemetry,
    /// Tells people on their devices what waits for them.
    Notify,
    /// Seals the audit log; the only one that does, so it runs once at a time.
    Audit,
    /// What time brings about.
    Tick,
    /// Asked by AWS IoT whether a device may become a satellite.
    ProvisioningHook,
    /// The JSON API.
    Api,
}

impl Function {
    /// All functions.
    pub const ALL: [Self; 12] = [
        Self::Observe,
        Self::Memory,
        Self::Planner,
        Self::Policy,
        Self::Settle,
        Self::Presence,
        Self::Telemetry,
        Self::Notify,
        Self::Audit,
        Self::Tick,
        Self::ProvisioningHook,
        Self::Api,
    ];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Memory => "memory",
            Self::Planner => "planner",
            Self::Policy => "policy",
            Self::Settle => "settle",
            Self::Presence => "presence",
            Self::Telemetry => "telemetry",
            Self::Notify => "notify",
            Self::Audit => "audit",
            Self::Tick => "tick",
            Self::ProvisioningHook => "provisioning-hook",
            Self::Api => "api",
        }
    }

    /// The function of that name.
    ///
    /// # Errors
    /// [`NoFunction`].
    pub fn from_name(name: &str) -> Result<Self, NoFunction> {
        Self::ALL.into_iter().find(|function| function.name() == name).ok_or_else(|| NoFunction(name.to_owned()))
    }

    /// The queues that it takes deliveries from.
    pub const fn queues(self) -> &'static [Queue] {
        match self {
            Self::Observe => &[Queue::Observe],
            Self::Memory => &[Queue::Memory],
            Self::Planner => &[Queue::Plan],
            Self::Policy => &[Queue::Judge, Queue::Dispatch],
            Self::Settle => &[Queue::Settle],
            Self::Presence => &[Queue::Presence],
            Self::Telemetry => &[Queue::Telemetry],
            Self::Notify => &[Queue::Notify],
            Self::Audit | Self::Tick | Self::ProvisioningHook | Self::Api => &[],
        }
    }

    /// Does it ask a language model, or have something embedded?
    pub const fn asks_a_model(self) -> bool {
        matches!(self, Self::Memory | Self::Planner | Self::Tick | Self::Api)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_queue_has_one_function() {
        for queue in Queue::ALL {
            let takers: Vec<_> = Function::ALL.into_iter().filter(|each| each.queues().contains(&queue)).collect();
            assert_eq!(takers.len(), 1, "{}: {takers:?}", queue.name());
        }
    }

    #[test]
    fn a_handler_names_one_function() {
        for function in Function::ALL {
            assert_eq!(Function::from_name(function.name()), Ok(function));
        }
        let unknown = Function::from_name("bootstrap").unwrap_err().to_string();
        assert!(unknown.contains("`bootstrap`") && unknown.contains("observe, memory"), "{unknown}");
    }
}
