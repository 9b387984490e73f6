//! The environment of a function, parsed once. Every function has the same; what each may do with it is its role's.
//!
//! AWS's own variables (region, credentials, `AWS_ENDPOINT_URL_…`) are the SDK's business.

use marvain_aws::{LockMode, QueueUrls};
use marvain_domain::{id::AgentId, identity::Platform};
use marvain_topics::Queue;
use std::{collections::BTreeMap, str::FromStr};

/// A variable that is missing, or cannot be what it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the variable {variable} {problem}")]
pub struct SettingsError {
    /// Which.
    pub variable: &'static str,
    /// What is wrong with it.
    pub problem: String,
}

/// The whole environment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    /// Name of the ledger's table.
    pub table: String,
    /// URL of each queue.
    pub queues: BTreeMap<Queue, String>,
    /// URL of each queue's dead letters.
    pub dead_letters: BTreeMap<Queue, String>,
    /// Where recall is.
    pub sql: Sql,
    /// Where the audit log is.
    pub vault: Vault,
    /// Bucket of audio and pictures.
    pub artifacts_bucket: String,
    /// What signs the audit log's checkpoints.
    pub log_key: LogKey,
    /// Where satellites connect: the host of `iot:Data-ATS` or of a domain of one's own, with a port if it is not MQTT's.
    pub iot_endpoint: String,
    /// PEM of the roots that its certificate comes from, if they are not Amazon's.
    pub iot_roots: Option<String>,
    /// The model that plans; none to plan by plain rules.
    pub planner: Option<Planner>,
    /// IANA time zone that the household lives by.
    pub time_zone: String,
    /// The hub's own persona.
    pub agent: AgentId,
    /// Where readings are kept.
    pub telemetry: Telemetry,
    /// ARN of the SNS platform application of each platform; empty to push nothing.
    pub push_applications: BTreeMap<Platform, String>,
    /// Names that the API is asked under.
    pub api_hosts: Vec<String>,
}

/// An Aurora database, by the RDS Data API.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sql {
    /// The cluster.
    pub cluster_arn: String,
    /// Its credentials in Secrets Manager.
    pub secret_arn: String,
    /// The database.
    pub database: String,
}

/// A bucket with Object Lock.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Vault {
    /// The bucket.
    pub bucket: String,
    /// Its mode.
    pub mode: LockMode,
    /// How long each object is locked, in days.
    pub retention_days: u32,
}

/// A key in KMS.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogKey {
    /// Its id or ARN.
    pub key_id: String,
    /// The log's origin, which names it in its checkpoints.
    pub origin: String,
}

/// A model of OpenAI's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Planner {
    /// Its API key in Secrets Manager.
    pub secret_arn: String,
    /// Its name; the hub's own choice if not said.
    pub model: Option<String>,
}

/// Where readings are kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Telemetry {
    /// In the database that recall has.
    Aurora,
    /// In Timestream for LiveAnalytics.
    Timestream {
        /// The database.
        database: String,
        /// The table.
        table: String,
    },
}

impl Settings {
    /// From what `variable` knows of each name; `std::env::var` by way of `ok`.
    ///
    /// # Errors
    /// [`SettingsError`], which names the variable.
    pub fn parse(variable: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let env = Environment(&variable);
        Ok(Self {
            table: env.text("MARVAIN_TABLE")?,
            queues: env.queues("MARVAIN_QUEUES")?,
            dead_letters: env.queues("MARVAIN_DEAD_LETTERS")?,
            sql: Sql {
                cluster_arn: env.text("MARVAIN_SQL_CLUSTER_ARN")?,
                secret_arn: env.text("MARVAIN_SQL_SECRET_ARN")?,
                database: env.text("MARVAIN_SQL_DATABASE")?,
            },
            vault: Vault {
                bucket: env.text("MARVAIN_VAULT_BUCKET")?,
                mode: env.parsed("MARVAIN_VAULT_MODE")?,
                retention_days: env.parsed("MARVAIN_VAULT_RETENTION_DAYS")?,
            },
            artifacts_bucket: env.text("MARVAIN_ARTIFACTS_BUCKET")?,
            log_key: LogKey { key_id: env.text("MARVAIN_LOG_KEY_ID")?, origin: env.text("MARVAIN_LOG_ORIGIN")? },
            iot_endpoint: env.text("MARVAIN_IOT_ENDPOINT")?,
            iot_roots: env.optional("MARVAIN_IOT_ROOTS"),
            planner: env
                .optional("MARVAIN_OPENAI_SECRET_ARN")
                .map(|secret_arn| Planner { secret_arn, model: env.optional("MARVAIN_PLANNER_MODEL") }),
            time_zone: env.text("MARVAIN_TIME_ZONE")?,
            agent: env.parsed("MARVAIN_AGENT")?,
            telemetry: if env.one_of("MARVAIN_TELEMETRY", &[("aurora", true), ("timestream", false)])? {
                Telemetry::Aurora
            } else {
                Telemetry::Timestream {
                    database: env.text("MARVAIN_TIMESTREAM_DATABASE")?,
                    table: env.text("MARVAIN_TIMESTREAM_TABLE")?,
                }
            },
            push_applications: match env.optional("MARVAIN_PUSH_APPLICATIONS") {
                Some(_) => env.applications("MARVAIN_PUSH_APPLICATIONS")?,
                None => BTreeMap::new(),
            },
            api_hosts: env.list("MARVAIN_API_HOSTS"),
        })
    }

