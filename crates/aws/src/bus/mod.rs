//! The bus on SQS and AWS IoT: hops through queues, desired state in named shadows, revocations.
//!
//! | file | subject |
//! |---|---|
//! | `envelope` | a delivery as a message of a queue |
//! | `shadow` | the desired state of a named shadow |
//! | `revoke` | a certificate that is trusted no more |
//! | `trace` | the trace that a message belongs to |
//!
//! The queues are standard ones: a message comes at least once, now and then twice, and in any order. FIFO queues would cost a
//! fifth more and be bounded in messages a second, IoT rules cannot fill them, and they would order nothing that is not ordered
//! already: a step gathers what the ledger says now, commits against the versions that it has seen, and once per delivery id,
//! whenever and however often the message comes. It does not know what a delivery is about.

pub mod envelope;
mod revoke;
mod shadow;
mod trace;

pub use shadow::{SHADOW_BYTES_MAX, ShadowTooLarge};
pub use trace::{trace, traced};

use async_trait::async_trait;
use aws_sdk_sqs::types::{MessageSystemAttributeNameForSends, MessageSystemAttributeValue};
use marvain_domain::id::SatelliteId;
use marvain_hub::port::{Bus, BusError, Cause, Delivery};
use marvain_topics::{Queue, ShadowName};
use serde_json::Value;
use std::collections::BTreeMap;

/// The way out, by the services of one account and region.
#[derive(Clone, Debug)]
pub struct AwsBus {
    sqs: aws_sdk_sqs::Client,
    iot: aws_sdk_iot::Client,
    iot_data: aws_sdk_iotdataplane::Client,
    queues: BTreeMap<Queue, String>,
}

/// A queue that no URL is known of.
#[derive(Debug, thiserror::Error)]
#[error("the URL of queue `{0}` is not in the settings")]
pub struct NoQueue(pub String);

impl AwsBus {
    /// A bus that puts hops into these queues, by their URLs. The client of the IoT data plane has the account's endpoint
    /// (`iot:Data-ATS`) as its endpoint.
    pub fn new(
        sqs: aws_sdk_sqs::Client,
        iot: aws_sdk_iot::Client,
        iot_data: aws_sdk_iotdataplane::Client,
        queues: BTreeMap<Queue, String>,
    ) -> Self {
        Self { sqs, iot, iot_data, queues }
    }

    async fn send(&self, delivery: &Delivery) -> Result<(), Cause> {
        let url = self.queues.get(&delivery.queue).ok_or_else(|| NoQueue(delivery.queue.name().to_owned()))?;
        let mut request = self.sqs.send_message().queue_url(url).message_body(envelope::encode(delivery)?);
        if let Some(value) = trace_attribute(trace())? {
            request = request.message_system_attributes(MessageSystemAttributeNameForSends::AwsTraceHeader, value);
        }
        request.send().await?;
        Ok(())
    }
}

/// A trace's header as a system attribute of a message.
pub(crate) fn trace_attribute(header: Option<String>) -> Result<Option<MessageSystemAttributeValue>, Cause> {
    let value =
        header.map(|header| MessageSystemAttributeValue::builder().data_type("String").string_value(header).build());
    Ok(value.transpose()?)
}

#[async_trait]
impl Bus for AwsBus {
    async fn enqueue(&self, delivery: Delivery) -> Result<(), BusError> {
        let sent = self.send(&delivery).await;
        sent.map_err(|source| BusError { what: format!("a delivery to `{}`", delivery.queue.name()), source })
    }

    async fn shadow(&self, satellite: &SatelliteId, name: ShadowName, desired: &Value) -> Result<(), BusError> {
        let merged = shadow::merge(&self.iot_data, satellite, name, desired).await;
        merged.map_err(|source| BusError { what: format!("shadow `{}` of `{satellite}`", name.as_str()), source })
    }

    async fn revoke(&self, certificate_id: &str) -> Result<(), BusError> {
        let revoked = revoke::revoke(&self.iot, &self.iot_data, certificate_id).await;
        revoked.map_err(|source| BusError { what: format!("revocation of certificate {certificate_id}"), source })
    }
}
