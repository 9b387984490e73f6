//! What this crate asks of its surroundings: time, randomness, the pre-provisioning hook and the targets of rules.
//! It knows nothing of who implements them.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use crate::ids::CertificateId;
use crate::properties::MessageProperties;
use crate::topic::{TopicFilter, TopicName};

/// Wall-clock time.
pub trait Clock: Send + Sync {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    fn now_ms(&self) -> u64;
}

/// Cryptographically secure randomness, for ownership tokens, serial numbers and session identifiers.
pub trait Entropy: Send + Sync {
    /// Fills all of `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}

/// Why something outside this crate could not do its part; printed in the log, never sent to a client.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Asks whether a device may be provisioned. Developer Guide, "Pre-provisioning hooks".
#[async_trait]
pub trait ProvisioningHook: Send + Sync {
    /// Decides before anything is created; an error rejects the request.
    async fn decide(&self, request: HookRequest) -> Result<HookDecision, HookError>;
}

/// What the pre-provisioning hook is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookRequest {
    /// The provisioning template.
    pub template: String,
    /// The certificate that the device wants to own.
    pub certificate_id: CertificateId,
    /// The claim certificate by which the device is connected.
    pub claim_certificate_id: CertificateId,
    /// The device's MQTT client id.
    pub client_id: Arc<str>,
    /// The parameters the device sent.
    pub parameters: BTreeMap<String, String>,
}

/// The pre-provisioning hook's answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HookDecision {
    /// Whether the device may be provisioned.
    pub allow: bool,
    /// Parameters that replace or add to the device's.
    pub parameter_overrides: BTreeMap<String, String>,
}

/// The hook could not decide.
#[derive(Debug, thiserror::Error)]
#[error("the pre-provisioning hook failed")]
pub struct HookError(#[source] pub BoxError);

/// Where a rule delivers. Developer Guide, "Rules for AWS IoT".
#[async_trait]
pub trait RuleTarget: Send + Sync {
    /// Returns once the message is durable at the target. It may be called again for a message it already has (the
    /// publisher saw no PUBACK, or this process was killed), and must accept calls while others are under way.
    async fn deliver(&self, message: RuleMessage) -> Result<(), RuleError>;

    /// What it writes to, as the rule's error action is told: the name of a queue, for example.
    fn resource(&self) -> &str {
        ""
    }
}

/// One message, as a rule hands it over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleMessage {
    /// The rule's name.
    pub rule: Arc<str>,
    /// The topic it was published to, without the `$aws/rules/{rule}/` of Basic Ingest.
    pub topic: TopicName,
    /// The certificate of the client it came from or is about; `None` for what this process published itself.
    pub principal: Option<CertificateId>,
    /// The MQTT client it came from or is about.
    pub client_id: Option<Arc<str>>,
    /// When it was received, in milliseconds since 1970.
    pub received_at_ms: u64,
    /// The payload as it was sent.
    pub payload: Bytes,
    /// What it says about itself.
    pub properties: MessageProperties,
}

/// The target did not make the message durable. The rule's error action is told why.
#[derive(Debug, thiserror::Error)]
#[error("the target of a rule failed")]
pub struct RuleError(#[source] pub BoxError);

/// A subscription of the broker itself: every matching message goes to `target` before its PUBACK leaves.
#[derive(Clone)]
pub struct Rule {
    /// Unique among the rules. Basic Ingest, `$aws/rules/{name}/…`, goes by it.
    pub name: String,
    /// Which topics it takes; without one, Basic Ingest alone.
    pub filter: Option<TopicFilter>,
    /// Where it delivers.
    pub target: Arc<dyn RuleTarget>,
    /// The error action: where it says what the target has refused and why, in AWS's JSON. A publish that either of them
    /// has is acknowledged; without an error action a publish that the target refuses is not, and its client repeats it.
    /// Developer Guide, "Error handling (error action)".
    pub error: Option<Arc<dyn RuleTarget>>,
}

impl std::fmt::Debug for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rule").field("name", &self.name).field("filter", &self.filter).finish_non_exhaustive()
    }
}
