//! Signing in: by a browser with PKCE, and by a password; renewing; signing out.
//!
//! No user pool can be had here that has managed login, or the flow `USER_AUTH`, so a small stand-in is one: it checks what RFC
//! 7636 and Cognito's API demand of a client, and gives tokens that say how they were got. It keeps no users but one.

use crate::support::World;
use axum::{
    Json, Router,
    extract::{Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Redirect, Response},
    routing::{get, post},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::{
    collections::HashMap,
    io::{BufRead as _, BufReader, Write as _},
    os::unix::fs::PermissionsExt as _,
    process::Stdio,
    sync::{Arc, Mutex},
};
use tokio::net::TcpListener;

const POOL: &str = "eu-central-1_AbCdEf123";
const CLIENT: &str = "appclient1";
const NAME: &str = "olga@example.org";
const PASSWORD: &str = "correct horse battery";

#[derive(Default)]
struct Given {
    challenges: HashMap<String, String>,
    revoked: Vec<String>,
    renewals: usize,
}

#[derive(Clone)]
struct Pool {
    url: String,
    given: Arc<Mutex<Given>>,
}

impl Pool {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let pool = Self { url: format!("http://{}", listener.local_addr().unwrap()), given: Arc::default() };
        let app = Router::new()
            .route(&format!("/{POOL}/.well-known/openid-configuration"), get(discovery))
            .route("/oauth2/authorize", get(authorize))
            .route("/oauth2/token", post(token))
            .route("/", post(api))
            .with_state(pool.clone());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        pool
    }

    fn world(&self, api: &str) -> World {
        let mut world = World::new();
        world.set("AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER", &self.url);
        world.configure(&format!(
            "default_env = \"dev\"\n[env.dev]\nstack = \"marvain-dev\"\n[env.dev.outputs]\nApiUrl = \"{api}\"\n\
             UserPoolId = \"{POOL}\"\nUserPoolClientId = \"{CLIENT}\"\n"
        ));
        world
    }
}

async fn discovery(State(pool): State<Pool>) -> Json<Value> {
    let at = |path: &str| format!("{}/oauth2/{path}", pool.url);
    Json(json!({"authorization_endpoint": at("authorize"), "token_endpoint": at("token")}))
}

/// The person has signed in, and is sent back.
async fn authorize(State(pool): State<Pool>, Query(asked): Query<HashMap<String, String>>) -> Response {
    let is_right =
        asked["response_type"] == "code" && asked["client_id"] == CLIENT && asked["code_challenge_method"] == "S256";
    if !is_right || asked["scope"].split(' ').all(|scope| scope != "openid") {
        return StatusCode::BAD_REQUEST.into_response();
    }
    pool.given.lock().unwrap().challenges.insert("code-1".to_owned(), asked["code_challenge"].clone());
    Redirect::to(&format!("{}?code=code-1&state={}", asked["redirect_uri"], asked["state"])).into_response()
}

async fn token(State(pool): State<Pool>, body: String) -> Response {
    let form = reqwest::Url::parse(&format!("http://localhost/?{body}")).unwrap();
    let asked: HashMap<String, String> = form.query_pairs().into_owned().collect();
    let challenge = pool.given.lock().unwrap().challenges.remove(&asked["code"]);
    let proved = challenge == Some(URL_SAFE_NO_PAD.encode(Sha256::digest(asked["code_verifier"].as_bytes())));
    if !proved || asked["grant_type"] != "authorization_code" || asked["client_id"] != CLIENT {
        return (StatusCode::BAD_REQUEST, Json(json!({"error": "invalid_grant"}))).into_response();
    }
    let tokens =
        json!({"access_token": "by-browser", "refresh_token": "refresh-1", "expires_in": 1, "token_type": "Bearer"});
    Json(tokens).into_response()
}

async fn api(State(pool): State<Pool>, headers: HeaderMap, body: String) -> Response {
    let asked: Value = serde_json::from_str(&body).unwrap();
    let operation = headers["x-amz-target"].to_str().unwrap().rsplit('.').next().unwrap().to_owned();
    let parameters = &asked["AuthParameters"];
    let refused =
        |kind: &str| (StatusCode::BAD_REQUEST, Json(json!({"__type": kind, "message": "no"}))).into_response();
    let tokens = |access: &str| {
        Json(json!({"AuthenticationResult": {"AccessToken": access, "ExpiresIn": 1800, "TokenType": "Bearer",
            "RefreshToken": "refresh-2"}, "ChallengeParameters": {}}))
        .into_response()
    };
    match (operation.as_str(), asked["AuthFlow"].as_str()) {
        ("InitiateAuth", Some("USER_AUTH")) if parameters["PREFERRED_CHALLENGE"] == "PASSWORD" => {
            match (parameters["USERNAME"] == NAME, parameters["PASSWORD"].as_str()) {
                (true, Some(PASSWORD)) => tokens("by-password"),
                (true, Some("temporary")) => {
                    Json(json!({"ChallengeName": "NEW_PASSWORD_REQUIRED", "Session": "s", "ChallengeParameters": {}}))
                        .into_response()
                }
                _ => refused("NotAuthorizedException"),
            }
        }
        ("InitiateAuth", Some("REFRESH_TOKEN_AUTH")) => {
            let mut given = pool.given.lock().unwrap();
            let token = parameters["REFRESH_TOKEN"].as_str().unwrap().to_owned();
            if given.revoked.contains(&token) {
                return refused("NotAuthorizedException");
            }
            given.renewals += 1;
            tokens("renewed")
        }
        ("RevokeToken", _) => {
            pool.given.lock().unwrap().revoked.push(asked["Token"].as_str().unwrap().to_owned());
            Json(json!({})).into_response()
        }
        _ => refused("InvalidParameterException"),
    }
}