    /// The endpoint's host.
    pub fn iot_host(&self) -> &str {
        self.iot_endpoint.split(':').next().unwrap_or_default()
    }

    /// Both URLs of each queue.
    pub fn queue_urls(&self) -> BTreeMap<Queue, QueueUrls> {
        let urls = |(queue, url): (&Queue, &String)| {
            let dead_letters = self.dead_letters.get(queue)?.clone();
            Some((*queue, QueueUrls { queue: url.clone(), dead_letters }))
        };
        self.queues.iter().filter_map(urls).collect()
    }

    /// The queue whose ARN that is, `arn:aws:sqs:REGION:ACCOUNT:NAME`: the last part of its URL is its name, too.
    pub fn queue_of(&self, arn: &str) -> Option<Queue> {
        let name = arn.rsplit(':').next().filter(|name| !name.is_empty())?;
        self.queues.iter().find(|(_, url)| url.rsplit('/').next() == Some(name)).map(|(queue, _)| *queue)
    }
}

struct Environment<'a>(&'a dyn Fn(&str) -> Option<String>);

impl Environment<'_> {
    /// What is empty is not there: CloudFormation cannot leave a variable out.
    fn optional(&self, variable: &str) -> Option<String> {
        (self.0)(variable).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    fn text(&self, variable: &'static str) -> Result<String, SettingsError> {
        self.optional(variable).ok_or_else(|| SettingsError { variable, problem: "is missing".to_owned() })
    }

    fn parsed<T: FromStr<Err: std::fmt::Display>>(&self, variable: &'static str) -> Result<T, SettingsError> {
        let text = self.text(variable)?;
        text.parse().map_err(|error| SettingsError { variable, problem: format!("does not fit: `{text}`: {error}") })
    }

    fn one_of<T: Copy>(&self, variable: &'static str, all: &[(&str, T)]) -> Result<T, SettingsError> {
        let text = self.text(variable)?;
        let known = all.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
        known.ok_or_else(|| {
            let names: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
            SettingsError { variable, problem: format!("is `{text}`, none of {}", names.join(", ")) }
        })
    }

    fn list(&self, variable: &str) -> Vec<String> {
        let text = self.optional(variable).unwrap_or_default();
        text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
    }

    /// A JSON object with strings in it.
    fn names(&self, variable: &'static str) -> Result<BTreeMap<String, String>, SettingsError> {
        let problem = |error| SettingsError { variable, problem: format!("is no JSON object of strings: {error}") };
        serde_json::from_str(&self.text(variable)?).map_err(problem)
    }

    /// A JSON object with an ARN for some platforms.
    fn applications(&self, variable: &'static str) -> Result<BTreeMap<Platform, String>, SettingsError> {
        let platform = |(name, arn): (String, String)| match name.parse::<Platform>() {
            Ok(platform) => Ok((platform, arn)),
            Err(error) => Err(SettingsError { variable, problem: format!("does not fit: {error}") }),
        };
        self.names(variable)?.into_iter().map(platform).collect()
    }

    /// A JSON object with a URL for each queue.
    fn queues(&self, variable: &'static str) -> Result<BTreeMap<Queue, String>, SettingsError> {
        let mut named = self.names(variable)?;
        let mut queues = BTreeMap::new();
        for queue in Queue::ALL {
            let problem = || SettingsError { variable, problem: format!("has no queue `{}`", queue.name()) };
            queues.insert(queue, named.remove(queue.name()).ok_or_else(problem)?);
        }
        match named.into_keys().next() {
            Some(name) => Err(SettingsError { variable, problem: format!("names `{name}`, which is no queue") }),
            None => Ok(queues),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn whole() -> BTreeMap<&'static str, String> {
        let urls = |suffix: &str| {
            let url = |queue: Queue| format!("https://sqs.eu-central-1.amazonaws.com/1/home-{}{suffix}", queue.name());
            json!(Queue::ALL.map(|queue| (queue.name(), url(queue))).into_iter().collect::<BTreeMap<_, _>>())
                .to_string()
        };
        let variables = [
            ("MARVAIN_TABLE", "home"),
            ("MARVAIN_SQL_CLUSTER_ARN", "arn:aws:rds:eu-central-1:1:cluster:home"),
            ("MARVAIN_SQL_SECRET_ARN", "arn:aws:secretsmanager:eu-central-1:1:secret:sql"),
            ("MARVAIN_SQL_DATABASE", "marvain"),
            ("MARVAIN_VAULT_BUCKET", "home-vault"),
            ("MARVAIN_VAULT_MODE", "GOVERNANCE"),
            ("MARVAIN_VAULT_RETENTION_DAYS", "1"),
            ("MARVAIN_ARTIFACTS_BUCKET", "home-artifacts"),
            ("MARVAIN_LOG_KEY_ID", "key"),
            ("MARVAIN_LOG_ORIGIN", "marvain.aws/home"),
            ("MARVAIN_IOT_ENDPOINT", "x-ats.iot.eu-central-1.amazonaws.com"),
            ("MARVAIN_TIME_ZONE", "Europe/Berlin"),
            ("MARVAIN_AGENT", "marvain"),
            ("MARVAIN_TELEMETRY", "aurora"),
        ];
        let mut whole: BTreeMap<_, _> = variables.map(|(name, value)| (name, value.to_owned())).into_iter().collect();
        whole.insert("MARVAIN_QUEUES", urls(""));
        whole.insert("MARVAIN_DEAD_LETTERS", urls("-dead"));
        whole
    }

    fn parse(variables: &BTreeMap<&'static str, String>) -> Result<Settings, SettingsError> {
        Settings::parse(|name| variables.get(name).cloned())
    }

    #[test]
    fn each_variable_that_is_missing_is_named() {
        let whole = whole();
        assert!(parse(&whole).is_ok());
        for name in whole.keys() {
            let mut rest = whole.clone();
            rest.remove(name);
            assert_eq!(parse(&rest).unwrap_err().to_string(), format!("the variable {name} is missing"));
            rest.insert(name, " ".into());
            assert_eq!(parse(&rest).unwrap_err().variable, *name, "what is empty is missing");
        }
    }

    #[test]
    fn what_does_not_fit_is_said_with_its_variable() {
        let cases = [
            ("MARVAIN_VAULT_MODE", "forever", "does not fit: `forever`"),
            ("MARVAIN_VAULT_RETENTION_DAYS", "-1", "does not fit: `-1`"),
            ("MARVAIN_AGENT", "a b", "does not fit: `a b`"),
            ("MARVAIN_TELEMETRY", "csv", "is `csv`, none of aurora, timestream"),
            ("MARVAIN_QUEUES", "[]", "is no JSON object of strings"),
            ("MARVAIN_QUEUES", "{}", "has no queue `observe`"),
            ("MARVAIN_PUSH_APPLICATIONS", "x", "is no JSON object of strings"),
            ("MARVAIN_PUSH_APPLICATIONS", r#"{"pager": "arn"}"#, "does not fit"),
        ];
        for (name, value, problem) in cases {
            let mut variables = whole();
            variables.insert(name, value.into());
            let error = parse(&variables).unwrap_err();
            assert!(error.variable == name && error.problem.starts_with(problem), "{error}");
        }
        let mut variables = whole();
        variables.insert("MARVAIN_TELEMETRY", "timestream".into());
        assert_eq!(parse(&variables).unwrap_err().variable, "MARVAIN_TIMESTREAM_DATABASE");
    }

    #[test]
    fn what_may_be_left_out_has_a_meaning() {
        let mut variables = whole();
        let bare = parse(&variables).unwrap();
        assert_eq!((bare.planner, bare.push_applications.len(), bare.api_hosts.len()), (None, 0, 0));
        variables.insert("MARVAIN_OPENAI_SECRET_ARN", "arn:openai".into());
        variables.insert("MARVAIN_API_HOSTS", "a.example, b.example,".into());
        variables.insert("MARVAIN_PUSH_APPLICATIONS", r#"{"apns": "arn:apns"}"#.into());
        let full = parse(&variables).unwrap();
        assert_eq!(full.planner, Some(Planner { secret_arn: "arn:openai".into(), model: None }));
        assert_eq!(full.api_hosts, ["a.example", "b.example"]);
        assert_eq!(full.push_applications[&Platform::Apns], "arn:apns");
    }

    #[test]
    fn a_queue_is_known_by_its_arn() {
        let settings = parse(&whole()).unwrap();
        assert_eq!(settings.queue_of("arn:aws:sqs:eu-central-1:1:home-judge"), Some(Queue::Judge));
        for other in ["arn:aws:sqs:eu-central-1:1:home-judge-dead", "arn:aws:sqs:eu-central-1:1:judge", "home", ""] {
            assert_eq!(settings.queue_of(other), None, "{other}");
        }
    }
}
