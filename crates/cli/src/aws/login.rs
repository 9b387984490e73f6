//! `marvain login|logout`: signs a person in to a deployed hub. With a browser, where passkeys are; or by name and password
//! for what has no browser.

use super::{
    DryRun,
    dry::{Dry, Step},
    oauth::{self, CALLBACK},
    session::{Pool, Session},
    target::Target,
};
use crate::{
    embedded::System,
    error::{CliError, Exit},
    globals::{Globals, now, shown},
    output::{Look, Output, note},
};
use aws_sdk_cognitoidentityprovider::{
    error::ProvideErrorMetadata as _,
    types::{AuthFlowType, ChallengeNameType},
};
use clap::Args;
use marvain_domain::Timestamp;
use reqwest::Url;
use serde::Serialize;
use std::{
    io::{self, BufRead as _, Read as _},
    path::PathBuf,
    process::{Command, Stdio},
};

/// Longest password that is read, in bytes: Cognito takes 256 characters.
const PASSWORD_BYTES_MAX: u64 = 1_024;
/// What shows a URL to somebody, on the systems that have it.
const OPENERS: [&str; 2] = ["xdg-open", "open"];

/// Sign in to a deployed hub.
#[derive(Args, Debug)]
pub(crate) struct Login {
    /// Sign in by name and password, for what has no browser
    #[arg(long, value_name = "NAME", requires = "password_stdin")]
    username: Option<String>,
    /// Read the password from standard input
    #[arg(long, requires = "username")]
    password_stdin: bool,
    /// Do not open a browser: say the address
    #[arg(long)]
    no_browser: bool,
    /// Where the browser comes back to; the app client must know it
    #[arg(long, value_name = "URL")]
    callback: Option<String>,
    #[command(flatten)]
    dry: DryRun,
}

/// Sign out of it.
#[derive(Args, Debug)]
pub(crate) struct Logout {
    #[command(flatten)]
    dry: DryRun,
}

/// That somebody is signed in.
#[derive(Serialize)]
struct SignedIn {
    stack: String,
    session: PathBuf,
    expires_at: Timestamp,
}

/// That nobody is, any more.
#[derive(Serialize)]
struct SignedOut {
    stack: String,
    was_signed_in: bool,
}

pub(super) async fn run(login: &Login, globals: &Globals) -> Result<(), CliError> {
    let target = super::target(globals)?;
    if login.dry.dry_run {
        let step = match &login.username {
            Some(_) => Step::call("cognito-idp:InitiateAuth", "USER_AUTH"),
            None => Step::ask("the browser signs in, and comes back to this machine"),
        };
        return Dry::of(vec![step]).show(globals);
    }
    let pool = Pool::of(&super::outputs(&target).await?)?;
    let session = match &login.username {
        Some(name) => by_password(&pool, name, &password()?).await?,
        None => by_browser(login, &pool, &target, globals).await?,
    };
    let path = session.keep(&pool)?;
    let expires_at = Timestamp::from_ms(session.expires_at_ms);
    let signed_in = SignedIn { stack: target.stack.to_string(), session: path, expires_at };
    Output::new(globals).show(&signed_in, |signed_in, _: Look| {
        format!("signed in to `{}`; the session is in `{}`", signed_in.stack, shown(&signed_in.session))
    })
}

async fn by_browser(login: &Login, pool: &Pool, target: &Target, globals: &Globals) -> Result<Session, CliError> {
    let system = System::new().map_err(|e| CliError::failure("there is no randomness").because(e))?;
    // The deployment may have been given others.
    let local = |urls: &String| urls.split(',').find(|url| url.starts_with("http://localhost")).map(str::to_owned);
    let callback = login.callback.clone().or_else(|| target.context.get("callback_urls").and_then(local));
    let callback = callback.unwrap_or_else(|| CALLBACK.to_owned());
    let tokens = oauth::sign_in(pool, &callback, &system, |url| show(url, login.no_browser, globals)).await?;
    Ok(Session::new(pool, tokens.access_token, tokens.refresh_token, tokens.expires_in))
}

