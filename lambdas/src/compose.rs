//! The hub on AWS, composed once at a function's cold start: which adapters there are, and with which clients. Nothing is
//! asked of AWS here.
//!
//! What a function may do with its clients is its role's; what none of its steps asks of is only constructed.

use crate::{
    Function, System,
    operations::AwsOperations,
    planner_key::PlannerKey,
    settings::{Settings, Telemetry},
};
use aws_config::{
    BehaviorVersion, SdkConfig,
    environment::{EnvironmentVariableCredentialsProvider, EnvironmentVariableRegionProvider},
    timeout::TimeoutConfig,
};
use marvain_aws::{
    AuroraRecall, AuroraTelemetry, AwsBus, AwsFleet, DynamoLedger, FleetSettings, KmsSigner, LedgerSettings, S3Vault,
    Secrets, SnsPush, SqsQueues, Timestream, TimestreamSettings, VaultSettings,
    sql::{DataApi, DataApiSettings, RESUME_MAX, Sql},
};
use marvain_console::Operations;
use marvain_hub::{
    Hub, Ports, Settings as HubSettings,
    planner::{self, ApiKey, OpenAiSettings},
    port::{Cause, Model, Telemetry as TelemetryPort},
};
use std::{sync::Arc, time::Duration};

/// AWS's own variable for another endpoint of the IoT data plane ("Service-specific endpoints").
const IOT_DATA_ENDPOINT: &str = "AWS_ENDPOINT_URL_IOT_DATA_PLANE";
const TIMESTREAM_ENDPOINT: &str = "AWS_ENDPOINT_URL_TIMESTREAM_WRITE";
/// Seconds of a day.
const DAY_S: u64 = 24 * 3600;
/// How long somebody who waits for an answer waits for the database to resume: API Gateway gives up after 30 s. It is told that
/// the database wakes up, and asks again.
const RESUME_MAX_API: Duration = Duration::from_secs(20);
/// How long a connection may take to be there, in milliseconds.
const CONNECT_MS: u64 = 1_000;
/// How long a service may take to answer, in milliseconds: what has not answered by then is asked again while there is time.
/// The ledger, the Data API and Timestream have limits of their own.
const ATTEMPT_MS: u64 = 4_000;

