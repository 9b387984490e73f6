//! A whole deployment on this machine, from the synthesised templates: servers, functions, IoT Core, event sources, gateway.

use crate::{
    functions::Functions,
    gateway::Gateway,
    iot::{self, Iot, Ports},
    json::{ACCOUNT, REGION},
    made::{Deployment, deploy, text},
    servers::{Buckets, Servers},
    sources::{Faults, Sources},
    weather::Weather,
};
use marvain_peers::cloudformation::Stacks;
use serde_json::json;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};
use tempfile::TempDir;
use tokio::time::{self, Instant};

/// How the app is named in what `scripts/cdk` synthesises.
pub(crate) const STACK: &str = "marvain-dev";
/// The password of whoever is made here: Cognito's policy wants all kinds of characters.
const PASSWORD: &str = "Correct-Horse-Battery-1";

/// Everything; gone when it is dropped.
pub(crate) struct Cloud {
    // Before what they call.
    pub(crate) sources: Sources,
    pub(crate) gateway: Gateway,
    _iot: Iot,
    _functions: Functions,
    /// What is before the stores, if they fail.
    pub(crate) weather: Option<Weather>,
    pub(crate) deployment: Deployment,
    pub(crate) servers: Servers,
    surroundings: Vec<(String, String)>,
    /// What the stacks put out, with the gateway's address in the place of API Gateway's.
    pub(crate) outputs: BTreeMap<String, String>,
    pub(crate) dir: TempDir,
}

impl Cloud {
    pub(crate) async fn start(buckets: Buckets, faults: Faults) -> Self {
        // The first of several tests in a process does it.
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        let dir = tempfile::tempdir().unwrap();
        let (servers, ports) = tokio::join!(Servers::start(buckets), Ports::reserve());
        let mut stacks = Stacks::read(&synthesised(), ACCOUNT, REGION);
        stacks.parameter("IotEndpoint", format!("localhost:{}", ports.mqtt()));
        let deployment = deploy(&mut stacks, &servers).await;
        let mut surroundings = servers.endpoints();
        let https = format!("https://localhost:{}", ports.https());
        surroundings.push(("AWS_ENDPOINT_URL_IOT".into(), https.clone()));
        surroundings.push(("AWS_ENDPOINT_URL_IOT_DATA_PLANE".into(), https));
        surroundings.push(("SSL_CERT_FILE".into(), dir.path().join("root.pem").display().to_string()));
        let root = iot::root(&dir.path().join("iot")).await;
        fs::write(dir.path().join("root.pem"), &root).unwrap();
        surroundings.push(("MARVAIN_IOT_ROOTS".into(), root));
        let weather = if faults.stores { Some(Weather::over(&servers, faults.seed).await) } else { None };
        let functions = Functions::of(&deployment, |function| {
            // What comes later holds.
            let fronts = weather.iter().flat_map(|weather| weather.endpoints(function));
            surroundings.iter().cloned().chain(fronts).collect()
        });
        let iot = Iot::serve(&dir.path().join("iot"), ports, &deployment, &functions, &servers.sqs).await;
        let gateway = Gateway::start(&deployment, &functions, STACK, servers.jwks(&deployment.pool)).await;
        let sources = Sources::start(&deployment, &servers, &functions, faults);
        let mut outputs = stacks.outputs();
        outputs.insert("ApiUrl".to_owned(), gateway.url());
        Self {
            sources,
            gateway,
            _iot: iot,
            _functions: functions,
            weather,
            deployment,
            servers,
            surroundings,
            outputs,
            dir,
        }
    }

    /// What a program of an operator finds in its environment.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        let mut environment = self.surroundings.clone();
        for (name, value) in [
            ("AWS_REGION", REGION),
            ("AWS_ACCESS_KEY_ID", crate::iot::KEY),
            ("AWS_SECRET_ACCESS_KEY", crate::iot::SECRET),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ] {
            environment.push((name.to_owned(), value.to_owned()));
        }
        environment.push(("AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER".into(), self.servers.cognito_url()));
        environment
    }

    /// Makes somebody in the user pool; their account and an access token.
    pub(crate) async fn sign_up(&self, email: &str) -> (String, String) {
        let (cognito, pool) = (&self.servers.cognito, &self.deployment.pool);
        let user = json!({"UserPoolId": pool, "Username": email, "MessageAction": "SUPPRESS",
            "UserAttributes": [{"Name": "email", "Value": email}]});
        let made = cognito.call("AdminCreateUser", user).await;
        let attributes = made["User"]["Attributes"].as_array().unwrap();
        let sub = attributes.iter().find(|attribute| attribute["Name"] == "sub").unwrap();
        let password = json!({"UserPoolId": pool, "Username": email, "Password": PASSWORD, "Permanent": true});
        cognito.call("AdminSetUserPassword", password).await;
        let ask = json!({"UserPoolId": pool, "ClientId": self.deployment.client, "AuthFlow": "ADMIN_USER_PASSWORD_AUTH",
            "AuthParameters": {"USERNAME": email, "PASSWORD": PASSWORD}});
        let signed_in = cognito.call("AdminInitiateAuth", ask).await;
        (text(&sub["Value"]), text(&signed_in["AuthenticationResult"]["AccessToken"]))
    }

    /// All that waits or is dead in the queues, by the end of their names.
    pub(crate) async fn queued(&self) -> Vec<(String, u64)> {
        let mut counts = Vec::new();
        for queue in self.deployment.all("AWS::SQS::Queue") {
            let name = text(&queue["QueueName"]);
            let url = text(&self.servers.sqs.call("GetQueueUrl", json!({"QueueName": name})).await["QueueUrl"]);
            let ask = json!({"QueueUrl": url, "AttributeNames": ["All"]});
            let attributes = self.servers.sqs.call("GetQueueAttributes", ask).await["Attributes"].clone();
            let count = |name: &str| text(&attributes[name]).parse::<u64>().unwrap_or_default();
            let all = count("ApproximateNumberOfMessages") + count("ApproximateNumberOfMessagesNotVisible");
            counts.push((name.trim_start_matches(STACK).trim_start_matches('-').to_owned(), all));
        }
        counts
    }

    /// Waits until no queue has anything to do, and nobody is dead.
    pub(crate) async fn quiet(&self, seconds: u64) {
        until(seconds, "quiet queues", async || {
            let busy: Vec<_> = self.queued().await.into_iter().filter(|(_, count)| *count > 0).collect();
            let dead = busy.iter().find(|(name, _)| name.ends_with("-dead") || name == "rule-errors");
            assert!(dead.is_none(), "{busy:?}");
            busy.is_empty().then_some(())
        })
        .await;
    }
}

/// Where `scripts/cdk` puts the templates.
fn synthesised() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cdk/out/synth/dev");
    assert!(folder.exists(), "{} is missing: `scripts/cdk` makes it", folder.display());
    folder
}

/// Looks until there is something, at most `seconds`.
pub(crate) async fn until<T>(seconds: u64, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "waited {seconds} s in vain for {what}");
        time::sleep(Duration::from_millis(50)).await;
    }
}
