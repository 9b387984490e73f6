//! What every request passes, outermost first: its host, the load, its time, its credential.

use crate::{Shared, error::ApiError};
use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, header, request::Parts},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use marvain_domain::id::{AccountId, DeliveryId, PersonId};
use marvain_hub::people::{Caller, Credential, Secret};
use std::{net::IpAddr, time::Duration};

/// Idempotency key of a request, as in the IETF draft "The Idempotency-Key HTTP Header Field".
pub(crate) const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// Longest idempotency key, in bytes.
const IDEMPOTENCY_KEY_BYTES_MAX: usize = 128;
/// Longest token looked at, in bytes.
const TOKEN_BYTES_MAX: usize = 256;

/// Nothing is kept by caches, guessed by browsers, framed or referred to.
const HEADERS: [(HeaderName, HeaderValue); 4] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; base-uri 'none'"),
    ),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
];

/// Lets a request in if it names this hub as its host and there is room for it.
pub(crate) async fn admitted(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let mut response = if !is_host(request.headers(), &shared.hosts) {
        ApiError::host().into_response()
    } else if let Ok(_room) = shared.requests.try_acquire() {
        next.run(request).await
    } else {
        ApiError::busy().into_response()
    };
    response.headers_mut().extend(HEADERS);
    response
}

/// Is the request's `Host` (RFC 9110 §7.2) loopback, or one of `hosts`?
fn is_host(headers: &HeaderMap, hosts: &[String]) -> bool {
    let mut named = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (named.next(), named.next()) else { return false };
    let Ok(authority) = host.to_str().unwrap_or_default().parse::<axum::http::uri::Authority>() else { return false };
    if authority.as_str().contains('@') {
        return false;
    }
    let host = authority.host();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost")
        || address.is_ok_and(|address| address.is_loopback())
        || hosts.iter().any(|known| known.eq_ignore_ascii_case(host))
}

/// Ends a request that takes too long.
pub(crate) async fn in_time(timeout: Duration, request: Request, next: Next) -> Response {
    match tokio::time::timeout(timeout, next.run(request)).await {
        Ok(response) => response,
        Err(_) => ApiError::timeout().into_response(),
    }
}

/// Finds out who asks; handlers find the [`Caller`] among the request's extensions.
pub(crate) async fn authenticated(
    State(shared): State<Shared>,
    path: MatchedPath,
    request: Request,
    next: Next,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let caller = match caller(&shared, &parts).await {
        Ok(caller) => caller,
        Err(refusal) => return refusal.into_response(),
    };
    tracing::debug!(method = %parts.method, path = path.as_str(), person = %caller.person.id, request = %caller.request);
    parts.extensions.insert(caller);
    next.run(Request::from_parts(parts, body)).await
}

/// The account that somebody has signed in with, as whoever composes the hub has it from an identity provider that has
/// verified it. It is put among a request's extensions before the router sees it; no header makes one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Account(pub AccountId);

/// The account if there is one, whatever token was sent with it; else the token.
fn credential(parts: &Parts) -> Option<Credential> {
    match parts.extensions.get::<Account>() {
        Some(Account(account)) => Some(Credential::Account(account.clone())),
        None => bearer(&parts.headers).map(|token| Credential::Token(Secret::presented(token))),
    }
}

async fn caller(shared: &Shared, parts: &Parts) -> Result<Caller, ApiError> {
    let credential = credential(parts).ok_or_else(ApiError::unauthenticated)?;
    let person = shared.hub.authenticate(&credential).await?;
    let request = match parts.headers.get(IDEMPOTENCY_KEY) {
        Some(key) => repeatable(key, &person.id, parts)?,
        None => shared.request_id(),
    };
    Ok(Caller { person, request, now: (shared.clock)() })
}

/// The token of RFC 6750 §2.1.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && token.len() <= TOKEN_BYTES_MAX).then_some(token)
}

/// The id that a repetition of this request has too. Keys are each person's own, and each path's.
fn repeatable(key: &HeaderValue, person: &PersonId, parts: &Parts) -> Result<DeliveryId, ApiError> {
    let bad =
        || ApiError::invalid(format!("`{IDEMPOTENCY_KEY}` must have 1 to {IDEMPOTENCY_KEY_BYTES_MAX} characters"));
    let key = key.to_str().ok().filter(|key| (1..=IDEMPOTENCY_KEY_BYTES_MAX).contains(&key.len())).ok_or_else(bad)?;
    Ok(DeliveryId::derive(&["request", person.as_str(), key, parts.method.as_str(), parts.uri.path()]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_and_told_names_are_hosts() {
        let hosts = ["hub.lan".to_owned()];
        let cases = [
            ("localhost", true),
            ("LOCALHOST:8084", true),
            ("127.0.0.1:8084", true),
            ("127.1.2.3", true),
            ("[::1]:8084", true),
            ("hub.lan:80", true),
            ("evil.example", false),
            ("evil.example:8084", false),
            ("localhost.evil.example", false),
            ("localhost@evil.example", false),
            ("evil@localhost", false),
            ("192.168.0.2", false),
            ("", false),
            ("a b", false),
        ];
        for (host, known) in cases {
            let headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_str(host).unwrap())]);
            assert_eq!(is_host(&headers, &hosts), known, "{host}");
        }
        assert!(!is_host(&HeaderMap::new(), &hosts));
        let mut twice = HeaderMap::new();
        twice.append(header::HOST, HeaderValue::from_static("localhost"));
        twice.append(header::HOST, HeaderValue::from_static("evil.example"));
        assert!(!is_host(&twice, &hosts));
    }

    #[test]
    fn a_token_is_a_bearer_token() {
        let of = |value: &str| {
            let headers = HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_str(value).unwrap())]);
            bearer(&headers).map(str::to_owned)
        };
        assert_eq!(of("Bearer abc").as_deref(), Some("abc"));
        assert_eq!(of("bearer abc").as_deref(), Some("abc"));
        assert_eq!(of("Basic abc"), None);
        assert_eq!(of("abc"), None);
        assert_eq!(of(&format!("Bearer {}", "a".repeat(257))), None);
    }

    #[tokio::test]
    async fn a_request_that_takes_too_long_is_ended() {
        let hangs = axum::routing::get(async || std::future::pending::<()>().await);
        let limit = Duration::from_millis(10);
        let router: axum::Router = axum::Router::new()
            .route("/", hangs)
            .layer(axum::middleware::from_fn(move |request, next| in_time(limit, request, next)));
        let response = tower::ServiceExt::<Request>::oneshot(router, Request::default()).await.unwrap();
        assert_eq!(response.status(), 503);
    }
}
