//! Jobs over HTTPS: AWS's SDK for Python as it is, for operators and for a device.

use std::collections::BTreeMap;

use marvain_iotcore::jobs::{ExecutionStatus, JobId};
use marvain_iotcore::names::ThingName;

use crate::clients::run;
use crate::https::{Https, KEY, SECRET};

/// Of a device that works its jobs over HTTPS and hears of them by messages; another's it may only list.
const DEVICE: &str = r#"{"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "iot:Connect", "Resource": "arn:aws:iot:*:*:client/den"},
    {"Effect": "Allow", "Action": "iot:Subscribe", "Resource": "arn:aws:iot:*:*:topicfilter/$aws/things/den/jobs/*"},
    {"Effect": "Allow", "Action": "iot:Receive", "Resource": "arn:aws:iot:*:*:topic/$aws/things/den/jobs/*"},
    {"Effect": "Allow", "Action": ["iot:DescribeJobExecution", "iotjobsdata:GetPendingJobExecutions",
        "iotjobsdata:StartNextPendingJobExecution", "iot:UpdateJobExecution"], "Resource": "arn:aws:iot:*:*:thing/den"},
    {"Effect": "Allow", "Action": "iot:GetPendingJobExecutions", "Resource": "arn:aws:iot:*:*:thing/other"}
]}"#;

async fn run_script(https: &Https, script: &str) {
    let den = https.world.device_with("den", DEVICE).await;
    let port = https.address.port().to_string();
    run(script, &[&port, KEY, SECRET], &den).await;
}

#[tokio::test]
async fn aws_jobs_control_plane() {
    let https = Https::start().await;
    let core = &https.world.core;
    for name in ["lamp", "late"] {
        core.create_thing(ThingName::parse(name).unwrap(), BTreeMap::new()).await.unwrap();
    }
    core.create_thing_group("house", None, BTreeMap::new()).await.unwrap();
    core.add_thing_to_group(ThingName::parse("lamp").unwrap(), "house").await.unwrap();
    run_script(&https, "python/jobs_control.py").await;
    https.stop().await;
}

#[tokio::test]
async fn aws_jobs_data_plane() {
    let https = Https::start().await;
    let core = &https.world.core;
    core.create_thing(ThingName::parse("other").unwrap(), BTreeMap::new()).await.unwrap();
    run_script(&https, "python/jobs_data.py").await;
    // What the device said is what there is.
    for (job, status) in [("first", ExecutionStatus::Succeeded), ("second", ExecutionStatus::Rejected)] {
        let (job, thing) = (JobId::parse(job).unwrap(), ThingName::parse("den").unwrap());
        let execution = core.describe_job_execution(job, thing, None).await.unwrap().unwrap();
        assert_eq!(execution.status, status);
    }
    https.stop().await;
}
