//! The `aws` command as it is: from nothing to a device that is connected.

use std::path::Path;
use std::process::Stdio;

use marvain_iotcore::CertificateId;
use rumqttc::QoS;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use crate::clients::packages;
use crate::common::PATIENCE;
use crate::https::{Https, KEY, SECRET};

const REGION: &str = "local";
const ARN: &str = "arn:aws:iot:local:000000000000";

/// The command, which knows nothing but an endpoint and an access key.
struct Aws {
    endpoint: String,
    dir: TempDir,
}

impl Aws {
    fn new(https: &Https) -> Self {
        let dir = TempDir::new().unwrap();
        std::fs::write(dir.path().join("root.pem"), https.world.core.root_ca_pem()).unwrap();
        Self { endpoint: format!("https://localhost:{}", https.address.port()), dir }
    }

    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).to_str().unwrap().to_owned()
    }

    async fn output(&self, args: &[&str]) -> std::process::Output {
        let mut command = Command::new(packages().join("python/bin/aws"));
        command.env_clear().envs([
            ("PATH", std::env::var("PATH").unwrap()),
            ("HOME", self.path("home")),
            ("AWS_ACCESS_KEY_ID", KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET.to_owned()),
            ("AWS_DEFAULT_REGION", REGION.to_owned()),
            ("AWS_CA_BUNDLE", self.path("root.pem")),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
            ("AWS_MAX_ATTEMPTS", "1".to_owned()),
        ]);
        command.args(["--endpoint-url", &self.endpoint, "--output", "json"]).args(args);
        command.stdin(Stdio::null()).kill_on_drop(true);
        tokio::time::timeout(2 * PATIENCE, command.output()).await.unwrap().unwrap()
    }

    /// What a command prints: JSON, or nothing.
    async fn run(&self, args: &[&str]) -> Value {
        let output = self.output(args).await;
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        match output.stdout.as_slice() {
            b"" => Value::Null,
            json => serde_json::from_slice(json).unwrap(),
        }
    }

    /// What a command that fails says.
    async fn refused(&self, args: &[&str]) -> String {
        let output = self.output(args).await;
        assert!(!output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stdout));
        String::from_utf8(output.stderr).unwrap()
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(Path::new(&self.path(name))).unwrap()
    }

    /// The JSON that a command has written to a file.
    fn written(&self, name: &str) -> Value {
        serde_json::from_str(&self.read(name)).unwrap()
    }
}

/// What the device may, in force from the second version on.
fn policy(topic: &str) -> String {
    json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "iot:Connect", "Resource": "arn:aws:iot:*:*:client/pump"},
        {"Effect": "Allow", "Action": ["iot:Publish", "iot:Receive"], "Resource": format!("arn:aws:iot:*:*:topic/{topic}")},
        {"Effect": "Allow", "Action": "iot:Subscribe", "Resource": format!("arn:aws:iot:*:*:topicfilter/{topic}")},
    ]})
    .to_string()
}

