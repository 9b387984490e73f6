//! The rules of the channel table, from the embedded IoT Core into the hub's queues, and the pre-provisioning hook.

use super::system::System;
use async_trait::async_trait;
use marvain_domain::Timestamp;
use marvain_hub::{
    Hub,
    people::{EnrolmentRequest, RequestError, Secret},
    port::Delivery,
};
use marvain_iotcore::{
    HookDecision, HookError, HookRequest, ProvisioningHook, Rule, RuleError, RuleMessage, RuleTarget,
    topic::{TopicError, TopicFilter},
};
use marvain_local::SqliteQueues;
use marvain_topics::{
    Queue, RULES,
    table::{PARAMETER_CODE, PARAMETER_SERIAL},
};
use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock, Weak},
};

/// Forwards what a rule takes to its queue; done when it is durable there.
struct IntoQueue {
    queue: Queue,
    queues: Arc<SqliteQueues>,
}

#[async_trait]
impl RuleTarget for IntoQueue {
    async fn deliver(&self, message: RuleMessage) -> Result<(), RuleError> {
        let principal = message.principal.map(|id| id.to_string());
        let received_at = Timestamp::from_ms(message.received_at_ms);
        let topic = message.topic.as_str();
        let delivery =
            Delivery::from_rule(self.queue, topic, principal.as_deref(), received_at, message.payload.to_vec());
        self.queues.enqueue(delivery, None).await.map(|_| ()).map_err(|e| RuleError(Box::new(e)))
    }
}

/// All rules.
pub(crate) fn rules(queues: &Arc<SqliteQueues>) -> Result<Vec<Rule>, TopicError> {
    let rule = |rule: &marvain_topics::Rule| {
        Ok(Rule {
            name: rule.name.to_owned(),
            filter: Some(TopicFilter::parse(rule.filter)?),
            target: Arc::new(IntoQueue { queue: rule.queue, queues: queues.clone() }),
            // AWS acknowledges before its rules run, so what fails there is lost without `RULE_ERRORS_QUEUE`. Here it is not
            // acknowledged, and the satellite keeps it and sends it again; a queue of errors would be in the same file as
            // the one that failed.
            error: None,
        })
    };
    RULES.iter().map(rule).collect()
}

/// Puts enrolments to the hub, once there is one: the hub needs the IoT Core, and the IoT Core its hook.
pub(crate) struct EnrolmentHook {
    /// Weak, because the hub holds the IoT Core, which holds this.
    pub(crate) hub: Arc<OnceLock<Weak<Hub>>>,
    pub(crate) system: System,
}

#[async_trait]
impl ProvisioningHook for EnrolmentHook {
    async fn decide(&self, request: HookRequest) -> Result<HookDecision, HookError> {
        let hub = self.hub.get().and_then(Weak::upgrade).ok_or_else(|| HookError("the hub is not running".into()))?;
        let parameter = |name: &str| request.parameters.get(name).cloned().unwrap_or_default();
        let enrolment = EnrolmentRequest {
            serial: parameter(PARAMETER_SERIAL),
            code: Secret::presented(&parameter(PARAMETER_CODE)),
            certificate_id: request.certificate_id.to_string(),
            claim_certificate_id: request.claim_certificate_id.to_string(),
        };
        let allow = match hub.enrol(&enrolment, self.system.now()).await {
            Ok(_) => true,
            Err(RequestError::Conflict(_) | RequestError::Invalid(_)) => false,
            Err(error) => return Err(HookError(Box::new(error))),
        };
        Ok(HookDecision { allow, parameter_overrides: BTreeMap::new() })
    }
}
