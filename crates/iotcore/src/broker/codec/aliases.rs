//! Topic aliases of a client. MQTT 5.0 section 3.3.2.3.4.

use super::packet::Broken;
use super::reason::Reason;
use crate::limits::TOPIC_ALIASES_MAX;
use crate::topic::TopicName;

/// What the client's aliases stand for; empty until it sets one.
#[derive(Debug, Default)]
pub(super) struct Aliases(Vec<Option<TopicName>>);

impl Aliases {
    /// Makes `alias` stand for `topic`; for nothing, if its topic is not valid.
    pub(super) fn set(&mut self, alias: u16, topic: Option<&TopicName>) -> Result<(), Broken> {
        if !(1..=TOPIC_ALIASES_MAX).contains(&alias) {
            return Err(invalid(alias));
        }
        if self.0.is_empty() {
            self.0.resize(usize::from(TOPIC_ALIASES_MAX) + 1, None);
        }
        if let Some(slot) = self.0.get_mut(usize::from(alias)) {
            *slot = topic.cloned();
        }
        Ok(())
    }

    pub(super) fn resolve(&self, alias: u16) -> Result<TopicName, Broken> {
        self.0.get(usize::from(alias)).cloned().flatten().ok_or_else(|| match alias {
            1..=TOPIC_ALIASES_MAX => Broken::protocol(format!("topic alias {alias} stands for nothing")),
            _ => invalid(alias),
        })
    }
}

fn invalid(alias: u16) -> Broken {
    Broken::new(Reason::TopicAliasInvalid, format!("topic alias {alias}: 1 to {TOPIC_ALIASES_MAX} are allowed"))
}
