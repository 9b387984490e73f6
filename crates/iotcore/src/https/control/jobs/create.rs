//! API Reference, `CreateJob`.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::settings::{RetryConfig, TimeoutConfig, refuse};
use super::without_nulls;
use crate::core::Config;
use crate::https::control::names::arn;
use crate::https::error::ApiError;
use crate::https::reply::Reply;
use crate::https::route::{Answer, Call};
use crate::jobs::{JobId, JobTarget, NewJob};
use crate::names::ThingName;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreateJob {
    targets: Vec<String>,
    document: Option<String>,
    #[serde(default)]
    description: String,
    target_selection: Option<String>,
    timeout_config: Option<TimeoutConfig>,
    job_executions_retry_config: Option<RetryConfig>,
    #[serde(flatten)]
    others: HashMap<String, Value>,
}

const UNSUPPORTED: [&str; 10] = [
    "documentSource",
    "presignedUrlConfig",
    "jobExecutionsRolloutConfig",
    "abortConfig",
    "schedulingConfig",
    "jobTemplateArn",
    "documentParameters",
    "destinationPackageVersions",
    "namespaceId",
    "tags",
];

/// `PUT /jobs/{jobId}`. The same job again is left as it is.
pub(super) async fn create(call: Call<'_>, id: JobId) -> Answer {
    let asked: CreateJob = call.request.json()?;
    refuse(&asked.others, &UNSUPPORTED)?;
    let config = &call.core.broker.config;
    let targets = asked.targets.iter().map(|target| parse_target(config, target)).collect::<Result<_, _>>()?;
    let continuous = match asked.target_selection.as_deref() {
        None | Some("SNAPSHOT") => false,
        Some("CONTINUOUS") => true,
        Some(_) => return Err(ApiError::invalid("targetSelection is SNAPSHOT or CONTINUOUS")),
    };
    let retries = asked.job_executions_retry_config.as_ref().map(RetryConfig::retries).transpose()?;
    let job = NewJob {
        document: asked.document.ok_or_else(|| ApiError::invalid("there is no document"))?,
        id: id.clone(),
        targets,
        description: asked.description,
        in_progress_timeout_minutes: asked.timeout_config.and_then(|config| config.in_progress_timeout_in_minutes),
        retries: retries.unwrap_or_default(),
        continuous,
    };
    let description = (!job.description.is_empty()).then(|| job.description.clone());
    call.core.create_job(job).await?;
    Ok(Reply::json(&without_nulls(json!({"jobArn": arn(config, "job", &id), "jobId": id, "description": description}))))
}

/// The thing or thing group that an ARN names.
fn parse_target(config: &Config, text: &str) -> Result<JobTarget, ApiError> {
    let named = |kind| text.strip_prefix(&arn(config, kind, "")).filter(|name| !name.is_empty());
    if let Some(name) = named("thing") {
        return Ok(JobTarget::Thing(ThingName::parse(name)?));
    }
    let group = named("thinggroup").map(|name| JobTarget::Group(name.into()));
    group
        .ok_or_else(|| ApiError::invalid(format!("`{text}` is not the ARN of a thing or thing group of this IoT Core")))
}

/// The counterpart of [`parse_target`].
pub(super) fn target_arn(config: &Config, target: &JobTarget) -> String {
    match target {
        JobTarget::Thing(name) => arn(config, "thing", name),
        JobTarget::Group(name) => arn(config, "thinggroup", name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_things_and_groups_of_this_account() {
        let config = Config::new("unused");
        for good in ["arn:aws:iot:local:000000000000:thing/a", "arn:aws:iot:local:000000000000:thinggroup/b"] {
            assert_eq!(target_arn(&config, &parse_target(&config, good).unwrap()), good);
        }
        for bad in [
            "a",
            "arn:aws:iot:local:000000000000:thing/",
            "arn:aws:iot:local:000000000000:thing/a b",
            "arn:aws:iot:local:000000000000:cert/a",
            "arn:aws:iot:us-east-1:000000000000:thing/a",
        ] {
            assert!(parse_target(&config, bad).is_err(), "{bad}");
        }
    }
}
