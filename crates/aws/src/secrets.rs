//! Secrets from AWS Secrets Manager, such as the planner's key, kept for a short time.
//!
//! A rotated secret is picked up when the copy here is older than its time to live, or at once by [`Secrets::refresh`] when
//! somebody has refused the old one. While Secrets Manager cannot be reached the old one goes on for a while. It does not know
//! what a secret is for, and never shows one.

use crate::clock::Clock;
use aws_sdk_secretsmanager::{
    Client,
    error::SdkError,
    operation::get_secret_value::{GetSecretValueError, GetSecretValueOutput},
};
use marvain_domain::{Timestamp, chain};
use marvain_hub::port::Cause;
use secrecy::SecretString;
use std::{collections::HashMap, fmt};
use tokio::sync::Mutex;

/// How long a secret is used before it is asked for again, in seconds.
pub const SECRET_TTL_S: u64 = 300;
/// How long a secret that cannot be asked for again is used at most, in seconds.
pub const SECRET_STALE_S_MAX: u64 = 3600;
/// Most secrets that are kept.
pub const SECRETS_MAX: usize = 16;

/// Which version of a secret (Secrets Manager User Guide, "Staging labels").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Stage {
    /// The one in use.
    #[default]
    Current,
    /// The one that a rotation is about to put into use.
    Pending,
    /// The one that was in use before.
    Previous,
}

impl Stage {
    const fn label(self) -> &'static str {
        match self {
            Self::Current => "AWSCURRENT",
            Self::Pending => "AWSPENDING",
            Self::Previous => "AWSPREVIOUS",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// Why there is no secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// There is none of that name, or no such version.
    #[error("there is no secret `{id}` in stage {stage}")]
    Absent {
        /// Name or ARN.
        id: String,
        /// Version.
        stage: Stage,
        /// What Secrets Manager says.
        #[source]
        source: Cause,
    },
    /// It is binary or empty.
    #[error("the secret `{0}` holds no text")]
    NoText(String),
    /// It cannot be had now, or not by this role.
    #[error("the secret `{id}` cannot be read now")]
    Unavailable {
        /// Name or ARN.
        id: String,
        /// Why.
        #[source]
        source: Cause,
    },
}

struct Kept {
    secret: SecretString,
    read_at: Timestamp,
}

/// Secrets, and the copies of them.
pub struct Secrets {
    client: Client,
    clock: Clock,
    kept: Mutex<HashMap<(String, Stage), Kept>>,
}

impl Secrets {
    /// Reads with `client`, which needs `secretsmanager:GetSecretValue` for each secret, and `kms:Decrypt` if one is encrypted
    /// with a key of the account's own.
    pub fn new(client: Client, clock: Clock) -> Self {
        Self { client, clock, kept: Mutex::default() }
    }

    /// The text of the secret `id` (name or ARN) in that stage, at most [`SECRET_TTL_S`] old; up to [`SECRET_STALE_S_MAX`]
    /// if Secrets Manager does not answer. Who asks for the same at the same time waits for one answer.
    ///
    /// # Errors
    /// [`SecretError`].
    pub async fn get(&self, id: &str, stage: Stage) -> Result<SecretString, SecretError> {
        let mut kept = self.kept.lock().await;
        let now = (self.clock)();
        let name = (id.to_owned(), stage);
        let age_ms = kept.get(&name).map(|kept| now.ms_since(kept.read_at));
        if let Some(fresh) = kept.get(&name).filter(|_| age_ms < Some(SECRET_TTL_S * 1000)) {
            return Ok(fresh.secret.clone());
        }
        match self.ask(id, stage).await {
            Ok(secret) => {
                keep(&mut kept, name, Kept { secret: secret.clone(), read_at: now });
                Ok(secret)
            }
            Err(Failed { error, is_passing }) => {
                let is_usable = is_passing && age_ms < Some(SECRET_STALE_S_MAX * 1000);
                match kept.get(&name).filter(|_| is_usable) {
                    Some(stale) => {
                        tracing::warn!(secret = id, error = chain(&error), "an old copy of a secret is used");
                        Ok(stale.secret.clone())
                    }
                    None => {
                        kept.remove(&name);
                        Err(error)
                    }
                }
            }
        }
    }

    /// The secret as it is now, whatever is kept: for those who were refused with the one they had.
    ///
    /// # Errors
    /// [`SecretError`].
    pub async fn refresh(&self, id: &str, stage: Stage) -> Result<SecretString, SecretError> {
        self.kept.lock().await.remove(&(id.to_owned(), stage));
        self.get(id, stage).await
    }

    async fn ask(&self, id: &str, stage: Stage) -> Result<SecretString, Failed> {
        let asked = self.client.get_secret_value().secret_id(id).version_stage(stage.label()).send().await;
        match asked {
            Ok(GetSecretValueOutput { secret_string: Some(text), .. }) if !text.is_empty() => Ok(text.into()),
            Ok(_) => Err(Failed { error: SecretError::NoText(id.to_owned()), is_passing: false }),
            Err(error) => {
                let is_passing = is_passing(&error);
                let is_absent =
                    matches!(error.as_service_error(), Some(GetSecretValueError::ResourceNotFoundException(_)));
                let (id, source) = (id.to_owned(), Box::new(error));
                let error = if is_absent {
                    SecretError::Absent { id, stage, source }
                } else {
                    SecretError::Unavailable { id, source }
                };
                Err(Failed { error, is_passing })
            }
        }
    }
}

struct Failed {
    error: SecretError,
    is_passing: bool,
}

/// Is it the service or the way to it, and not an answer that will stay the same?
fn is_passing(error: &SdkError<GetSecretValueError>) -> bool {
    match error {
        SdkError::ServiceError(failed) => {
            let status = failed.raw().status().as_u16();
            status >= 500 || status == 429 || failed.err().meta().code() == Some("ThrottlingException")
        }
        SdkError::ConstructionFailure(_) => false,
        _ => true,
    }
}

/// Keeps a secret; the oldest makes room.
fn keep(kept: &mut HashMap<(String, Stage), Kept>, name: (String, Stage), secret: Kept) {
    if kept.len() >= SECRETS_MAX && !kept.contains_key(&name) {
        let oldest = kept.iter().min_by_key(|(_, kept)| kept.read_at).map(|(name, _)| name.clone());
        oldest.map(|name| kept.remove(&name));
    }
    kept.insert(name, secret);
}