/// Opens a browser, and says the address for where none opens.
fn show(url: &Url, only_say: bool, globals: &Globals) {
    note(globals, &format!("sign in here:\n  {url}"));
    if globals.json {
        // Who reads JSON is told where to send the person.
        tracing::warn!(%url, "sign in here");
    }
    if only_say {
        return;
    }
    for opener in OPENERS {
        let mut command = Command::new(opener);
        command.arg(url.as_str()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if command.spawn().is_ok() {
            return;
        }
    }
}

fn password() -> Result<String, CliError> {
    let mut line = String::new();
    let read = io::stdin().lock().take(PASSWORD_BYTES_MAX).read_line(&mut line);
    read.map_err(|e| CliError::failure("cannot read the password from standard input").because(e))?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// `USER_AUTH`, with the password as the preferred challenge and in the same request ("Authentication flows", Amazon Cognito
/// Developer Guide).
async fn by_password(pool: &Pool, name: &str, password: &str) -> Result<Session, CliError> {
    let asked = pool
        .client()
        .await
        .initiate_auth()
        .client_id(&pool.app_client)
        .auth_flow(AuthFlowType::UserAuth)
        .auth_parameters("USERNAME", name)
        .auth_parameters("PREFERRED_CHALLENGE", "PASSWORD")
        .auth_parameters("PASSWORD", password)
        .send()
        .await;
    let answer = asked.map_err(|error| match error.code() {
        Some("NotAuthorizedException" | "UserNotFoundException") => {
            CliError::new(Exit::Refused, format!("`{name}` is not let in: wrong name or password"))
        }
        _ => super::clients::failed("cannot sign in", error),
    })?;
    if let Some(challenge) = answer.challenge_name() {
        let what = match challenge {
            ChallengeNameType::NewPasswordRequired => "a password of their own must be chosen first",
            _ => "more than a password is asked for",
        };
        return Err(CliError::new(Exit::Refused, format!("`{name}` is not let in: {what}"))
            .hint("sign in with a browser: `marvain login`"));
    }
    let result = answer.authentication_result();
    let result = result.ok_or_else(|| CliError::failure("Cognito gives no tokens"))?;
    let access_token = result.access_token().ok_or_else(|| CliError::failure("Cognito gives no access token"))?;
    let good_for_s = u64::try_from(result.expires_in()).unwrap_or_default();
    Ok(Session::new(pool, access_token.to_owned(), result.refresh_token().map(str::to_owned), good_for_s))
}

/// Revokes the refresh token, so that what was copied of the session is good for nothing, and forgets it.
pub(super) async fn end(logout: &Logout, globals: &Globals) -> Result<(), CliError> {
    let target = super::target(globals)?;
    if logout.dry.dry_run {
        return Dry::of(vec![Step::call("cognito-idp:RevokeToken", target.stack.as_str())]).show(globals);
    }
    let pool = Pool::of(&super::outputs(&target).await?)?;
    let session = Session::kept(&pool)?;
    if let Some(refresh_token) = session.as_ref().and_then(|session| session.refresh_token.as_ref()) {
        let revoked = pool.client().await.revoke_token().client_id(&pool.app_client).token(refresh_token).send().await;
        if let Err(error) = revoked {
            tracing::warn!(%error, "the session cannot be revoked; it is forgotten here, and over by itself");
        }
    }
    let is_over = session.is_some_and(|session| session.expires_at_ms <= now().as_ms());
    let was_signed_in = Session::forget(&pool)? && !is_over;
    let signed_out = SignedOut { stack: target.stack.to_string(), was_signed_in };
    Output::new(globals).show(&signed_out, |out, _| match out.was_signed_in {
        true => format!("signed out of `{}`", out.stack),
        false => format!("nobody was signed in to `{}`", out.stack),
    })
}
