//! Sessions of a person with deployed hubs: the tokens that Cognito has given them, in XDG's state directory, a file an app
//! client, mode 0600. An access token that is about to expire is renewed with the refresh token.
//!
//! It does not know how they were got: [`super::login`] does.

use super::{clients::failed, config::private_file, runner::state_dir, target::Target};
use crate::{
    error::{CliError, Exit},
    globals::{now, shown},
};
use aws_config::{BehaviorVersion, Region};
use aws_sdk_cognitoidentityprovider::{Client, error::ProvideErrorMetadata as _, types::AuthFlowType};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

/// A token that is good for less than this is renewed, in milliseconds.
const MARGIN_MS: u64 = 60_000;
/// Largest file of a session, in bytes.
const FILE_BYTES_MAX: u64 = 64 * 1024;
/// The output that names the user pool.
const POOL: &str = "UserPoolId";
/// The output that names the app client.
const APP_CLIENT: &str = "UserPoolClientId";

/// Whom a person signs in to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Pool {
    /// `eu-central-1_AbCdEfGhI`.
    pub(crate) id: String,
    /// The region, which is part of the id ("User pool ID" in Cognito's API reference).
    pub(crate) region: String,
    /// The app client.
    pub(crate) app_client: String,
}

impl Pool {
    /// The deployment's.
    pub(crate) fn of(outputs: &BTreeMap<String, String>) -> Result<Self, CliError> {
        let (id, app_client) = (super::output(outputs, POOL)?, super::output(outputs, APP_CLIENT)?);
        let plain =
            |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
        let region = id.split_once('_').map(|(region, _)| region.to_owned());
        match region {
            Some(region) if plain(id) && plain(app_client) => {
                Ok(Self { id: id.to_owned(), region, app_client: app_client.to_owned() })
            }
            _ => Err(CliError::failure(format!("`{id}` and `{app_client}` are no user pool and app client"))),
        }
    }

    /// Cognito as anybody may ask it: signing in needs no credentials of AWS.
    pub(crate) async fn client(&self) -> Client {
        let config = aws_config::defaults(BehaviorVersion::latest()).no_credentials();
        Client::new(&config.region(Region::new(self.region.clone())).load().await)
    }

    fn file(&self) -> Result<PathBuf, CliError> {
        Ok(state_dir()?.join("sessions").join(format!("{}.json", self.app_client)))
    }
}

/// What Cognito has given.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Session {
    /// Whose pool it is of.
    pub(crate) pool: String,
    /// What the hub is asked with.
    pub(crate) access_token: String,
    /// What another is got with.
    pub(crate) refresh_token: Option<String>,
    /// Until when the access token is good, in milliseconds since 1970.
    pub(crate) expires_at_ms: u64,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("expires_at_ms", &self.expires_at_ms).finish_non_exhaustive()
    }
}

impl Session {
    /// Of tokens that are good for so many seconds from now on.
    pub(crate) fn new(pool: &Pool, access_token: String, refresh_token: Option<String>, good_for_s: u64) -> Self {
        let expires_at_ms = now().as_ms().saturating_add(good_for_s.saturating_mul(1000));
        Self { pool: pool.id.clone(), access_token, refresh_token, expires_at_ms }
    }

    /// Keeps it.
    pub(crate) fn keep(&self, pool: &Pool) -> Result<PathBuf, CliError> {
        let path = pool.file()?;
        let text =
            serde_json::to_vec(self).map_err(|e| CliError::failure("the session has no JSON form").because(e))?;
        private_file(&path, &text).map_err(|e| cannot("write", &path, e))?;
        Ok(path)
    }

    /// The one that was kept.
    pub(crate) fn kept(pool: &Pool) -> Result<Option<Self>, CliError> {
        let path = pool.file()?;
        let text = match fs::File::open(&path) {
            Ok(file) => {
                io::read_to_string(io::Read::take(file, FILE_BYTES_MAX)).map_err(|e| cannot("read", &path, e))?
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(cannot("read", &path, e)),
        };
        let session: Self = serde_json::from_str(&text).map_err(|e| {
            CliError::failure(format!("`{}` holds no session", shown(&path))).because(e).hint("`marvain login`")
        })?;
        Ok(Some(session).filter(|session| session.pool == pool.id))
    }

    /// Forgets the one that was kept; says whether there was one.
    pub(crate) fn forget(pool: &Pool) -> Result<bool, CliError> {
        let path = pool.file()?;
        match fs::remove_file(&path) {
            Ok(()) => Ok(true),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(e) => Err(cannot("remove", &path, e)),
        }
    }
}

fn cannot(what: &str, path: &Path, error: io::Error) -> CliError {
    CliError::failure(format!("cannot {what} `{}`", shown(path))).because(error)
}

/// What the hub of these outputs is asked with.
///
/// # Errors
/// If nobody has signed in, or their session is over.
pub(crate) async fn token(target: &Target, outputs: &BTreeMap<String, String>) -> Result<String, CliError> {
    let pool = Pool::of(outputs)?;
    let nobody = |what: &str| {
        let which =
            target.env.as_ref().map_or_else(|| format!("--stack {}", target.stack), |env| format!("--env {env}"));
        CliError::new(Exit::Refused, format!("{what} `{}`", target.stack)).hint(format!("`marvain login {which}`"))
    };
    let session = Session::kept(&pool)?.ok_or_else(|| nobody("nobody has signed in to"))?;
    if session.expires_at_ms > now().as_ms().saturating_add(MARGIN_MS) {
        return Ok(session.access_token);
    }
    let refresh_token = session.refresh_token.ok_or_else(|| nobody("the session is over with"))?;
    // The refresh token stays as it is: AWS, "Refresh tokens", `InitiateAuth` with `REFRESH_TOKEN_AUTH`.
    let asked = pool
        .client()
        .await
        .initiate_auth()
        .client_id(&pool.app_client)
        .auth_flow(AuthFlowType::RefreshTokenAuth)
        .auth_parameters("REFRESH_TOKEN", &refresh_token)
        .send()
        .await;
    let answer = match asked {
        Ok(answer) => answer,
        Err(error) if error.code() == Some("NotAuthorizedException") => {
            return Err(nobody("the session is over with").because(error));
        }
        Err(error) => return Err(failed("the session cannot be renewed", error)),
    };
    let result = answer.authentication_result();
    let renewed = result.and_then(|result| Some((result.access_token()?.to_owned(), result.expires_in())));
    let (access_token, good_for_s) = renewed.ok_or_else(|| CliError::failure("Cognito renews nothing"))?;
    let renewed = Session::new(&pool, access_token, Some(refresh_token), u64::try_from(good_for_s).unwrap_or_default());
    renewed.keep(&pool)?;
    Ok(renewed.access_token)
}
