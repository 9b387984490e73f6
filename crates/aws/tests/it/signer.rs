//! The signer on KMS passes the port's suite. moto has no Ed25519 keys, so a stand-in signs, and boto3, which has AWS's model of the
//! service, is content with it.

use async_trait::async_trait;
use aws_sdk_kms::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
};
use marvain_aws::KmsSigner;
use marvain_hub::{
    conformance::{self, Storage},
    port::{Signer as _, SignerError},
};
use marvain_peers::{Kms, Moto};
use std::{
    process::Command,
    sync::atomic::{AtomicUsize, Ordering},
};

pub(crate) fn client(url: &str) -> Client {
    let config = aws_sdk_kms::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .endpoint_url(url)
        .credentials_provider(Credentials::new("test", "test", None, None, "tests"));
    Client::from_conf(config.build())
}

struct Key {
    client: Client,
    id: &'static str,
}

#[async_trait]
impl Storage for Key {
    type Adapter = KmsSigner;
    async fn open(&self) -> KmsSigner {
        KmsSigner::new(self.client.clone(), self.id)
    }
}

const IDS: [&str; 4] = ["one", "two", "three", "four"];

async fn kms() -> Kms {
    let seed = |n| [u8::try_from(n).unwrap(); 32];
    Kms::start(&[(IDS[0], seed(1)), (IDS[1], seed(2)), (IDS[2], seed(3)), (IDS[3], seed(4))]).await
}

#[tokio::test]
async fn conforms() {
    let kms = kms().await;
    let (client, next) = (client(&kms.url()), AtomicUsize::new(0));
    let fresh = async || Key { client: client.clone(), id: IDS[next.fetch_add(1, Ordering::Relaxed)] };
    conformance::signer(fresh).await;
}

#[tokio::test]
async fn a_key_that_does_not_fit_is_told_from_a_service_that_is_away() {
    let kms = kms().await;
    let absent = KmsSigner::new(client(&kms.url()), "five");
    assert!(matches!(absent.public_key().await, Err(SignerError::Unfit(_))));
    assert!(matches!(absent.sign(b"x").await, Err(SignerError::Unfit(_))));

    let moto = Moto::start().await;
    let elliptic = client(&moto.url()).create_key().key_usage(aws_sdk_kms::types::KeyUsageType::SignVerify);
    let elliptic = elliptic.key_spec(aws_sdk_kms::types::KeySpec::EccNistP256).send().await.unwrap();
    let id = elliptic.key_metadata.unwrap().key_id;
    match KmsSigner::new(client(&moto.url()), id).public_key().await {
        Err(SignerError::Unfit(why)) => assert!(why.to_string().contains("not ECC_NIST_EDWARDS25519"), "{why}"),
        result => panic!("{result:?}"),
    }

    let signer = KmsSigner::new(client(&kms.url()), IDS[0]);
    let public_key = signer.public_key().await.unwrap();
    drop(kms);
    assert!(matches!(signer.sign(b"x").await, Err(SignerError::Unavailable(_))));
    assert_eq!(signer.public_key().await.unwrap(), public_key, "it is asked for once");
}

/// What boto3 does with the stand-in: shapes by AWS's model, the signature by another implementation of Ed25519.
const BOTO3: &str = r#"
import sys, boto3
from botocore.config import Config
from cryptography.hazmat.primitives.serialization import load_der_public_key
kms = boto3.client("kms", endpoint_url=sys.argv[1], region_name="eu-central-1", aws_access_key_id="test",
                   aws_secret_access_key="test", config=Config(proxies={}, retries={"max_attempts": 0}))
key = kms.get_public_key(KeyId="one")
assert key["KeySpec"] == "ECC_NIST_EDWARDS25519" and key["KeyUsage"] == "SIGN_VERIFY", key
assert "ED25519_SHA_512" in key["SigningAlgorithms"], key
sign = lambda **more: kms.sign(KeyId=key["KeyId"], Message=b"text", SigningAlgorithm="ED25519_SHA_512", **more)
signed = sign(MessageType="RAW")
assert signed["SigningAlgorithm"] == "ED25519_SHA_512" and signed["KeyId"] == key["KeyId"], signed
load_der_public_key(key["PublicKey"]).verify(signed["Signature"], b"text")
try:
    kms.get_public_key(KeyId="five")
    sys.exit("a key that is not there was found")
except kms.exceptions.NotFoundException:
    pass
try:
    sign(MessageType="DIGEST")
    sys.exit("a digest was signed")
except kms.exceptions.ClientError as error:
    assert error.response["Error"]["Code"] == "ValidationException", error
"#;

#[tokio::test(flavor = "multi_thread")]
async fn boto3_is_content_with_the_stand_in() {
    let kms = kms().await;
    let url = kms.url();
    let run = tokio::task::spawn_blocking(move || {
        Command::new(Moto::python()).args(["-c", BOTO3, &url]).env_remove("AWS_CA_BUNDLE").output().unwrap()
    });
    let output = run.await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
