//! `marvain satellite publish`: one message over MQTT, as the satellite whose bundle is given.
//!
//! It needs no hub to ask, only the broker. The broker knows one connection a name: a satellite that is connected under
//! it is disconnected, and comes back by itself.

use super::bundle::{CERTIFICATE, PRIVATE_KEY, ROOT_CA, connection};
use crate::{
    error::{CliError, Exit},
    globals::{Globals, now, shown},
    output::{Output, progress},
};
use clap::Args;
use marvain_domain::{event::EventBody, id::SatelliteId};
use marvain_topics::{
    CHANNELS, EventKind, Shape, Topic,
    channel::{BROKER_PAYLOAD_BYTES_MAX, Direction, Party},
    wire::{EventPayload, WIRE_VERSION},
};
use rumqttc::{
    AckMode, AsyncClient, ConnectionError, Event, MqttOptions, Outgoing, PublishOptions, QoS, TlsConfiguration,
    Transport,
};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use serde::Serialize;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// Longest that connecting and the broker's acknowledgement may take together, in seconds.
const TIMEOUT_S: u64 = 20;
/// Random bytes in an event's id.
const ID_BYTES: usize = 16;

/// Publish as a satellite.
#[derive(Args, Debug)]
pub(crate) struct Publish {
    /// Directory of the satellite's bundle, from `marvain satellite add`
    #[arg(long, value_name = "DIR")]
    identity: PathBuf,
    /// Channel: event/transcript, event/observation, event/suppressed, telemetry or report
    #[arg(required_unless_present = "text", requires = "payload", value_parser = channel)]
    channel: Option<Shape>,
    /// Payload, sent as it is
    payload: Option<String>,
    /// Say this: makes the payload of event/transcript
    #[arg(long, conflicts_with_all = ["channel", "payload"])]
    text: Option<String>,
}

/// That the broker has it.
#[derive(Serialize)]
struct Published {
    topic: String,
    bytes: usize,
}

/// What satellites send to the hub on topics of their own.
fn channels() -> impl Iterator<Item = (String, Shape)> {
    let sent = CHANNELS.iter().filter(|c| c.party == Party::Satellite && c.direction == Direction::Sends);
    let sent = sent.filter(|c| matches!(c.shape, Shape::Event(_) | Shape::Telemetry | Shape::Report));
    sent.map(|c| (c.name().to_string().replace('.', "/"), c.shape))
}

fn channel(text: &str) -> Result<Shape, String> {
    let known = || channels().map(|(name, _)| name).collect::<Vec<_>>().join(", ");
    let found = channels().find(|(name, _)| name == text);
    found.map(|(_, shape)| shape).ok_or_else(|| format!("use one of {}", known()))
}

pub(super) async fn run(publish: Publish, globals: &Globals) -> Result<(), CliError> {
    let dir = &publish.identity;
    let connection = connection(dir)?;
    let no_thing = || CliError::usage(format!("the bundle in `{}` is of a claim, not of a satellite", shown(dir)));
    let thing = connection.thing.clone().ok_or_else(no_thing)?;
    let (shape, payload) = match (publish.channel, publish.payload, publish.text) {
        (Some(shape), Some(payload), None) => (shape, payload),
        (_, _, Some(text)) => (Shape::Event(EventKind::Transcript), transcript(text)?),
        _ => return Err(CliError::usage("give a channel and a payload, or `--text`")),
    };
    let topic = shape.topic(thing.clone());
    let mut options = MqttOptions::new(thing.as_str(), (connection.endpoint.as_str(), connection.port));
    options
        // The satellite's own session, and what waits in it, is left alone.
        .set_clean_session(false)
        .set_ack_mode(AckMode::Manual)
        .set_max_packet_size(BROKER_PAYLOAD_BYTES_MAX, BROKER_PAYLOAD_BYTES_MAX)
        .set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(tls(dir)?)));
    let bytes = payload.len();
    let working = progress::spinner(globals, "publishing");
    let sent = tokio::time::timeout(Duration::from_secs(TIMEOUT_S), send(options, &topic, payload)).await;
    working.finish_and_clear();
    sent.map_err(|_| CliError::failure(format!("the broker has not acknowledged it in {TIMEOUT_S} s")))?
        .map_err(|error| explain(error, &thing))?;
    let published = Published { topic: topic.to_string(), bytes };
    Output::new(globals).show(&published, |p, _| format!("the broker has it: {} bytes on {}", p.bytes, p.topic))
}

