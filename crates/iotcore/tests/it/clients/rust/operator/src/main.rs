//! AWS's SDK for Rust as an operator: from nothing to a device that may connect, with a job to do. Prints its certificate and key.
//!
//! The test writes one JSON object to standard input, of which the path of the root counts here. The arguments are the HTTPS port and
//! an access key's id and secret.

use std::error::Error;

use aws_sdk_iot::config::{BehaviorVersion, Credentials, Region, SharedHttpClient};
use aws_sdk_iot::error::ProvideErrorMetadata;
use aws_sdk_iot::types::{AttributePayload, CertificateStatus, JobStatus};
use aws_sdk_iotdataplane::primitives::Blob;
use aws_smithy_http_client::{Builder, tls};
use serde_json::{Value, json};

type Fallible<T> = Result<T, Box<dyn Error>>;

const POLICY: &str = r#"{"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "iot:Connect", "Resource": "arn:aws:iot:*:*:client/${iot:Connection.Thing.ThingName}"},
    {"Effect": "Allow", "Action": ["iot:Publish", "iot:Receive"], "Resource": [
        "arn:aws:iot:*:*:topic/dt/${iot:Connection.Thing.ThingName}",
        "arn:aws:iot:*:*:topic/$aws/things/${iot:Connection.Thing.ThingName}/*"]}
]}"#;

/// Both planes, by one endpoint.
struct Aws {
    control: aws_sdk_iot::Client,
    data: aws_sdk_iotdataplane::Client,
}

impl Aws {
    fn new(port: &str, id: &str, secret: &str, root_pem: Vec<u8>) -> Fallible<Self> {
        let roots = tls::TrustStore::empty().with_pem_certificate(root_pem);
        let context = tls::TlsContext::builder().with_trust_store(roots).build()?;
        let provider = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::AwsLc);
        let http: SharedHttpClient = Builder::new().tls_provider(provider).tls_context(context).build_https();
        let endpoint = format!("https://localhost:{port}");
        let (region, key) = (Region::new("local"), Credentials::new(id, secret, None, None, "test"));
        let control = aws_sdk_iot::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(region.clone())
            .credentials_provider(key.clone())
            .endpoint_url(&endpoint)
            .http_client(http.clone())
            .build();
        let data = aws_sdk_iotdataplane::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(region)
            .credentials_provider(key)
            .endpoint_url(&endpoint)
            .http_client(http)
            .build();
        Ok(Self {
            control: aws_sdk_iot::Client::from_conf(control),
            data: aws_sdk_iotdataplane::Client::from_conf(data),
        })
    }
}

/// A thing in a group, with a certificate and a policy.
async fn register(aws: &Aws) -> Fallible<Value> {
    let control = &aws.control;
    let attributes = AttributePayload::builder().attributes("floor", "1").build();
    let thing = control.create_thing().thing_name("valve").attribute_payload(attributes).send().await?;
    assert_eq!(thing.thing_arn(), Some("arn:aws:iot:local:000000000000:thing/valve"));
    let described = control.describe_thing().thing_name("valve").send().await?;
    assert_eq!(described.attributes().and_then(|attributes| attributes.get("floor")).map(String::as_str), Some("1"));
    let missing = control.describe_thing().thing_name("none").send().await.expect_err("there is none");
    assert!(missing.as_service_error().is_some_and(|error| error.is_resource_not_found_exception()), "{missing:?}");

    let keys = control.create_keys_and_certificate().set_as_active(true).send().await?;
    let arn = keys.certificate_arn().ok_or("no ARN")?;
    control.create_policy().policy_name("valves").policy_document(POLICY).send().await?;
    let malformed = control.create_policy().policy_name("bad").policy_document("{}").send().await;
    let malformed = malformed.expect_err("it is no policy");
    assert_eq!(malformed.code(), Some("MalformedPolicyException"));
    control.attach_policy().policy_name("valves").target(arn).send().await?;
    control.attach_thing_principal().thing_name("valve").principal(arn).send().await?;

    control.create_thing_group().thing_group_name("garden").send().await?;
    control.add_thing_to_thing_group().thing_name("valve").thing_group_name("garden").send().await?;
    let group = control.describe_thing_group().thing_group_name("garden").send().await?;
    let group = group.thing_group_arn().ok_or("no ARN")?;
    control.create_job().job_id("water").targets(group).document(r#"{"minutes": 5}"#).send().await?;
    let job = control.describe_job().job_id("water").send().await?;
    assert_eq!(job.job().and_then(|job| job.status()), Some(&JobStatus::InProgress));

    let listed = control.list_certificates().send().await?;
    let active = |certificate: &aws_sdk_iot::types::Certificate| certificate.status() == Some(&CertificateStatus::Active);
    assert!(listed.certificates().iter().any(active), "{listed:?}");
    let keys_of = keys.key_pair().ok_or("no keys")?;
    Ok(json!({"certificate": keys.certificate_pem(), "key": keys_of.private_key()}))
}

/// A shadow, and a retained message.
async fn leave_word(aws: &Aws) -> Fallible<()> {
    let desired = Blob::new(r#"{"state": {"desired": {"open": true}}}"#);
    aws.data.update_thing_shadow().thing_name("valve").payload(desired.clone()).send().await?;
    let stale = Blob::new(r#"{"state": {"desired": {"open": false}}, "version": 7}"#);
    let stale = aws.data.update_thing_shadow().thing_name("valve").payload(stale).send().await;
    let stale = stale.expect_err("it has another version");
    assert!(stale.as_service_error().is_some_and(|error| error.is_conflict_exception()), "{stale:?}");
    let shadow = aws.data.get_thing_shadow().thing_name("valve").send().await?;
    let shadow: Value = serde_json::from_slice(shadow.payload().ok_or("no shadow")?.as_ref())?;
    assert_eq!((&shadow["version"], &shadow["state"]["delta"]["open"]), (&json!(1), &json!(true)), "{shadow}");
    aws.data.publish().topic("dt/valve").qos(1).retain(true).payload(Blob::new("open")).send().await?;
    let retained = aws.data.get_retained_message().topic("dt/valve").send().await?;
    assert_eq!(retained.payload().map(AsRef::as_ref), Some(&b"open"[..]));
    Ok(())
}

#[tokio::main]
async fn main() -> Fallible<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [port, id, secret] = arguments.as_slice() else { return Err("PORT ID SECRET".into()) };
    let test: Value = serde_json::from_reader(std::io::stdin())?;
    let root = std::fs::read(test["root"].as_str().ok_or("no root")?)?;
    let aws = Aws::new(port, id, secret, root)?;
    let device = register(&aws).await?;
    leave_word(&aws).await?;
    println!("{device}");
    Ok(())
}
