//! HTTPS: AWS's SDK for Python as it is, a device with its certificate, and peers that mean no good.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use marvain_iotcore::limits::{HTTPS_CONNECTIONS_MAX, HTTPS_HEAD_BYTES_MAX, HTTPS_HEADERS_MAX, TEMPORARY_CLAIM_MS};
use marvain_iotcore::{AccessKey, CertificateId, Clock, HttpsError, IotCore};
use rumqttc::QoS;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::certificates::self_signed;
use crate::clients::run;
use crate::common::{Client, PATIENCE, World, install_provider};
use crate::provisioning;

pub(crate) const KEY: &str = "AKIAIOSFODNN7EXAMPLE";
pub(crate) const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

/// Of a device that uses HTTPS.
const DEVICE: &str = r#"{"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "iot:Connect", "Resource": "arn:aws:iot:*:*:client/den"},
    {"Effect": "Allow", "Action": "iot:Subscribe", "Resource": "arn:aws:iot:*:*:topicfilter/dt/den/*"},
    {"Effect": "Allow", "Action": ["iot:Publish", "iot:Receive", "iot:GetRetainedMessage"],
     "Resource": "arn:aws:iot:*:*:topic/dt/den/*"},
    {"Effect": "Allow", "Action": "iot:Publish", "Resource": "arn:aws:iot:*:*:topic/client/${iot:ClientId}*"},
    {"Effect": "Allow", "Action": "iot:GetThingShadow", "Resource": "arn:aws:iot:*:*:thing/den"},
    {"Effect": "Allow", "Action": "iot:UpdateThingShadow", "Resource": "arn:aws:iot:*:*:thing/den/state"}
]}"#;

pub(crate) struct Https {
    pub(crate) world: World,
    pub(crate) address: SocketAddr,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<Result<(), HttpsError>>,
}

impl Https {
    pub(crate) async fn start() -> Self {
        Self::of(World::start().await).await
    }

    /// At the time that clients sign with.
    pub(crate) async fn of(world: World) -> Self {
        world.clock.advance(now().saturating_sub(Duration::from_millis(world.clock.now_ms())));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(serve(world.core.clone(), listener, stopped));
        Self { world, address, stop, serving }
    }

    pub(crate) async fn stop(self) {
        self.stop.send(()).unwrap();
        self.serving.await.unwrap().unwrap();
        self.world.stop().await;
    }

    async fn connect(&self) -> tokio_rustls::client::TlsStream<TcpStream> {
        install_provider();
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.world.core.root_ca_pem().as_bytes()).unwrap()).unwrap();
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let connector = TlsConnector::from(std::sync::Arc::new(config));
        let stream = TcpStream::connect(self.address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        timeout(PATIENCE, connector.connect(name, stream)).await.unwrap().unwrap()
    }

    /// What is answered to these bytes, until the connection ends.
    async fn send(&self, request: &str) -> String {
        let mut stream = self.connect().await;
        // It may be answered, and the connection ended, before all of it is read.
        let _refused_early = stream.write_all(request.as_bytes()).await;
        let mut answer = Vec::new();
        let _ended_without_goodbye = timeout(PATIENCE, stream.read_to_end(&mut answer)).await.unwrap();
        String::from_utf8(answer).unwrap()
    }
}

#[expect(clippy::disallowed_methods, reason = "the clients that are tested have no other time")]
fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap()
}

async fn serve(core: IotCore, listener: TcpListener, stopped: oneshot::Receiver<()>) -> Result<(), HttpsError> {
    let shutdown = async {
        let _dropped = stopped.await;
    };
    core.serve_https(listener, vec![AccessKey::new(KEY, SECRET).unwrap()], shutdown).await
}

#[tokio::test]
async fn aws_data_plane() {
    let https = Https::start().await;
    let den = https.world.device_with("den", DEVICE).await;
    let port = https.address.port().to_string();
    run("python/data_plane.py", &[&port, KEY, SECRET, &den.id.to_string()], &den).await;
    https.stop().await;
}

