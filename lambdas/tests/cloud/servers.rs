//! The servers that stand for AWS's, and one client for each.

use crate::json::{REGION, Service};
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use marvain_peers::{DataApi, Dynoxide, Kms, Minio, Moto, Postgres};
use std::sync::Arc;

/// What the SDKs call the stores.
pub(crate) const DYNAMODB: &str = "DYNAMODB";
pub(crate) const RDS_DATA: &str = "RDS_DATA";
pub(crate) const S3: &str = "S3";

/// Where a service is, as the SDKs read it from the environment ("Service-specific endpoints").
pub(crate) fn endpoint(service: &str, url: String) -> (String, String) {
    (format!("AWS_ENDPOINT_URL_{service}"), url)
}

/// Id of the only key that there is, and what it is made of.
pub(crate) const LOG_KEY: &str = "4c6f674b-6579-4000-8000-000000000001";
const LOG_KEY_SEED: [u8; 32] = [7; 32];

/// What keeps objects.
pub(crate) enum Buckets {
    /// It keeps Object Lock's promises.
    Minio(Minio),
    /// It only takes its words, and comes without Go.
    Moto(Moto),
}

impl Buckets {
    fn url(&self) -> String {
        match self {
            Self::Minio(minio) => minio.url(),
            Self::Moto(moto) => moto.url(),
        }
    }
}

/// All that runs beside the IoT Core and the functions.
pub(crate) struct Servers {
    dynamodb: Dynoxide,
    pub(crate) postgres: Arc<Postgres>,
    pub(crate) data_api: DataApi,
    buckets: Buckets,
    moto: Moto,
    kms: Kms,
    pub(crate) table: Service,
    pub(crate) streams: Service,
    pub(crate) sqs: Service,
    pub(crate) cognito: Service,
    pub(crate) s3: aws_sdk_s3::Client,
}

impl Servers {
    pub(crate) async fn start(buckets: Buckets) -> Self {
        let postgres = Arc::new(Postgres::start().await);
        let (dynamodb, data_api, moto, kms) = tokio::join!(
            Dynoxide::start(),
            DataApi::start(postgres.clone()),
            Moto::start(),
            Kms::start(&[(LOG_KEY, LOG_KEY_SEED)]),
        );
        let s3 = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(REGION))
            .credentials_provider(Credentials::new(Minio::ACCESS_KEY, Minio::SECRET_KEY, None, None, "test"))
            .endpoint_url(buckets.url())
            .force_path_style(true)
            .build();
        Self {
            table: Service::new(dynamodb.url(), "dynamodb", "DynamoDB_20120810"),
            streams: Service::new(dynamodb.url(), "dynamodb", "DynamoDBStreams_20120810"),
            sqs: Service::new(moto.url(), "sqs", "AmazonSQS"),
            cognito: Service::new(moto.url(), "cognito-idp", "AWSCognitoIdentityProviderService"),
            s3: aws_sdk_s3::Client::from_conf(s3),
            dynamodb,
            postgres,
            data_api,
            buckets,
            moto,
            kms,
        }
    }

    pub(crate) fn dynamodb_url(&self) -> String {
        self.dynamodb.url()
    }

    pub(crate) fn s3_url(&self) -> String {
        self.buckets.url()
    }

    /// Where each service is.
    pub(crate) fn endpoints(&self) -> Vec<(String, String)> {
        let services = [
            (DYNAMODB, self.dynamodb.url()),
            ("KMS", self.kms.url()),
            (RDS_DATA, self.data_api.url()),
            (S3, self.buckets.url()),
            ("SECRETS_MANAGER", self.moto.url()),
            ("SNS", self.moto.url()),
            ("SQS", self.moto.url()),
        ];
        services.map(|(service, url)| endpoint(service, url)).into()
    }

    /// Where Cognito's keys are, for a pool.
    pub(crate) fn jwks(&self, pool: &str) -> String {
        format!("{}/{pool}/.well-known/jwks.json", self.moto.url())
    }

    pub(crate) fn cognito_url(&self) -> String {
        self.moto.url()
    }
}
