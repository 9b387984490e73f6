//! mosquitto's command-line clients, in both versions of MQTT.

use super::Files;
use crate::common::{Client, Identity, PATIENCE, World};
use crate::peer5::{Peer, connect, publish, qos1};
use mqtt_protocol_core::mqtt::packet::Property;
use rumqttc::QoS;
use serde_json::Value;
use std::{process::Output, process::Stdio, time::Duration};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

/// By the names that `-V` has for them.
const VERSIONS: [&str; 2] = ["mqttv311", "mqttv5"];

/// The device `den`, and who sees what it has subscribed to.
struct Den {
    world: World,
    device: Identity,
    files: Files,
    watcher: Client,
}

impl Den {
    async fn start() -> Self {
        Self::with(super::DEVICE).await
    }

    async fn with(policy: &str) -> Self {
        let world = World::start().await;
        let device = world.device_with("den", policy).await;
        let watcher = world.device("watcher").await.connect().await;
        watcher.subscribe("$aws/events/subscriptions/subscribed/+", QoS::AtLeastOnce).await;
        let files = Files::of(&device);
        Self { world, device, files, watcher }
    }

    /// A client that is not started yet.
    fn client(&self, program: &str, id: &str, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(["-h", "localhost", "-p", &self.device.address.port().to_string(), "-i", id, "-q", "1"]);
        for (option, file) in [("--cafile", "root.pem"), ("--cert", "certificate.pem"), ("--key", "private.key")] {
            command.arg(option).arg(self.files.path(file));
        }
        command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }

    /// Runs a client to its end.
    async fn run(&self, program: &str, id: &str, args: &[&str]) -> Output {
        timeout(PATIENCE, self.client(program, id, args).output()).await.unwrap().unwrap()
    }

    /// Publishes as `den-pub`.
    async fn publish(&self, args: &[&str]) {
        let output = self.run("mosquitto_pub", "den-pub", args).await;
        assert!(output.status.success() && output.stderr.is_empty(), "{args:?}: {output:?}");
    }

    /// A client that has its subscriptions.
    async fn subscribe(&mut self, id: &str, args: &[&str]) -> Subscriber {
        let child = self.client("mosquitto_sub", id, &[&["-F", "%j"], args].concat()).spawn().unwrap();
        let subscriber = Subscriber::of(child);
        self.watcher.receive_json(&format!("$aws/events/subscriptions/subscribed/{id}")).await;
        subscriber
    }
}