#[tokio::test]
async fn aws_control_plane() {
    let https = Https::start().await;
    let anybody = https.world.device_with("anybody", DEVICE).await;
    https.world.core.detach_thing("anybody".parse().unwrap(), anybody.id).await.unwrap();
    https.world.core.delete_thing("anybody".parse().unwrap()).await.unwrap();
    let dir = TempDir::new().unwrap();
    let csr = dir.path().join("csr.pem");
    std::fs::write(&csr, provisioning::csr(&rcgen::KeyPair::generate().unwrap())).unwrap();
    let foreign = dir.path().join("foreign.pem");
    let registered = self_signed(&https.world, "foreign");
    std::fs::write(&foreign, &registered.certificate).unwrap();
    let port = https.address.port().to_string();
    let args = [&port, KEY, SECRET, csr.to_str().unwrap(), foreign.to_str().unwrap()];
    let printed = run("python/control_plane.py", &args, &anybody).await;
    // It is known, and may do nothing: no policy is attached to it.
    assert!(Client::connect(registered.options()).await.is_err());
    https.world.core.put_policy("may-connect", DEVICE.replace("client/den", "client/foreign").as_str()).await.unwrap();
    https.world.core.attach_policy("may-connect", registered.id).await.unwrap();
    registered.connect().await.disconnect().await;

    // What was made by AWS's SDK connects.
    let made: Vec<Value> = printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let identity = |name, made: &Value| {
        let text = |member: &str| made[member].as_str().unwrap().to_owned();
        let id = CertificateId::of_der(&CertificateDer::from_pem_slice(text("certificate").as_bytes()).unwrap());
        https.world.identity(name, id, &text("certificate"), &text("key"))
    };
    let pump = identity("pump", &made[0]).connect().await;
    pump.publish("dt/pump", "on", QoS::AtLeastOnce).await;
    pump.disconnect().await;

    // The claim is good for provisioning, for five minutes.
    let claim = identity("anything", &made[1]);
    let mut client = claim.connect().await;
    client.subscribe("$aws/certificates/create/json/accepted", QoS::AtLeastOnce).await;
    client.publish("$aws/certificates/create/json", "{}", QoS::AtLeastOnce).await;
    client.receive_json("$aws/certificates/create/json/accepted").await;
    client.disconnect().await;
    https.world.clock.advance(Duration::from_millis(TEMPORARY_CLAIM_MS + 1000));
    assert!(Client::connect(claim.options()).await.is_err());
    https.world.core.sweep().await.unwrap();
    assert_eq!(https.world.core.describe_certificate(claim.id).await.unwrap(), None);
    https.stop().await;
}

/// A device that may connect: what else it may is up to the script.
const CONNECT: &str =
    r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "iot:Connect", "Resource": "*"}}"#;

/// Runs a script that has AWS's control plane and the device `den`.
async fn run_as_operator(script: &str) {
    let https = Https::start().await;
    let den = https.world.device_with("den", CONNECT).await;
    run(script, &[&https.address.port().to_string(), KEY, SECRET], &den).await;
    https.stop().await;
}

#[tokio::test]
async fn aws_thing_groups() {
    run_as_operator("python/groups.py").await;
}

#[tokio::test]
async fn aws_policy_versions() {
    run_as_operator("python/policy_versions.py").await;
}

#[tokio::test]
async fn aws_provisioning_templates() {
    run_as_operator("python/templates.py").await;
}

#[tokio::test]
async fn a_request_has_its_bounds() {
    let https = Https::start().await;
    let request = |more: &str| format!("GET /things HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{more}\r\n");
    let status = |answer: String| answer.split_whitespace().nth(1).unwrap_or_default().to_owned();
    assert_eq!(status(https.send(&request("")).await), "403");
    assert_eq!(status(https.send(&request("Authorization: AWS4-HMAC-SHA256 x\r\n")).await), "403");
    assert_eq!(status(https.send(&request(&"X: y\r\n".repeat(HTTPS_HEADERS_MAX))).await), "431");
    assert_eq!(status(https.send(&request(&format!("X: {}\r\n", "y".repeat(HTTPS_HEAD_BYTES_MAX)))).await), "431");
    let large = format!("{}{}", request("Content-Length: 200000\r\n"), "x".repeat(200_000));
    assert_eq!(status(https.send(&large).await), "413");
    assert_eq!(status(https.send(&request("Content-Length: 99999999\r\n").repeat(100_000)).await), "413");
    assert_eq!(status(https.send("GET /things/%FF HTTP/1.0\r\n\r\n").await), "400");
    assert_eq!(status(https.send("\x16nonsense\r\n\r\n").await), "400");
    https.stop().await;
}

#[tokio::test]
async fn who_stalls_is_gone_in_the_end() {
    let https = Https::start().await;
    let in_the_head = https.send("GET /things HTTP/1.1\r\nHost:");
    let in_the_body =
        https.send("POST /topics/a HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 5\r\n\r\nab");
    let (head, body) = tokio::join!(in_the_head, in_the_body);
    assert!(!head.contains("200"), "{head}");
    assert!(body.starts_with("HTTP/1.1 400") && body.contains("in time"), "{body}");
    https.stop().await;
}

#[tokio::test]
async fn silent_peers_shut_nobody_out() {
    let https = Https::start().await;
    let mut silent = Vec::new();
    for _ in 0..HTTPS_CONNECTIONS_MAX + 10 {
        silent.push(TcpStream::connect(https.address).await.unwrap());
    }
    let answer = https.send("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    https.stop().await;
}

#[tokio::test]
async fn it_ends_with_the_core() {
    let https = Https::start().await;
    let open = https.connect().await;
    https.world.core.close().await.unwrap();
    let ended = timeout(PATIENCE, https.serving).await.unwrap().unwrap();
    assert!(matches!(ended, Err(HttpsError::Serve(_))), "{ended:?}");
    drop(open);
}
