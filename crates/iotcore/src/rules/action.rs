//! A rule's action and its error action. Developer Guide, "Error handling (error action)".
//!
//! It does not know why a message comes, nor how often a target that refuses is asked again.

use std::error::Error;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use sha2::{Digest, Sha256};
use tokio::time::timeout;

use crate::limits::{RULE_ERROR_BYTES_MAX, RULE_TARGET_TIMEOUT};
use crate::ports::{RuleError, RuleMessage, RuleTarget};

/// The name of what has failed: AWS has one for each kind of action, and here there is one kind.
const FAILED_ACTION: &str = "RuleTargetAction";

/// Where a rule delivers, and where it says that it could not.
#[derive(Clone)]
pub(super) struct Action {
    target: Arc<dyn RuleTarget>,
    error: Option<Arc<dyn RuleTarget>>,
}

/// What the error action is given.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    rule_name: &'a str,
    topic: &'a str,
    cloudwatch_trace_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<&'a str>,
    base64_original_payload: String,
    failures: [Failure<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Failure<'a> {
    failed_action: &'static str,
    failed_resource: &'a str,
    error_message: String,
}

impl Action {
    pub(super) fn new(target: Arc<dyn RuleTarget>, error: Option<Arc<dyn RuleTarget>>) -> Self {
        Self { target, error }
    }

    /// Whether the target, or else the error action, has the message.
    pub(super) async fn carry_out(self, message: RuleMessage) -> Result<(), RuleError> {
        match self.deliver(message.clone()).await {
            Ok(()) => Ok(()),
            Err(refused) => self.report(&message, refused).await,
        }
    }

    /// Whether the target has the message.
    pub(super) async fn deliver(&self, message: RuleMessage) -> Result<(), RuleError> {
        in_time(self.target.deliver(message)).await
    }

    /// Gives the error action what the target has refused; says why it was refused if nobody has it then.
    pub(super) async fn report(&self, message: &RuleMessage, refused: RuleError) -> Result<(), RuleError> {
        let Some(error_action) = &self.error else { return Err(refused) };
        let payload = match serde_json::to_vec(&report(message, self.target.resource(), &refused)) {
            Ok(payload) => payload,
            Err(error) => return Err(RuleError(error.into())),
        };
        let reported = in_time(error_action.deliver(RuleMessage { payload: payload.into(), ..message.clone() })).await;
        let (rule, error) = (&*message.rule, &refused as &dyn Error);
        match reported {
            Ok(()) => {
                tracing::warn!(rule, error, "the target of a rule refuses: its error action has the message");
                Ok(())
            }
            Err(failed) => {
                tracing::error!(rule, error = &failed as &dyn Error, "the error action of a rule fails, too");
                Err(refused)
            }
        }
    }
}

/// Who does not answer in time has refused: it may have the message all the same, and gets it again.
async fn in_time(delivery: impl Future<Output = Result<(), RuleError>>) -> Result<(), RuleError> {
    match timeout(RULE_TARGET_TIMEOUT, delivery).await {
        Ok(delivered) => delivered,
        Err(_) => Err(RuleError(format!("it did not answer within {RULE_TARGET_TIMEOUT:?}").into())),
    }
}

fn report<'a>(message: &'a RuleMessage, resource: &'a str, refused: &RuleError) -> Report<'a> {
    Report {
        rule_name: &message.rule,
        topic: message.topic.as_str(),
        cloudwatch_trace_id: trace_id(message),
        client_id: message.client_id.as_deref(),
        base64_original_payload: STANDARD.encode(&message.payload),
        failures: [Failure {
            failed_action: FAILED_ACTION,
            failed_resource: resource,
            error_message: error_message(refused),
        }],
    }
}

/// In the form of AWS's, and the same for the same message, so that a repetition is known. There is no such log here.
fn trace_id(message: &RuleMessage) -> String {
    let principal = message.principal.map(|id| id.to_string()).unwrap_or_default();
    let client_id = message.client_id.as_deref().unwrap_or_default();
    let mut hash = Sha256::new();
    for part in [&*message.rule, message.topic.as_str(), &principal, client_id] {
        hash.update(part);
        hash.update([0]);
    }
    hash.update(&message.payload);
    let mut id = hex::encode(hash.finalize());
    id.truncate(32);
    for dash_at in [20, 16, 12, 8] {
        id.insert(dash_at, '-');
    }
    id
}

/// The error and its causes.
fn error_message(refused: &RuleError) -> String {
    let mut message = refused.to_string();
    let mut source = refused.source();
    while let Some(cause) = source {
        message.push_str(": ");
        message.push_str(&cause.to_string());
        source = cause.source();
    }
    message.truncate(message.floor_char_boundary(RULE_ERROR_BYTES_MAX));
    message
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::properties::MessageProperties;
    use crate::topic::TopicName;

    fn message(payload: &'static [u8]) -> RuleMessage {
        RuleMessage {
            rule: "TestAction".into(),
            topic: TopicName::parse("testme/action").unwrap(),
            principal: None,
            client_id: Some("iotconsole".into()),
            received_at_ms: 0,
            payload: Bytes::from_static(payload),
            properties: MessageProperties::default(),
        }
    }

    #[test]
    fn the_report_has_the_fields_of_aws() {
        let refused = RuleError("no such bucket".into());
        let mut report = serde_json::to_value(report(&message(b"\x00hello"), "a-bucket", &refused)).unwrap();
        let trace_id = report["cloudwatchTraceId"].take();
        let dashes: Vec<_> = trace_id.as_str().unwrap().match_indices('-').map(|(at, _)| at).collect();
        assert_eq!((trace_id.as_str().unwrap().len(), dashes), (36, vec![8, 13, 18, 23]));
        assert_eq!(
            report,
            serde_json::json!({
                "ruleName": "TestAction",
                "topic": "testme/action",
                "cloudwatchTraceId": null,
                "clientId": "iotconsole",
                "base64OriginalPayload": "AGhlbGxv",
                "failures": [{
                    "failedAction": "RuleTargetAction",
                    "failedResource": "a-bucket",
                    "errorMessage": "the target of a rule failed: no such bucket",
                }],
            })
        );
    }

    #[test]
    fn a_repetition_has_the_same_trace_and_another_message_another() {
        let later = RuleMessage { received_at_ms: 1, ..message(b"1") };
        assert_eq!(trace_id(&message(b"1")), trace_id(&later));
        assert_ne!(trace_id(&message(b"1")), trace_id(&message(b"2")));
    }

    struct Hung;

    #[async_trait::async_trait]
    impl RuleTarget for Hung {
        async fn deliver(&self, _: RuleMessage) -> Result<(), RuleError> {
            std::future::pending().await
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_target_that_never_answers_has_refused() {
        let action = Action::new(Arc::new(Hung), None);
        let refused = action.carry_out(message(b"1")).await.unwrap_err();
        assert_eq!(error_message(&refused), "the target of a rule failed: it did not answer within 30s");
    }

    #[test]
    fn an_error_that_says_too_much_is_cut() {
        let said = error_message(&RuleError("ä".repeat(RULE_ERROR_BYTES_MAX).into()));
        assert!((RULE_ERROR_BYTES_MAX - 1..=RULE_ERROR_BYTES_MAX).contains(&said.len()), "{}", said.len());
    }
}