/// A `mosquitto_sub` that prints messages as JSON.
struct Subscriber {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Subscriber {
    fn of(mut child: Child) -> Self {
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    async fn next(&mut self) -> Value {
        let line = timeout(PATIENCE, self.lines.next_line()).await.unwrap().unwrap();
        serde_json::from_str(&line.unwrap()).unwrap()
    }

    /// Topic, payload, quality of service and whether it was retained.
    async fn shown(&mut self) -> (String, String, u64, u64) {
        let message = self.next().await;
        let number = |member: &str| message[member].as_u64().unwrap();
        // An empty payload is null.
        let payload = message["payload"].as_str().unwrap_or_default();
        (message["topic"].as_str().unwrap().into(), payload.into(), number("qos"), number("retain"))
    }

    /// Ends by itself, without another message.
    async fn ends(mut self) {
        assert_eq!(timeout(PATIENCE, self.lines.next_line()).await.unwrap().unwrap(), None);
        assert!(timeout(PATIENCE, self.child.wait()).await.unwrap().unwrap().success());
    }

    /// Ends without a DISCONNECT.
    async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }
}

fn message(topic: &str, payload: &str, qos: u64, retain: u64) -> (String, String, u64, u64) {
    (topic.into(), payload.into(), qos, retain)
}

#[tokio::test]
async fn both_qualities_of_service_and_retained_messages() {
    let mut den = Den::start().await;
    for version in VERSIONS {
        let mut all = den.subscribe("den", &["-V", version, "-t", "dt/den/#", "-C", "4"]).await;
        den.publish(&["-V", version, "-t", "dt/den/a", "-m", "one"]).await;
        den.publish(&["-V", version, "-t", "dt/den/a", "-m", "two", "-q", "0"]).await;
        den.publish(&["-V", version, "-t", "dt/den/kept", "-m", "kept", "-r"]).await;
        assert_eq!(all.shown().await, message("dt/den/a", "one", 1, 0));
        assert_eq!(all.shown().await, message("dt/den/a", "two", 0, 0));
        assert_eq!(all.shown().await, message("dt/den/kept", "kept", 1, 0));
        let mut late = den.subscribe("den-late", &["-V", version, "-t", "dt/den/kept", "-C", "2"]).await;
        assert_eq!(late.shown().await, message("dt/den/kept", "kept", 1, 1));
        den.publish(&["-V", version, "-t", "dt/den/kept", "-r", "-n"]).await;
        assert_eq!(late.shown().await, message("dt/den/kept", "", 1, 0));
        assert_eq!(all.shown().await, message("dt/den/kept", "", 1, 0));
        late.ends().await;
        all.ends().await;
        den.world.gone("den").await;
        den.world.gone("den-late").await;
    }
    den.world.stop().await;
}

#[tokio::test]
async fn a_session_gets_what_it_missed() {
    let mut den = Den::start().await;
    // Without an end, which is cut to the broker's hour, and with one.
    for session in [&["-V", "mqttv311", "-c"][..], &["-V", "mqttv5", "-c"], &["-V", "mqttv5", "-c", "-x", "60"]] {
        let keep = [session, &["-t", "dt/den/later"]].concat();
        den.subscribe("den", &[&keep[..], &["-E"]].concat()).await.ends().await;
        den.world.gone("den").await;
        for number in ["1", "2", "3"] {
            den.publish(&["-V", session[1], "-t", "dt/den/later", "-m", number]).await;
        }
        let mut back = den.subscribe("den", &[&keep[..], &["-C", "4"]].concat()).await;
        den.publish(&["-V", session[1], "-t", "dt/den/later", "-m", "4"]).await;
        for number in ["1", "2", "3", "4"] {
            assert_eq!(back.shown().await, message("dt/den/later", number, 1, 0));
        }
        back.ends().await;
        den.world.gone("den").await;
    }
    // The session of the last one ends.
    den.world.clock.advance(Duration::from_secs(61));
    den.publish(&["-t", "dt/den/later", "-m", "too late"]).await;
    let args = ["-V", "mqttv5", "-c", "-x", "60", "-t", "dt/den/later", "-C", "1"];
    let mut back = den.subscribe("den", &args).await;
    den.publish(&["-t", "dt/den/later", "-m", "in time"]).await;
    assert_eq!(back.shown().await, message("dt/den/later", "in time", 1, 0));
    back.ends().await;
    den.world.stop().await;
}

#[tokio::test]
async fn a_will_is_published_and_may_wait() {
    let mut den = Den::start().await;
    let mut watcher = den.subscribe("den", &["-t", "dt/den/will", "-C", "4"]).await;
    let will = ["--will-topic", "dt/den/will", "--will-payload", "gone", "--will-qos", "1", "-t", "dt/den/mortal"];
    for version in VERSIONS {
        den.subscribe("den-mortal", &[&["-V", version], &will[..]].concat()).await.kill().await;
        assert_eq!(watcher.shown().await, message("dt/den/will", "gone", 1, 0));
        den.world.gone("den-mortal").await;
    }
    let delayed = ["-V", "mqttv5", "-c", "-x", "60", "-D", "will", "will-delay-interval", "30"];
    den.subscribe("den-mortal", &[&delayed, &will[..]].concat()).await.kill().await;
    den.world.gone("den-mortal").await;
    den.world.clock.advance(Duration::from_secs(29));
    den.world.core.sweep().await.unwrap();
    den.publish(&["-t", "dt/den/will", "-m", "not yet"]).await;
    assert_eq!(watcher.shown().await, message("dt/den/will", "not yet", 1, 0));
    den.world.clock.advance(Duration::from_secs(2));
    den.world.core.sweep().await.unwrap();
    assert_eq!(watcher.shown().await, message("dt/den/will", "gone", 1, 0));
    watcher.ends().await;
    den.world.stop().await;
}

#[tokio::test]
async fn properties_travel_with_a_message() {
    let mut den = Den::start().await;
    let mut subscriber = den.subscribe("den", &["-V", "mqttv5", "-t", "dt/den/a", "-C", "1"]).await;
    let properties = [
        ("content-type", &["text/plain"][..]),
        ("payload-format-indicator", &["1"]),
        ("response-topic", &["dt/den/answer"]),
        ("correlation-data", &["c"]),
        ("message-expiry-interval", &["60"]),
        ("user-property", &["k", "v"]),
    ];
    let mut args = vec!["-V", "mqttv5", "-t", "dt/den/a", "-m", "text"];
    for (name, value) in properties {
        args.extend(["-D", "publish", name]);
        args.extend(value);
    }
    den.publish(&args).await;
    let got = subscriber.next().await;
    assert_eq!(got["payload"], "text", "{got}");
    let properties = &got["properties"];
    for (name, value) in
        [("content-type", "text/plain"), ("response-topic", "dt/den/answer"), ("correlation-data", "c")]
    {
        assert_eq!(properties[name], value, "{got}");
    }
    assert_eq!(properties["payload-format-indicator"], 1, "{got}");
    assert_eq!(properties["message-expiry-interval"], 60, "{got}");
    assert!(got.to_string().contains(r#"{"k":"v"}"#), "{got}");
    subscriber.ends().await;
    den.world.stop().await;
}

#[tokio::test]
async fn a_request_has_its_response() {
    let den = Den::start().await;
    let (mut responder, _) = Peer::connect(&den.device, connect("den")).await;
    assert_eq!(responder.subscribe("dt/den/ask", qos1()).await, [1]);
    let args = ["-V", "mqttv5", "-t", "dt/den/ask", "-e", "dt/den/answer", "-m", "question", "-W", "20"];
    let asking = den.client("mosquitto_rr", "den-asks", &args).spawn().unwrap();
    let question = responder.take().await;
    assert_eq!(question.text(), ("dt/den/ask", "question"));
    let topic = question.props.iter().find_map(|property| match property {
        Property::ResponseTopic(topic) => Some(topic.val().to_owned()),
        _ => None,
    });
    let correlation = question.props.iter().filter(|property| matches!(property, Property::CorrelationData(_)));
    responder.send(&publish(&topic.unwrap(), "answer", Some(9), correlation.cloned().collect(), false)).await;
    let output = timeout(PATIENCE, asking.wait_with_output()).await.unwrap().unwrap();
    assert!(output.status.success() && output.stdout == b"answer\n", "{output:?}");
    den.world.stop().await;
}

#[tokio::test]
async fn members_of_a_group_share_the_messages() {
    let mut den = Den::with(crate::common::ALLOW_ALL).await;
    let mut three = den.subscribe("den-3", &["-V", "mqttv311", "-t", "$share/workers/dt/den/work", "-C", "3"]).await;
    let mut five = den.subscribe("den-5", &["-V", "mqttv5", "-t", "$share/workers/dt/den/work", "-C", "3"]).await;
    for number in ["1", "2", "3", "4", "5", "6"] {
        den.publish(&["-t", "dt/den/work", "-m", number]).await;
    }
    let mut got = Vec::new();
    for _ in 0..3 {
        got.push(three.shown().await.1);
        got.push(five.shown().await.1);
    }
    got.sort();
    assert_eq!(got, ["1", "2", "3", "4", "5", "6"]);
    three.ends().await;
    five.ends().await;
    den.world.stop().await;
}

#[tokio::test]
async fn what_policy_refuses_fails() {
    let den = Den::start().await;
    for version in VERSIONS {
        let output = den.run("mosquitto_pub", "other", &["-V", version, "-t", "dt/den/a", "-m", ""]).await;
        let said = String::from_utf8_lossy(&output.stderr).to_lowercase();
        assert!(!output.status.success() && said.contains("not authori"), "{output:?}");
        let output = den.run("mosquitto_sub", "den", &["-V", version, "-t", "dt/other/a", "-W", "20"]).await;
        let said = String::from_utf8_lossy(&output.stderr).to_lowercase();
        assert!(said.contains("all subscription requests were denied"), "{output:?}");
    }
    let output = den.run("mosquitto_pub", "den", &["-V", "mqttv5", "-t", "dt/other/a", "-m", ""]).await;
    assert!(String::from_utf8_lossy(&output.stderr).contains("Not authorized"), "{output:?}");
    den.world.stop().await;
}
