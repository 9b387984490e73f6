//! The HTTP API of a deployment: routes and authorizer from the templates, each request as payload 2.0 to the function, each
//! answer back ("Working with AWS Lambda proxy integrations for HTTP APIs", "JWT authorizers").

use crate::{
    functions::Functions,
    json::ACCOUNT,
    made::{Deployment, text},
};
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri},
    response::{IntoResponse as _, Response},
};
use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use marvain_peers::Serving;
use serde_json::{Map, Value, json};
use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

/// The gateway, until this is dropped.
pub(crate) struct Gateway(Serving);

struct Shared {
    functions: Functions,
    function: String,
    /// Routes, and whether they need a token.
    routes: Vec<(String, bool)>,
    issuer: String,
    audience: String,
    jwks: String,
}

impl Gateway {
    pub(crate) async fn start(deployment: &Deployment, functions: &Functions, stack: &str, jwks: String) -> Self {
        let configured = &deployment.all("AWS::ApiGatewayV2::Authorizer")[0]["JwtConfiguration"];
        let route = |properties: &Value| {
            let needs_token = match properties["AuthorizationType"].as_str() {
                Some("JWT") => true,
                Some("NONE") => false,
                other => panic!("an authorization that is not known here: {other:?}"),
            };
            (text(&properties["RouteKey"]), needs_token)
        };
        let shared = Shared {
            functions: functions.clone(),
            function: format!("{stack}-api"),
            routes: deployment.all("AWS::ApiGatewayV2::Route").iter().map(route).collect(),
            issuer: text(&configured["Issuer"]),
            audience: text(&configured["Audience"][0]),
            jwks,
        };
        Self(Serving::start(Router::new().fallback(handle).with_state(Arc::new(shared))).await)
    }

    pub(crate) fn url(&self) -> String {
        self.0.url()
    }
}

async fn handle(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let key = format!("{method} {}", uri.path());
    let exact = shared.routes.iter().find(|(route, _)| *route == key);
    let default = || shared.routes.iter().find(|(route, _)| route == "$default");
    let Some((route, needs_token)) = exact.or_else(default) else {
        return (StatusCode::NOT_FOUND, r#"{"message":"Not Found"}"#).into_response();
    };
    let mut context = json!({
        "accountId": ACCOUNT, "apiId": "local", "domainName": host(&headers), "requestId": "local", "routeKey": route,
        "stage": "$default", "time": "26/Nov/2026:00:00:00 +0000", "timeEpoch": 0,
        "http": {"method": method.as_str(), "path": uri.path(), "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": ""},
    });
    if *needs_token {
        match shared.claims(&headers).await {
            Some(claims) => context["authorizer"] = json!({"jwt": {"claims": claims, "scopes": null}}),
            None => return (StatusCode::UNAUTHORIZED, r#"{"message":"Unauthorized"}"#).into_response(),
        }
    }
    let named: Map<String, Value> = headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into()))
        .collect();
    let event = json!({
        "version": "2.0", "routeKey": route, "rawPath": uri.path(), "rawQueryString": uri.query().unwrap_or_default(),
        "headers": named, "requestContext": context, "body": BASE64_STANDARD.encode(&body), "isBase64Encoded": true,
    });
    let invocation = shared.functions.invoke(&shared.function, &event).await;
    if !matches!(invocation.outcome, marvain_peers::lambda::Outcome::Answer(_)) {
        return (StatusCode::INTERNAL_SERVER_ERROR, r#"{"message":"Internal Server Error"}"#).into_response();
    }
    respond(&invocation.answer())
}

fn host(headers: &HeaderMap) -> String {
    headers.get("host").map(|host| String::from_utf8_lossy(host.as_bytes()).into_owned()).unwrap_or_default()
}

fn respond(answer: &Value) -> Response {
    let status = answer["statusCode"].as_u64().and_then(|code| u16::try_from(code).ok()).expect("a status");
    let mut response = Response::builder().status(status);
    for (name, value) in answer["headers"].as_object().into_iter().flatten() {
        response = response.header(name, text(value));
    }
    let body = answer["body"].as_str().unwrap_or_default();
    let body = if answer["isBase64Encoded"] == true {
        BASE64_STANDARD.decode(body).expect("a body in Base64")
    } else {
        body.as_bytes().to_vec()
    };
    response.body(Body::from(body)).unwrap()
}

impl Shared {
    /// The claims of a valid token of the user pool: RS256 by a key of the pool (RFC 7515, RFC 7518 §3.3), issued by it for
    /// this client, and good until later than now.
    async fn claims(&self, headers: &HeaderMap) -> Option<Map<String, Value>> {
        let token = headers.get("authorization")?.to_str().ok()?.strip_prefix("Bearer ")?;
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let header: Value = serde_json::from_slice(&decoded(header)?).ok()?;
        if header["alg"] != "RS256" {
            return None;
        }
        let keys: Value = serde_json::from_str(&reqwest::get(&self.jwks).await.ok()?.text().await.ok()?).ok()?;
        let key = keys["keys"].as_array()?.iter().find(|key| key["kid"] == header["kid"])?;
        let key = RsaPublicKeyComponents { n: decoded(key["n"].as_str()?)?, e: decoded(key["e"].as_str()?)? };
        key.verify(&RSA_PKCS1_2048_8192_SHA256, signed.as_bytes(), &decoded(signature)?).ok()?;
        let claims: Map<String, Value> = serde_json::from_slice(&decoded(claims)?).ok()?;
        // Cognito's access tokens name the client in `client_id`.
        let named = claims.get("aud").or_else(|| claims.get("client_id"))?.as_str()?;
        let is_ours = claims.get("iss")?.as_str()? == self.issuer && named == self.audience;
        let is_good = claims.get("exp")?.as_u64()? > now_s();
        (is_ours && is_good).then(|| claims.iter().map(|(name, value)| (name.clone(), text(value).into())).collect())
    }
}

fn decoded(text: &str) -> Option<Vec<u8>> {
    BASE64_URL_SAFE_NO_PAD.decode(text).ok()
}

#[expect(clippy::disallowed_methods, reason = "a token is good until a time of the clock")]
fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}