/// Why a function has no hub.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    /// The audit log cannot be called that.
    #[error("the variable MARVAIN_LOG_ORIGIN does not fit")]
    Origin(#[from] marvain_domain::audit::origin::OriginError),
    /// The model cannot be set up.
    #[error(transparent)]
    Planner(#[from] planner::SettingsError),
    /// Amazon's roots do not read.
    #[error(transparent)]
    Roots(#[from] marvain_aws::fleet::RootsError),
    /// Timestream's names do not fit.
    #[error("the variables MARVAIN_TIMESTREAM_… do not fit")]
    Timestream(#[source] Cause),
}

/// A hub, and what its API offers besides.
pub struct Composition {
    /// The hub.
    pub hub: Arc<Hub>,
    /// Queues and the audit log's objects.
    pub operations: Arc<dyn Operations>,
}

/// Composes the hub that the settings describe, for one function.
///
/// # Errors
/// [`ComposeError`]: the function does not start.
pub async fn compose(
    function: Function,
    settings: &Arc<Settings>,
    system: System,
) -> Result<Composition, ComposeError> {
    // The SDK itself would wait for an answer for ever.
    let patience = TimeoutConfig::builder()
        .connect_timeout(Duration::from_millis(CONNECT_MS))
        .operation_attempt_timeout(Duration::from_millis(ATTEMPT_MS))
        .build();
    // Lambda has both in the environment; to look everywhere else for them would take a fifth of the start.
    let aws = aws_config::defaults(BehaviorVersion::latest())
        .region(EnvironmentVariableRegionProvider::new())
        .credentials_provider(EnvironmentVariableCredentialsProvider::new())
        .timeout_config(patience)
        .load()
        .await;
    let dice = system.dice();
    let ledger = LedgerSettings { table: settings.table.clone(), instance: dice() };
    let ledger = Arc::new(DynamoLedger::new(&aws_sdk_dynamodb::Client::new(&aws), ledger));
    let sql: Arc<dyn Sql> = Arc::new(DataApi::new(aws_sdk_rdsdata::Client::new(&aws), data_api(function, settings)));
    let vault = VaultSettings {
        bucket: settings.vault.bucket.clone(),
        mode: settings.vault.mode,
        retention: Duration::from_secs(u64::from(settings.vault.retention_days) * DAY_S),
    };
    let vault = Arc::new(S3Vault::new(aws_sdk_s3::Client::new(&aws), vault, system.clock()));
    let sqs = aws_sdk_sqs::Client::new(&aws);
    let iot = aws_sdk_iot::Client::new(&aws);
    let bus = AwsBus::new(sqs.clone(), iot.clone(), iot_data(&aws, settings), settings.queues.clone());
    let ports = Ports {
        ledger: ledger.clone(),
        recall: Arc::new(AuroraRecall::new(sql.clone())),
        model: model(function, settings, &aws, system)?,
        bus: Arc::new(bus),
        fleet: Arc::new(AwsFleet::new(
            iot,
            FleetSettings::aws(Some(&settings.iot_endpoint), settings.iot_roots.clone())?,
        )),
        push: Arc::new(SnsPush::new(aws_sdk_sns::Client::new(&aws), settings.push_applications.clone())),
        vault: vault.clone(),
        signer: Arc::new(KmsSigner::new(aws_sdk_kms::Client::new(&aws), settings.log_key.key_id.clone())),
        telemetry: telemetry(settings, &aws, sql)?,
    };
    let log_origin = settings.log_key.origin.parse()?;
    let hub = HubSettings { agent: settings.agent.clone(), time_zone: settings.time_zone.clone(), log_origin };
    let hub = Arc::new(Hub::new(ports, hub));
    let queues = SqsQueues::new(sqs, settings.queue_urls());
    let operations = AwsOperations { queues, ledger, vault, started_at: system.now() };
    Ok(Composition { hub, operations: Arc::new(operations) })
}

fn data_api(function: Function, settings: &Settings) -> DataApiSettings {
    let sql = &settings.sql;
    DataApiSettings {
        cluster_arn: sql.cluster_arn.clone(),
        secret_arn: sql.secret_arn.clone(),
        database: sql.database.clone(),
        resume_max: if function == Function::Api { RESUME_MAX_API } else { RESUME_MAX },
    }
}

/// The account's own endpoint, unless AWS's own variable names another.
fn iot_data(aws: &SdkConfig, settings: &Settings) -> aws_sdk_iotdataplane::Client {
    let config = aws_sdk_iotdataplane::config::Builder::from(aws);
    // What AWS's own configuration says has its place already.
    let is_said = std::env::var_os(IOT_DATA_ENDPOINT).is_some();
    let config = if is_said { config } else { config.endpoint_url(format!("https://{}", settings.iot_host())) };
    aws_sdk_iotdataplane::Client::from_conf(config.build())
}

/// The model that the settings name, for functions that ask one.
fn model(
    function: Function,
    settings: &Settings,
    aws: &SdkConfig,
    system: System,
) -> Result<Arc<dyn Model>, ComposeError> {
    let openai = match &settings.planner {
        Some(planner) if function.asks_a_model() => {
            let secrets = Secrets::new(aws_sdk_secretsmanager::Client::new(aws), system.clock());
            let key = PlannerKey { secrets, arn: planner.secret_arn.clone() };
            let mut openai = OpenAiSettings::new(ApiKey::Kept(Arc::new(key)));
            if let Some(model) = &planner.model {
                openai.model.clone_from(model);
            }
            Some(openai)
        }
        _ => None,
    };
    Ok(planner::from_settings(openai.as_ref(), system.clock(), system.dice())?)
}

fn telemetry(settings: &Settings, aws: &SdkConfig, sql: Arc<dyn Sql>) -> Result<Arc<dyn TelemetryPort>, ComposeError> {
    Ok(match &settings.telemetry {
        Telemetry::Aurora => Arc::new(AuroraTelemetry::new(sql)),
        Telemetry::Timestream { database, table } => {
            let write = aws_sdk_timestreamwrite::Client::new(aws);
            let query = aws_sdk_timestreamquery::Client::new(aws);
            // What AWS's own configuration says has its place already.
            let discover = std::env::var_os(TIMESTREAM_ENDPOINT).is_none();
            let table = TimestreamSettings { database: database.clone(), table: table.clone(), discover };
            Arc::new(Timestream::new(write, query, &table).map_err(ComposeError::Timestream)?)
        }
    })
}