/// A valid payload of event/transcript.
fn transcript(text: String) -> Result<String, CliError> {
    let mut random = [0; ID_BYTES];
    let drawn = rustls::crypto::aws_lc_rs::default_provider().secure_random.fill(&mut random);
    drawn.map_err(|_| CliError::failure("the system gives no random numbers"))?;
    let id = random.iter().map(|byte| format!("{byte:02x}")).collect();
    let payload = EventPayload { v: WIRE_VERSION, id, at: now(), body: EventBody::Transcript { text } };
    serde_json::to_string(&payload).map_err(|e| CliError::failure("the payload has no JSON form").because(e))
}

fn tls(dir: &Path) -> Result<Arc<ClientConfig>, CliError> {
    let bad = |name: &str| CliError::failure(format!("cannot use `{}`", shown(&dir.join(name))));
    let certificates = |name: &str| {
        let all = CertificateDer::pem_file_iter(dir.join(name)).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        all.map_err(|e| bad(name).because(e))
    };
    let mut roots = RootCertStore::empty();
    for root in certificates(ROOT_CA)? {
        roots.add(root).map_err(|e| bad(ROOT_CA).because(e))?;
    }
    let chain = certificates(CERTIFICATE)?;
    let key = PrivateKeyDer::from_pem_file(dir.join(PRIVATE_KEY)).map_err(|e| bad(PRIVATE_KEY).because(e))?;
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_root_certificates(roots).with_client_auth_cert(chain, key));
    config.map(Arc::new).map_err(|e| bad(CERTIFICATE).because(e))
}

/// Connects, publishes with QoS 1, waits for the PUBACK and says goodbye.
async fn send(options: MqttOptions, topic: &Topic, payload: String) -> Result<(), Failure> {
    let (client, mut eventloop) = AsyncClient::builder(options).capacity(4).build();
    let options = PublishOptions::new(QoS::AtLeastOnce);
    let acked = async {
        let notice = client.publish_tracked(topic.to_string(), payload, options).await.map_err(|_| Failure::Ended)?;
        notice.wait_completion_async().await.map_err(|_| Failure::Ended)
    };
    let driven = async {
        loop {
            if let Err(error) = eventloop.poll().await {
                return error;
            }
        }
    };
    tokio::select! {
        biased;
        error = driven => return Err(Failure::Connection(Box::new(error))),
        done = acked => done?,
    }
    // Without a goodbye the broker would call the connection lost. That it cannot be said changes nothing: the broker
    // has what it was sent.
    if client.disconnect().await.is_ok() {
        while !matches!(eventloop.poll().await, Err(_) | Ok(Event::Outgoing(Outgoing::Disconnect))) {}
    }
    Ok(())
}

/// Why the broker does not have it.
enum Failure {
    Connection(Box<ConnectionError>),
    Ended,
}

fn explain(failure: Failure, thing: &SatelliteId) -> CliError {
    match failure {
        Failure::Connection(error) => match *error {
            ConnectionError::ConnectionRefused(code) => {
                CliError::new(Exit::Refused, format!("the broker refuses `{thing}`: {code:?}"))
                    .hint("is the satellite revoked, or the bundle rotated?")
            }
            error => CliError::failure(format!("the connection of `{thing}` has failed"))
                .because(error)
                .hint("does the hub run, is the certificate active, and does the policy allow the topic?"),
        },
        Failure::Ended => CliError::failure(format!("the connection of `{thing}` ended before the PUBACK")),
    }
}
