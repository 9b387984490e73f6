//! Signing in with a browser: the authorization code flow with PKCE (RFC 6749 §4.1, RFC 7636, RFC 8252), which ends on a
//! loopback address of this machine.
//!
//! Cognito lets `http://localhost` be a callback, and compares it whole, the port with it ("Configuring a user pool app client",
//! Amazon Cognito Developer Guide): so the port is one that the app client knows. It does not know where tokens are kept.

use super::session::Pool;
use crate::{embedded::System, error::CliError};
use axum::{Router, extract::Query, response::Html, routing::get};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::{Url, redirect};
use serde::{Deserialize, de::DeserializeOwned};
use sha2::{Digest as _, Sha256};
use std::{env, net::Ipv4Addr, sync::Arc, time::Duration};
use tokio::{
    net::TcpListener,
    sync::{Mutex, oneshot},
    time,
};

/// The callback that the CDK app registers unless it is told others.
pub(crate) const CALLBACK: &str = "http://localhost:8765/callback";
/// Longest that somebody may take to sign in, in seconds.
const SIGN_IN_S: u64 = 600;
/// Longest that a request may take, in seconds.
const REQUEST_S: u64 = 30;
/// Largest answer in bytes.
const ANSWER_BYTES_MAX: usize = 256 * 1024;
/// Random bytes of the code verifier: 43 characters, the least that RFC 7636 §4.1 takes.
const VERIFIER_BYTES: usize = 32;
/// What the access token is for.
const SCOPE: &str = "openid email profile";
/// Where AWS's SDKs look for another endpoint of Cognito's user pools.
const ENDPOINT: &str = "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER";
/// What the browser shows at the end.
const DONE: &str = "<!doctype html><title>marvain</title><p>You are signed in. This window can be closed.";
const REFUSED: &str = "<!doctype html><title>marvain</title><p>Not signed in. The terminal says why.";

/// Where the pool's pages and tokens are (OpenID Connect Discovery 1.0 §3).
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Endpoints {
    authorization_endpoint: String,
    token_endpoint: String,
}

/// What the token endpoint answers (RFC 6749 §5.1).
#[derive(Deserialize)]
pub(crate) struct Tokens {
    pub(crate) access_token: String,
    #[serde(default)]
    pub(crate) refresh_token: Option<String>,
    pub(crate) expires_in: u64,
}

/// What the browser brings back (RFC 6749 §4.1.2).
#[derive(Deserialize)]
struct Brought {
    state: Option<String>,
    code: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

/// Signs somebody in. `open` is given the URL that their browser is to show.
///
/// # Errors
/// If they do not, or something in between does not work.
pub(crate) async fn sign_in(
    pool: &Pool,
    callback: &str,
    system: &System,
    open: impl FnOnce(&Url),
) -> Result<Tokens, CliError> {
    let http = reqwest::Client::builder()
        .redirect(redirect::Policy::none())
        .timeout(Duration::from_secs(REQUEST_S))
        .build()
        .map_err(|e| CliError::failure("cannot make HTTP requests").because(e))?;
    let Endpoints { authorization_endpoint, token_endpoint } = discover(&http, pool).await?;
    let (authorize, token) = (super::address(&authorization_endpoint)?, super::address(&token_endpoint)?);
    let redirect_to = Url::parse(callback).map_err(|e| CliError::failure("the callback is no URL").because(e))?;
    let port = redirect_to.port_or_known_default().unwrap_or_default();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|e| {
        CliError::failure(format!("cannot listen on port {port} for the browser to come back to"))
            .because(e)
            .hint("end what listens there; or add another callback to the deployment, and say it: `--callback URL`")
    })?;
    let verifier = URL_SAFE_NO_PAD.encode(system.random::<VERIFIER_BYTES>());
    let state = URL_SAFE_NO_PAD.encode(system.random::<16>());
    let mut url = authorize;
    url.query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("client_id", &pool.app_client)
        .append_pair("redirect_uri", callback)
        .append_pair("scope", SCOPE)
        .append_pair("state", &state)
        .append_pair("code_challenge_method", "S256")
        .append_pair("code_challenge", &challenge(&verifier));
    open(&url);
    let code = brought(listener, redirect_to.path(), &state).await?;
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", pool.app_client.as_str()),
        ("code", code.as_str()),
        ("redirect_uri", callback),
        ("code_verifier", verifier.as_str()),
    ];
    answer(http.post(token).form(&form), "the tokens").await
}

