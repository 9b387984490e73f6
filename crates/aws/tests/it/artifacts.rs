//! Presigned URLs, used by a client that knows nothing of AWS.

use crate::s3::{S3, clock};
use marvain_aws::{ARTIFACT_BYTES_MAX, ArtifactError, Artifacts, PRESIGNED_S_MAX, Presigned};
use marvain_domain::Timestamp;
use reqwest::{Client, Method, StatusCode, header::CONTENT_TYPE};
use std::{sync::Arc, time::Duration};

async fn send(request: &Presigned, body: &[u8], more: &[(&str, &str)]) -> (StatusCode, Vec<u8>) {
    // Somebody else may have been first.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let client = Client::builder().no_proxy().build().unwrap();
    let mut sent = client.request(Method::from_bytes(request.method.as_bytes()).unwrap(), &request.url);
    for (name, value) in request.headers.iter().filter(|(name, _)| !more.iter().any(|(other, _)| name == other)) {
        // The length is what the body has, which is what is to be shown.
        if name != "content-length" {
            sent = sent.header(name, value);
        }
    }
    for (name, value) in more {
        sent = sent.header(*name, *value);
    }
    let answer = sent.body(body.to_vec()).send().await.unwrap();
    (answer.status(), answer.bytes().await.unwrap().to_vec())
}

#[tokio::test]
async fn an_artifact_goes_up_and_comes_back_on_moto() {
    round_trip(&S3::moto().await).await;
}

#[tokio::test]
#[ignore = "needs Go: scripts/test --all"]
async fn an_artifact_goes_up_and_comes_back_on_minio() {
    round_trip(&S3::minio().await).await;
}

async fn round_trip(s3: &S3) {
    let bucket = s3.plain_bucket(false).await;
    let artifacts = Artifacts::new(s3.client.clone(), bucket.clone(), clock());
    let upload = artifacts.upload("speech/1", "audio/ogg", 5, 60).await.unwrap();
    assert_eq!(upload.method, "PUT");
    for signed in ["content-length", "content-type", "host"] {
        assert!(signed_headers(&upload.url).iter().any(|name| name == signed), "{}", upload.url);
    }
    assert!(!upload.url.contains("x-amz-checksum"), "of a body that is not known: {}", upload.url);
    assert!(!format!("{upload:?}").contains("Signature"), "a URL is not for logs");
    assert_eq!(send(&upload, b"hello", &[]).await.0, StatusCode::OK);

    let download = artifacts.download("speech/1", 60).await.unwrap();
    assert_eq!(send(&download, b"", &[]).await, (StatusCode::OK, b"hello".to_vec()));
    let head = s3.client.head_object().bucket(&bucket).key("speech/1").send().await.unwrap();
    assert_eq!(head.content_type(), Some("audio/ogg"));

    artifacts.delete("speech/1").await.unwrap();
    assert_eq!(send(&download, b"", &[]).await.0, StatusCode::NOT_FOUND, "what is forgotten is gone");
    artifacts.delete("speech/1").await.unwrap();
}

fn signed_headers(url: &str) -> Vec<String> {
    let (_, query) = url.split_once('?').unwrap();
    let names = query.split('&').find_map(|pair| pair.strip_prefix("X-Amz-SignedHeaders=")).unwrap();
    names.split("%3B").map(str::to_owned).collect()
}

/// moto checks no signatures.
#[tokio::test]
#[ignore = "needs Go: scripts/test --all"]
async fn a_url_is_good_for_what_it_says_and_nothing_else() {
    let s3 = S3::minio().await;
    let bucket = s3.plain_bucket(false).await;
    let artifacts = Artifacts::new(s3.client.clone(), bucket.clone(), clock());
    let upload = artifacts.upload("picture", "image/jpeg", 5, 60).await.unwrap();
    assert_eq!(send(&upload, b"longer", &[]).await.0, StatusCode::FORBIDDEN, "another size");
    let other_type = [(CONTENT_TYPE.as_str(), "text/html")];
    assert_eq!(send(&upload, b"hello", &other_type).await.0, StatusCode::FORBIDDEN, "another type");
    let elsewhere = Presigned { url: upload.url.replace("/picture?", "/other?"), ..upload.clone() };
    assert_eq!(send(&elsewhere, b"hello", &[]).await.0, StatusCode::FORBIDDEN, "another object");
    let got = Presigned { method: "GET".to_owned(), ..upload.clone() };
    assert_eq!(send(&got, b"hello", &[]).await.0, StatusCode::FORBIDDEN, "another verb");
    assert_eq!(send(&upload, b"hello", &[]).await.0, StatusCode::OK);

    let an_hour_ago = clock()().as_ms() - 3_600_000;
    let before = Artifacts::new(s3.client.clone(), bucket, Arc::new(move || Timestamp::from_ms(an_hour_ago)));
    let late = before.download("picture", 60).await.unwrap();
    assert_eq!(late.expires_at, Timestamp::from_ms(an_hour_ago / 1000 * 1000 + 60_000));
    assert_eq!(send(&late, b"", &[]).await.0, StatusCode::FORBIDDEN, "late");
    let in_time = artifacts.download("picture", 1).await.unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(send(&in_time, b"", &[]).await.0, StatusCode::FORBIDDEN, "late");
}

#[tokio::test]
async fn what_is_out_of_bounds_gets_no_url() {
    let s3 = S3::moto().await;
    let artifacts = Artifacts::new(s3.client.clone(), "artifacts", clock());
    let upload = async |key, kind, bytes, valid_s| artifacts.upload(key, kind, bytes, valid_s).await.unwrap_err();
    assert!(matches!(upload("../x", "audio/ogg", 1, 1).await, ArtifactError::Key(_)));
    assert!(matches!(upload("x", "text/html", 1, 1).await, ArtifactError::ContentType(_)));
    assert!(matches!(upload("x", "audio/ogg", 0, 1).await, ArtifactError::Size(0)));
    assert!(matches!(upload("x", "audio/ogg", ARTIFACT_BYTES_MAX + 1, 1).await, ArtifactError::Size(_)));
    assert!(matches!(upload("x", "audio/ogg", 1, 0).await, ArtifactError::Validity(0)));
    assert!(matches!(upload("x", "audio/ogg", 1, PRESIGNED_S_MAX + 1).await, ArtifactError::Validity(_)));
    assert!(matches!(artifacts.download("a//b", 1).await.unwrap_err(), ArtifactError::Key(_)));
    assert!(artifacts.upload("x", "audio/ogg", ARTIFACT_BYTES_MAX, PRESIGNED_S_MAX).await.is_ok());
}
