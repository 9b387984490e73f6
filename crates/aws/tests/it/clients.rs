//! AWS's clients, each pointed at a server on this machine and at nothing else: no environment, no profile, no metadata.

use aws_sdk_iot::config::{BehaviorVersion, Credentials, Region};
use aws_smithy_http_client::{Builder, tls};
use marvain_peers::Moto;

/// An access key that moto takes, as it takes any.
fn anybody() -> Credentials {
    Credentials::new("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", None, None, "test")
}

pub(crate) fn sqs(endpoint: &str) -> aws_sdk_sqs::Client {
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(anybody())
        .endpoint_url(endpoint);
    aws_sdk_sqs::Client::from_conf(config.build())
}

pub(crate) fn sns(moto: &Moto) -> aws_sdk_sns::Client {
    let config = aws_sdk_sns::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(anybody())
        .endpoint_url(moto.url());
    aws_sdk_sns::Client::from_conf(config.build())
}

pub(crate) fn iot_of_moto(moto: &Moto) -> aws_sdk_iot::Client {
    let config = aws_sdk_iot::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(anybody())
        .endpoint_url(moto.url());
    aws_sdk_iot::Client::from_conf(config.build())
}

/// Both planes of an IoT Core with a root certificate of its own.
pub(crate) fn iot(
    endpoint: &str,
    root_pem: &str,
    key: (&str, &str),
) -> (aws_sdk_iot::Client, aws_sdk_iotdataplane::Client) {
    let roots = tls::TrustStore::empty().with_pem_certificate(root_pem.as_bytes());
    let context = tls::TlsContext::builder().with_trust_store(roots).build().unwrap();
    let provider = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::AwsLc);
    let http = Builder::new().tls_provider(provider).tls_context(context).build_https();
    let key = Credentials::new(key.0, key.1, None, None, "test");
    let control = aws_sdk_iot::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("local"))
        .credentials_provider(key.clone())
        .endpoint_url(endpoint)
        .http_client(http.clone());
    let data = aws_sdk_iotdataplane::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("local"))
        .credentials_provider(key)
        .endpoint_url(endpoint)
        .http_client(http);
    (aws_sdk_iot::Client::from_conf(control.build()), aws_sdk_iotdataplane::Client::from_conf(data.build()))
}
