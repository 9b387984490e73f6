//! Clients of AWS's services for one deployment, and how their refusals are told.
//!
//! Where they connect is for AWS's own configuration to say: profile, region, `AWS_ENDPOINT_URL_<SERVICE>`.

use super::target::{Identity, Target};
use crate::error::{CliError, Exit};
use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use std::{error::Error, time::Duration};

/// Longest that one attempt of a request may take, in seconds.
const ATTEMPT_S: u64 = 30;
/// How often a request is tried.
const ATTEMPTS_MAX: u32 = 5;

/// Codes that say that the credentials are no good, rather than that they may not.
const UNKNOWN: [&str; 5] =
    ["ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException", "RequestExpired"];
/// Codes that say that they may not.
const DENIED: [&str; 3] = ["AccessDenied", "AccessDeniedException", "UnauthorizedOperation"];

/// One deployment's account and region, as AWS's SDK reaches it.
pub(crate) struct Aws {
    pub(crate) target: Target,
    config: SdkConfig,
    region: String,
}

impl Aws {
    /// Finds out how the account is reached. Nobody is asked yet.
    ///
    /// # Errors
    /// If nobody has said whose credentials to use, or which region.
    pub(crate) async fn of(target: Target) -> Result<Self, CliError> {
        if target.identity == Identity::Unsaid {
            return Err(CliError::usage("nobody says which AWS profile to use")
                .hint("`--profile NAME`, or a `profile` in the configuration: `marvain config init --profile NAME`"));
        }
        let timeouts = TimeoutConfig::builder().operation_attempt_timeout(Duration::from_secs(ATTEMPT_S)).build();
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS_MAX))
            .timeout_config(timeouts);
        if let Identity::Profile(profile) = &target.identity {
            loader = loader.profile_name(profile);
        }
        if let Some(region) = &target.region {
            loader = loader.region(Region::new(region.clone()));
        }
        let config = loader.load().await;
        let unsaid = || {
            CliError::usage("nobody says which AWS region to use")
                .hint("`--region REGION`, a `region` in the configuration, or one in the profile")
        };
        let region = config.region().map(ToString::to_string).ok_or_else(unsaid)?;
        Ok(Self { target, config, region })
    }

    /// The region.
    pub(crate) fn region(&self) -> &str {
        &self.region
    }

    pub(crate) fn cloudformation(&self) -> aws_sdk_cloudformation::Client {
        aws_sdk_cloudformation::Client::new(&self.config)
    }

    pub(crate) fn logs(&self) -> aws_sdk_cloudwatchlogs::Client {
        aws_sdk_cloudwatchlogs::Client::new(&self.config)
    }

    pub(crate) fn cognito(&self) -> aws_sdk_cognitoidentityprovider::Client {
        aws_sdk_cognitoidentityprovider::Client::new(&self.config)
    }

    pub(crate) fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        aws_sdk_dynamodb::Client::new(&self.config)
    }

    pub(crate) fn iot(&self) -> aws_sdk_iot::Client {
        aws_sdk_iot::Client::new(&self.config)
    }

    /// The IoT data plane, at the account's own host.
    pub(crate) fn iot_data(&self, host: &str) -> aws_sdk_iotdataplane::Client {
        // What AWS's own configuration says comes first, as for all services.
        let config = aws_sdk_iotdataplane::config::Builder::from(&self.config);
        let said = std::env::var_os("AWS_ENDPOINT_URL_IOT_DATA_PLANE").is_some();
        let config = if said { config } else { config.endpoint_url(format!("https://{host}")) };
        aws_sdk_iotdataplane::Client::from_conf(config.build())
    }

    pub(crate) fn kms(&self) -> aws_sdk_kms::Client {
        aws_sdk_kms::Client::new(&self.config)
    }

    pub(crate) fn rdsdata(&self) -> aws_sdk_rdsdata::Client {
        aws_sdk_rdsdata::Client::new(&self.config)
    }

    pub(crate) fn s3(&self) -> aws_sdk_s3::Client {
        aws_sdk_s3::Client::new(&self.config)
    }

    pub(crate) fn sns(&self) -> aws_sdk_sns::Client {
        aws_sdk_sns::Client::new(&self.config)
    }

    pub(crate) fn sqs(&self) -> aws_sdk_sqs::Client {
        aws_sdk_sqs::Client::new(&self.config)
    }

    pub(crate) fn sts(&self) -> aws_sdk_sts::Client {
        aws_sdk_sts::Client::new(&self.config)
    }
}

/// That `what` did not work, with AWS's reason, and what to do if it is about who asks.
pub(crate) fn failed<E, R>(what: impl Into<String>, error: SdkError<E, R>) -> CliError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let code = error.code().unwrap_or_default().to_owned();
    let exit = if UNKNOWN.iter().chain(&DENIED).any(|each| *each == code) { Exit::Refused } else { Exit::Failure };
    let failed = CliError::new(exit, what);
    // A refusal says it in one sentence; everything else is told with its causes.
    let failed = match error.message().map(|message| format!("{code}: {message}")) {
        Some(reason) => failed.because(reason),
        None => failed.because(error),
    };
    if UNKNOWN.contains(&code.as_str()) {
        failed.hint("sign in anew: `aws sso login --profile NAME`, or fresh keys")
    } else if DENIED.contains(&code.as_str()) {
        failed.hint("docs/aws.md says what the person who deploys must be allowed to do")
    } else {
        failed
    }
}
