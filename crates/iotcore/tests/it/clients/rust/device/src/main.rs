//! The crate `aws-iot-device-sdk-rust` as a device: publish, subscribe, a session that waits, what policy refuses.
//!
//! The test writes one JSON object to standard input: endpoint, port, client_id, and the paths of root, certificate and key.

use std::error::Error;
use std::time::Duration;

use aws_iot_device_sdk_rust::settings::MQTTOptionsOverrides;
use aws_iot_device_sdk_rust::{
    AWSIoTAsyncClient, AWSIoTError, AWSIoTSettings, Packet, Publish, QoS, async_event_loop_listener,
};
use serde_json::Value;
use tokio::sync::broadcast::Receiver;
use tokio::task::JoinHandle;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);

type Fallible<T> = Result<T, Box<dyn Error>>;

/// The device as the test describes it.
struct Device(Value);

impl Device {
    fn read() -> Fallible<Self> {
        Ok(Self(serde_json::from_reader(std::io::stdin())?))
    }

    fn text(&self, member: &str) -> Fallible<String> {
        Ok(self.0[member].as_str().ok_or_else(|| format!("no `{member}`"))?.to_owned())
    }

    fn port(&self) -> Fallible<u16> {
        Ok(self.0["port"].as_u64().ok_or("no `port`")?.try_into()?)
    }
}

/// A connection after its CONNACK.
struct Connection {
    client: AWSIoTAsyncClient,
    packets: Receiver<Packet>,
    listening: JoinHandle<Result<(), AWSIoTError>>,
    session_present: bool,
}

impl Connection {
    async fn open(device: &Device, client_id: &str, clean_session: bool) -> Fallible<Self> {
        let overrides = MQTTOptionsOverrides {
            port: Some(device.port()?),
            clean_session: Some(clean_session),
            keep_alive: Some(Duration::from_secs(30)),
            ..MQTTOptionsOverrides::default()
        };
        let settings = AWSIoTSettings::new(
            client_id.to_owned(),
            device.text("root")?,
            device.text("certificate")?,
            device.text("key")?,
            device.text("endpoint")?,
            Some(overrides),
        );
        let (client, events) = AWSIoTAsyncClient::new(settings).await?;
        let packets = client.get_receiver().await;
        let listening = tokio::spawn(async_event_loop_listener(events));
        let mut connection = Self { client, packets, listening, session_present: false };
        connection.session_present = loop {
            if let Packet::ConnAck(connack) = connection.next().await? {
                break connack.session_present;
            }
        };
        Ok(connection)
    }

    async fn next(&mut self) -> Fallible<Packet> {
        Ok(timeout(PATIENCE, self.packets.recv()).await??)
    }

    /// Whether the subscription is granted.
    async fn subscribe(&mut self, filter: &str) -> Fallible<bool> {
        self.client.subscribe(filter, QoS::AtLeastOnce).await?;
        loop {
            if let Packet::SubAck(suback) = self.next().await? {
                // The codes' type is not the SDK's to name; a failure of MQTT 3.1.1 is the only one without a QoS.
                return Ok(format!("{:?}", suback.return_codes) == "[Success(AtLeastOnce)]");
            }
        }
    }

    /// Publishes with QoS 1, waits for the PUBACK, and gives what has come before it.
    async fn publish(&mut self, topic: &str, payload: &str) -> Fallible<Vec<Publish>> {
        self.client.publish(topic, QoS::AtLeastOnce, payload).await?;
        let mut early = Vec::new();
        loop {
            match self.next().await? {
                Packet::PubAck(_) => return Ok(early),
                Packet::Publish(publish) => early.push(publish),
                _ => {}
            }
        }
    }

    async fn receive(&mut self) -> Fallible<Publish> {
        loop {
            if let Packet::Publish(publish) = self.next().await? {
                return Ok(publish);
            }
        }
    }

    async fn close(self) -> Fallible<()> {
        self.client.get_client().await.disconnect().await?;
        // The SDK has no other word for the end of a connection than an error.
        timeout(PATIENCE, self.listening).await??.expect_err("it was to end");
        Ok(())
    }
}

async fn comes_back_to_its_sender(device: &Device, me: &str) -> Fallible<()> {
    let mut connection = Connection::open(device, me, true).await?;
    assert!(!connection.session_present);
    assert!(connection.subscribe(&format!("dt/{me}/+")).await?);
    assert!(!connection.subscribe("dt/other/a").await?, "no policy allows it");
    let topic = format!("dt/{me}/a");
    for payload in ["first", "second"] {
        let mut early = connection.publish(&topic, payload).await?;
        let publish = match early.pop() {
            Some(publish) => publish,
            None => connection.receive().await?,
        };
        assert!(early.is_empty(), "{early:?}");
        assert_eq!((publish.topic.as_str(), &publish.payload[..]), (topic.as_str(), payload.as_bytes()));
        assert_eq!(publish.qos, QoS::AtLeastOnce);
    }
    connection.close().await
}

async fn gets_what_it_missed(device: &Device, me: &str) -> Fallible<()> {
    let mut waiting = Connection::open(device, me, false).await?;
    assert!(!waiting.session_present);
    let topic = format!("dt/{me}/later");
    assert!(waiting.subscribe(&topic).await?);
    waiting.close().await?;
    let mut sender = Connection::open(device, &format!("{me}-sender"), true).await?;
    for payload in ["1", "2", "3"] {
        sender.publish(&topic, payload).await?;
    }
    sender.close().await?;
    let mut waiting = Connection::open(device, me, false).await?;
    assert!(waiting.session_present);
    for payload in ["1", "2", "3"] {
        assert_eq!(waiting.receive().await?.payload, payload.as_bytes());
    }
    waiting.close().await
}

/// A thing's shadow, by its topics: the SDK has no client for it.
async fn keeps_its_shadow(device: &Device, me: &str) -> Fallible<()> {
    let mut connection = Connection::open(device, me, true).await?;
    let topic = format!("$aws/things/{me}/shadow/update");
    assert!(connection.subscribe(&format!("{topic}/accepted")).await?);
    let mut early = connection.publish(&topic, r#"{"state": {"reported": {"lamp": "on"}}}"#).await?;
    let accepted = match early.pop() {
        Some(accepted) => accepted,
        None => connection.receive().await?,
    };
    let accepted: Value = serde_json::from_slice(&accepted.payload)?;
    assert_eq!(accepted["state"]["reported"]["lamp"], "on", "{accepted}");
    connection.close().await
}

#[tokio::main]
async fn main() -> Fallible<()> {
    let device = Device::read()?;
    let me = device.text("client_id")?;
    comes_back_to_its_sender(&device, &me).await?;
    gets_what_it_missed(&device, &me).await?;
    keeps_its_shadow(&device, &me).await
}