/// A hub that tells the token that it was asked with.
async fn telltale() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let tokens = Arc::new(Mutex::new(Vec::new()));
    let seen = tokens.clone();
    let app = Router::new().fallback(move |headers: HeaderMap| async move {
        seen.lock().unwrap().push(headers["authorization"].to_str().unwrap().to_owned());
        (StatusCode::UNAUTHORIZED, Json(json!({"message": "Unauthorized"})))
    });
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    (url, tokens)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_comes_back_with_a_code_that_only_this_command_can_use() {
    let pool = Pool::start().await;
    let (hub, tokens) = telltale().await;
    let world = pool.world(&hub);
    let port = marvain_peers::free_port();
    let callback = format!("http://localhost:{port}/callback");
    let mut login = world.command(&["login", "--env", "dev", "--no-browser", "--callback", &callback]);
    let mut login = login.stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut told = BufReader::new(login.stderr.take().unwrap()).lines();
    let address = told.find_map(|line| line.unwrap().trim().strip_prefix("http").map(|rest| format!("http{rest}")));
    let address = address.unwrap();
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    // What was not begun here is not heeded.
    let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let local = format!("http://127.0.0.1:{port}/callback");
    let foreign = http.get(format!("{local}?code=evil&state=guess")).send().await.unwrap().text().await.unwrap();
    assert!(foreign.contains("Not signed in"), "{foreign}");
    let sent = http.get(address).send().await.unwrap();
    let back = sent.headers()["location"].to_str().unwrap().replace("http://localhost", "http://127.0.0.1");
    let page = http.get(back).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("You are signed in"), "{page}");
    assert!(login.wait().unwrap().success());
    let session = world.path(&format!("home/.local/state/marvain/sessions/{CLIENT}.json"));
    assert_eq!(std::fs::metadata(&session).unwrap().permissions().mode() & 0o777, 0o600);

    // The access token is all but over: it is renewed before the hub is asked, once.
    for _ in 0..2 {
        let status = world.run(&["--json", "--env", "dev", "status"]);
        assert_eq!((status.code, status.error()["hint"].clone()), (Some(4), json!("`marvain login`")), "{status:?}");
    }
    assert_eq!(*tokens.lock().unwrap(), ["Bearer renewed", "Bearer renewed"]);
    assert_eq!(pool.given.lock().unwrap().renewals, 1);

    assert_eq!(world.run(&["logout"]).code, Some(0));
    assert_eq!(pool.given.lock().unwrap().revoked, ["refresh-1"]);
    assert!(!session.exists());
    let nobody = world.run(&["--json", "--env", "dev", "status"]);
    assert_eq!(nobody.error()["hint"], "`marvain login --env dev`", "{nobody:?}");
}

fn by_password(world: &World, password: &str) -> crate::support::Ran {
    let mut login = world.command(&["--json", "login", "--username", NAME, "--password-stdin"]);
    let mut login = login.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    writeln!(login.stdin.take().unwrap(), "{password}").unwrap();
    let output = login.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    crate::support::Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_read_from_standard_input() {
    let pool = Pool::start().await;
    let (hub, tokens) = telltale().await;
    let world = pool.world(&hub);
    let wrong = by_password(&world, "guess");
    assert_eq!((wrong.code, wrong.error()["code"].clone()), (Some(4), json!("refused")), "{wrong:?}");
    let temporary = by_password(&world, "temporary");
    assert!(temporary.error()["message"].as_str().unwrap().contains("must be chosen first"), "{temporary:?}");
    let right = by_password(&world, PASSWORD);
    assert_eq!(right.code, Some(0), "{right:?}");
    assert!(!format!("{right:?}").contains("by-password"), "no token is printed");
    world.run(&["--env", "dev", "status"]);
    assert_eq!(*tokens.lock().unwrap(), ["Bearer by-password"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_was_revoked_is_over() {
    let pool = Pool::start().await;
    let world = pool.world("http://127.0.0.1:9");
    let session = world.path(&format!("home/.local/state/marvain/sessions/{CLIENT}.json"));
    std::fs::create_dir_all(session.parent().unwrap()).unwrap();
    let old = json!({"pool": POOL, "access_token": "old", "refresh_token": "gone", "expires_at_ms": 1});
    std::fs::write(&session, old.to_string()).unwrap();
    pool.given.lock().unwrap().revoked.push("gone".to_owned());
    let over = world.run(&["--json", "--env", "dev", "status"]);
    assert_eq!(over.code, Some(4), "{over:?}");
    assert!(
        over.error()["message"].as_str().unwrap().starts_with("the session is over with `marvain-dev`"),
        "{over:?}"
    );
}
