//! The deployed hub's use cases, composed here on its own stores: for what must be done before anybody can ask its API.
//!
//! Whoever runs it has rights to the stores by AWS; the hub's policy still applies to what a caller asks.

use super::{
    clients::Aws,
    target::{StackName, Target},
};
use crate::{embedded::System, error::CliError};
use marvain_aws::{
    AuroraRecall, AuroraTelemetry, AwsBus, AwsFleet, DynamoLedger, FleetSettings, KmsSigner, LedgerSettings, LockMode,
    S3Vault, SnsPush, VaultSettings,
    sql::{DataApi, DataApiSettings, RESUME_MAX, Sql},
};
use marvain_domain::{audit::Origin, id::AgentId};
use marvain_hub::{Hub, Ports, Settings, planner};
use marvain_topics::Queue;
use std::{collections::BTreeMap, error::Error, sync::Arc, time::Duration};

/// The persona of a hub that was deployed without naming another, as the CDK app has it.
const AGENT: &str = "marvain";
/// The time zone of one that was deployed without saying, as the CDK app has it.
const TIME_ZONE: &str = "UTC";
const DAY_S: u64 = 24 * 3600;

type Outputs = BTreeMap<String, String>;

/// The hub's persona, as it was deployed.
pub(crate) fn agent(target: &Target) -> &str {
    target.context.get("agent").map_or(AGENT, String::as_str)
}

/// The ledger.
pub(crate) fn ledger(aws: &Aws, outputs: &Outputs, system: &System) -> Result<DynamoLedger, CliError> {
    let table = super::output(outputs, "TableName")?.to_owned();
    Ok(DynamoLedger::new(&aws.dynamodb(), LedgerSettings { table, instance: u64::from_ne_bytes(system.random()) }))
}

/// The database.
pub(crate) fn database(outputs: &Outputs) -> Result<DataApiSettings, CliError> {
    let output = |name| super::output(outputs, name).map(str::to_owned);
    Ok(DataApiSettings {
        cluster_arn: output("SqlClusterArn")?,
        secret_arn: output("SqlSecretArn")?,
        database: output("SqlDatabase")?,
        resume_max: RESUME_MAX,
    })
}

/// The vault.
pub(crate) fn vault(aws: &Aws, outputs: &Outputs, system: &System) -> Result<S3Vault, CliError> {
    let retention = super::output(outputs, "VaultRetention")?;
    let (mode, days) = locked(retention)
        .ok_or_else(|| CliError::failure(format!("the output `VaultRetention` is `{retention}`, no mode and days")))?;
    let bucket = super::output(outputs, "VaultBucket")?.to_owned();
    let settings = VaultSettings { bucket, mode, retention: Duration::from_secs(days.saturating_mul(DAY_S)) };
    Ok(S3Vault::new(aws.s3(), settings, system.clock()))
}

/// `COMPLIANCE 365d`.
fn locked(text: &str) -> Option<(LockMode, u64)> {
    let (mode, days) = text.split_once(' ')?;
    Some((mode.parse().ok()?, days.strip_suffix('d')?.parse().ok()?))
}

/// The name of a deployment's audit log.
fn origin(stack: &StackName) -> Result<Origin, CliError> {
    format!("marvain.aws/{stack}").parse().map_err(|e| unfit("the name of the audit log", e))
}

/// The hub.
pub(crate) fn compose(aws: &Aws, outputs: &Outputs, system: &System) -> Result<Hub, CliError> {
    let endpoint = super::output(outputs, "IotDataEndpoint")?.to_owned();
    let queues = queues(super::output(outputs, "QueueUrls")?)?;
    let fleet = FleetSettings::aws(Some(&endpoint), None).map_err(|e| unfit("Amazon's roots", e))?;
    let model = planner::from_settings(None, system.clock(), system.dice()).map_err(|e| unfit("the planner", e))?;
    let sql: Arc<dyn Sql> = Arc::new(DataApi::new(aws.rdsdata(), database(outputs)?));
    let ports = Ports {
        ledger: Arc::new(ledger(aws, outputs, system)?),
        recall: Arc::new(AuroraRecall::new(sql.clone())),
        model,
        bus: Arc::new(AwsBus::new(aws.sqs(), aws.iot(), aws.iot_data(&endpoint), queues)),
        fleet: Arc::new(AwsFleet::new(aws.iot(), fleet)),
        // Nothing that is done here is told to anybody's telephone.
        push: Arc::new(SnsPush::new(aws.sns(), BTreeMap::new())),
        vault: Arc::new(vault(aws, outputs, system)?),
        telemetry: Arc::new(AuroraTelemetry::new(sql)),
        signer: Arc::new(KmsSigner::new(aws.kms(), super::output(outputs, "LogKeyId")?)),
    };
    let agent: AgentId = agent(&aws.target).parse().map_err(|e| unfit("the hub's persona", e))?;
    let time_zone = aws.target.context.get("time_zone").map_or(TIME_ZONE, String::as_str).to_owned();
    let settings = Settings { agent, time_zone, log_origin: origin(&aws.target.stack)? };
    Ok(Hub::new(ports, settings))
}

fn queues(urls: &str) -> Result<BTreeMap<Queue, String>, CliError> {
    let urls: BTreeMap<String, String> = serde_json::from_str(urls).map_err(|e| unfit("the output `QueueUrls`", e))?;
    let named = |queue: Queue| Some((queue, urls.get(queue.name())?.clone()));
    Ok(Queue::ALL.into_iter().filter_map(named).collect())
}

fn unfit(what: &str, error: impl Error + Send + Sync + 'static) -> CliError {
    CliError::failure(format!("{what} cannot be used")).because(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retention_is_mode_and_days() {
        assert_eq!(locked("COMPLIANCE 365d"), Some((LockMode::Compliance, 365)));
        assert_eq!(locked("GOVERNANCE 1d"), Some((LockMode::Governance, 1)));
        for bad in ["", "COMPLIANCE", "NONE 1d", "GOVERNANCE 1", "GOVERNANCE d"] {
            assert_eq!(locked(bad), None, "{bad}");
        }
    }
}