/// A thing, its certificate, its policy and its group; gives the certificate's id.
async fn register(aws: &Aws) -> CertificateId {
    let thing =
        aws.run(&["iot", "create-thing", "--thing-name", "pump", "--attribute-payload", "attributes={floor=1}"]).await;
    assert_eq!((&thing["thingName"], &thing["thingArn"]), (&json!("pump"), &json!(format!("{ARN}:thing/pump"))));
    let [certificate, private, public] = ["certificate.pem", "private.key", "public.key"].map(|name| aws.path(name));
    let mut create = vec!["iot", "create-keys-and-certificate", "--set-as-active"];
    create.extend(["--certificate-pem-outfile", &certificate, "--private-key-outfile", &private]);
    create.extend(["--public-key-outfile", &public]);
    let keys = aws.run(&create).await;
    let id = CertificateId::of_der(&CertificateDer::from_pem_file(&certificate).unwrap());
    assert_eq!(keys["certificateId"], id.to_string());
    let arn = keys["certificateArn"].as_str().unwrap().to_owned();

    let own = ["--policy-name", "own"];
    let (first, second) = (policy("none"), policy("dt/pump"));
    let [create, version] = [("create-policy", &first), ("create-policy-version", &second)]
        .map(|(operation, document)| ["iot", operation, "--policy-document", document]);
    let made = aws.run(&[&create[..], &own].concat()).await;
    assert_eq!((&made["policyVersionId"], &made["policyArn"]), (&json!("1"), &json!(format!("{ARN}:policy/own"))));
    let made = aws.run(&[&version[..], &own, &["--set-as-default"]].concat()).await;
    assert_eq!((&made["policyVersionId"], &made["isDefaultVersion"]), (&json!("2"), &json!(true)));
    assert_eq!(aws.run(&[&["iot", "attach-policy", "--target", &arn], &own[..]].concat()).await, Value::Null);
    aws.run(&["iot", "attach-thing-principal", "--thing-name", "pump", "--principal", &arn]).await;
    let things = aws.run(&["iot", "list-principal-things", "--principal", &arn]).await;
    assert_eq!(things, json!({"things": ["pump"]}));

    aws.run(&["iot", "create-thing-group", "--thing-group-name", "pumps"]).await;
    let both = ["--thing-name", "pump", "--thing-group-name", "pumps"];
    aws.run(&[&["iot", "add-thing-to-thing-group"], &both[..]].concat()).await;
    let things = aws.run(&["iot", "list-things-in-thing-group", "--thing-group-name", "pumps"]).await;
    assert_eq!(things, json!({"things": ["pump"]}));
    let refused = aws.refused(&["iot", "describe-thing", "--thing-name", "none"]).await;
    assert!(refused.contains("(ResourceNotFoundException)") && refused.contains("`none`"), "{refused}");
    id
}

#[tokio::test]
async fn the_aws_command_makes_a_device() {
    let https = Https::start().await;
    let aws = Aws::new(&https);
    let id = register(&aws).await;

    let shadow = aws.path("shadow.json");
    let update = ["iot-data", "update-thing-shadow", "--thing-name", "pump", "--payload"];
    aws.run(&[&update[..], &[r#"{"state": {"desired": {"speed": 3}}}"#, &shadow]].concat()).await;
    assert_eq!(aws.written("shadow.json")["version"], 1);
    aws.run(&["iot-data", "get-thing-shadow", "--thing-name", "pump", &shadow]).await;
    let state = &aws.written("shadow.json")["state"];
    assert_eq!(state, &json!({"desired": {"speed": 3}, "delta": {"speed": 3}}));

    let message = ["--topic", "dt/pump", "--payload", "on", "--qos", "1", "--retain"];
    aws.run(&[&["iot-data", "publish"], &message[..]].concat()).await;
    let retained = aws.run(&["iot-data", "get-retained-message", "--topic", "dt/pump"]).await;
    assert_eq!(
        (&retained["topic"], &retained["payload"], &retained["qos"]),
        (&json!("dt/pump"), &json!("b24="), &json!(1))
    );

    // What it has made is a device, under the policy's second version.
    let pump = https.world.identity("pump", id, &aws.read("certificate.pem"), &aws.read("private.key"));
    let mut client = pump.connect().await;
    client.subscribe("dt/pump", QoS::AtLeastOnce).await;
    assert_eq!(client.receive_text().await, ("dt/pump".to_owned(), "on".to_owned()));
    client.publish("dt/pump", "off", QoS::AtLeastOnce).await;
    assert_eq!(client.receive_text().await, ("dt/pump".to_owned(), "off".to_owned()));
    aws.run(&["iot", "update-certificate", "--certificate-id", &id.to_string(), "--new-status", "REVOKED"]).await;
    client.closed().await;
    https.stop().await;
}