/// RFC 7636 §4.2.
fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()))
}

async fn discover(http: &reqwest::Client, pool: &Pool) -> Result<Endpoints, CliError> {
    let base = env::var(ENDPOINT).unwrap_or_else(|_| format!("https://cognito-idp.{}.amazonaws.com", pool.region));
    let url = format!("{}/{}/.well-known/openid-configuration", base.trim_end_matches('/'), pool.id);
    answer(http.get(super::address(&url)?), "where to sign in").await
}

async fn answer<T: DeserializeOwned>(request: reqwest::RequestBuilder, what: &str) -> Result<T, CliError> {
    let failed = |e: reqwest::Error| CliError::failure(format!("Cognito does not say {what}")).because(e.without_url());
    let mut response = request.send().await.map_err(failed)?;
    let status = response.status();
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        if bytes.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err(CliError::failure(format!("Cognito's answer has more than {ANSWER_BYTES_MAX} bytes")));
        }
        bytes.extend_from_slice(&chunk);
    }
    if !status.is_success() {
        #[derive(Deserialize)]
        struct Refusal {
            error: String,
        }
        // RFC 6749 §5.2. What else is in the answer might be a token.
        let why = serde_json::from_slice::<Refusal>(&bytes).map(|refusal| format!(": {}", refusal.error));
        return Err(CliError::failure(format!("Cognito answers {status}{}", why.unwrap_or_default())));
    }
    serde_json::from_slice(&bytes).map_err(|e| CliError::failure(format!("Cognito does not say {what}")).because(e))
}

/// Waits for the browser to bring a code to `path`. What has another state was not begun here, and is not heeded.
async fn brought(listener: TcpListener, path: &str, state: &str) -> Result<String, CliError> {
    let (give, take) = oneshot::channel();
    let give = Arc::new(Mutex::new(Some(give)));
    let expected = state.to_owned();
    let page = get(move |Query(brought): Query<Brought>| {
        let (give, expected) = (give.clone(), expected.clone());
        async move {
            if brought.state.as_ref() != Some(&expected) {
                return Html(REFUSED);
            }
            let shown = if brought.code.is_some() { DONE } else { REFUSED };
            if let Some(give) = give.lock().await.take() {
                // Whoever waited may have given up.
                drop(give.send(brought));
            }
            Html(shown)
        }
    });
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = axum::serve(listener, Router::new().route(path, page)).with_graceful_shutdown(async move {
        // It stops as well when nobody is left to say so.
        drop(stopped.await);
    });
    let serving = tokio::spawn(async move { serving.await });
    let waited = time::timeout(Duration::from_secs(SIGN_IN_S), take).await;
    // The page that says so is still on its way to the browser.
    drop(stop);
    drop(time::timeout(Duration::from_secs(1), serving).await);
    let brought = waited
        .map_err(|_| CliError::failure(format!("nobody has signed in within {SIGN_IN_S} s")))?
        .map_err(|e| CliError::failure("the browser's answer is lost").because(e))?;
    brought.code.ok_or_else(|| {
        let why = brought.error_description.or(brought.error).unwrap_or_default();
        CliError::failure(format!("not signed in: {}", crate::output::clean(&why)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_is_that_of_the_rfc() {
        // RFC 7636, appendix B.
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert_eq!(challenge(verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }
}
