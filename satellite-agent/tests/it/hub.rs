//! An IoT Core with marvain's rules, policies and template, whose targets keep what they get.

use async_trait::async_trait;
use marvain_iotcore::{
    CertificateId, Clock, Config, Entropy, HookDecision, HookError, HookRequest, IotCore, Parts, ProvisioningHook,
    Rule, RuleError, RuleMessage, RuleTarget,
    names::{ShadowName, ThingName},
    topic::TopicFilter,
};
use marvain_topics::{
    RULES,
    table::{PARAMETER_CODE, POLICY_CLAIM, POLICY_SATELLITE, TEMPLATE},
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tempfile::TempDir;
use tokio::{
    net::TcpListener,
    sync::{OwnedRwLockWriteGuard, RwLock},
    task::JoinHandle,
};

/// Everything that is waited for comes within this, or the test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

const CODE: &str = "right-code";

struct System;

impl Clock for System {
    #[expect(clippy::disallowed_methods, reason = "the test is a composition root")]
    fn now_ms(&self) -> u64 {
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as u64
    }
}

impl Entropy for System {
    fn fill(&self, bytes: &mut [u8]) {
        rustls::crypto::aws_lc_rs::default_provider().secure_random.fill(bytes).unwrap();
    }
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> u64 {
    System.now_ms()
}

/// Keeps topic and payload of everything that came, unless it is busy: then it neither keeps nor acknowledges anything.
#[derive(Default)]
struct Kept {
    messages: Mutex<Vec<(String, Value)>>,
    busy: Arc<RwLock<()>>,
}

#[async_trait]
impl RuleTarget for Kept {
    async fn deliver(&self, message: RuleMessage) -> Result<(), RuleError> {
        let payload = serde_json::from_slice(&message.payload).map_err(|error| RuleError(error.into()))?;
        let _free = self.busy.read().await;
        self.messages.lock().unwrap_or_else(PoisonError::into_inner).push((message.topic.to_string(), payload));
        Ok(())
    }
}

/// One right code, spent by the first certificate that comes with it.
#[derive(Default)]
struct Codes(Mutex<HashMap<String, CertificateId>>);

#[async_trait]
impl ProvisioningHook for Codes {
    async fn decide(&self, request: HookRequest) -> Result<HookDecision, HookError> {
        let code = request.parameters.get(PARAMETER_CODE).cloned().unwrap_or_default();
        let mut spent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let right = code == CODE;
        let allow = right && *spent.entry(code).or_insert(request.certificate_id) == request.certificate_id;
        Ok(HookDecision { allow, parameter_overrides: BTreeMap::new() })
    }
}

pub(crate) struct Hub {
    core: IotCore,
    kept: Arc<Kept>,
    codes: Arc<Codes>,
    pub(crate) port: u16,
    pub(crate) dir: Arc<TempDir>,
    serving: JoinHandle<()>,
}

pub(crate) struct Killed {
    dir: Arc<TempDir>,
    kept: Arc<Kept>,
    codes: Arc<Codes>,
    port: u16,
}

impl Killed {
    pub(crate) async fn start(self) -> Hub {
        Hub::at(self.dir, self.kept, self.codes, self.port).await
    }
}

fn rendered(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../topics/rendered").join(name);
    std::fs::read_to_string(path).unwrap()
}

impl Hub {
    pub(crate) async fn start() -> Self {
        let hub = Self::at(Arc::new(TempDir::new().unwrap()), Arc::default(), Arc::default(), 0).await;
        hub.core.put_policy(POLICY_SATELLITE, &rendered("satellite-policy.json")).await.unwrap();
        hub.core.put_policy(POLICY_CLAIM, &rendered("claim-policy.json")).await.unwrap();
        hub.core.put_template(TEMPLATE, &rendered("provisioning-template.json")).await.unwrap();
        hub
    }

    async fn at(dir: Arc<TempDir>, kept: Arc<Kept>, codes: Arc<Codes>, port: u16) -> Self {
        let rules = RULES.iter().map(|rule| Rule {
            name: rule.name.to_owned(),
            filter: Some(TopicFilter::parse(rule.filter).unwrap()),
            target: Arc::clone(&kept) as _,
            error: None,
        });
        let parts = Parts {
            clock: Arc::new(System),
            entropy: Arc::new(System),
            hook: Some(Arc::clone(&codes) as _),
            rules: rules.collect(),
        };
        let core = IotCore::open(Config::new(dir.path().join("iot")), parts).await.unwrap();
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = core.clone();
        let serving = tokio::spawn(async move { server.serve(listener, std::future::pending()).await.unwrap() });
        Self { core, kept, codes, port, dir, serving }
    }

    /// As if its process were killed, and started again on the same port.
    pub(crate) async fn crash(self) -> Self {
        self.kill().await.start().await
    }

    /// As if its process were killed.
    pub(crate) async fn kill(self) -> Killed {
        self.serving.abort();
        assert!(self.serving.await.unwrap_err().is_cancelled());
        Killed { dir: self.dir, kept: self.kept, codes: self.codes, port: self.port }
    }

    fn write(&self, dir: &Path, certificate: &str, key: &str, connection: &Value) {
        std::fs::create_dir_all(dir).unwrap();
        std::fs::write(dir.join("certificate.pem"), certificate).unwrap();
        std::fs::write(dir.join("private.key"), key).unwrap();
        std::fs::write(dir.join("root-ca.pem"), self.core.root_ca_pem()).unwrap();
        std::fs::write(dir.join("connection.json"), connection.to_string()).unwrap();
    }

    /// Writes the identity of a new thing to `dir`.
    pub(crate) async fn add(&self, thing: &str, dir: &Path) -> CertificateId {
        let made = self.core.create_keys_and_certificate(true).await.unwrap();
        let name = ThingName::parse(thing).unwrap();
        self.core.create_thing(name.clone(), BTreeMap::new()).await.unwrap();
        self.core.attach_thing(name, made.certificate_id).await.unwrap();
        self.core.attach_policy(POLICY_SATELLITE, made.certificate_id).await.unwrap();
        let connection = json!({"endpoint": "localhost", "port": self.port, "thing": thing});
        self.write(dir, &made.certificate_pem, &made.private_key_pem, &connection);
        made.certificate_id
    }

    /// Writes a claim to `dir`.
    pub(crate) async fn claim(&self, dir: &Path) {
        let made = self.core.create_provisioning_claim(TEMPLATE, POLICY_CLAIM).await.unwrap();
        let connection = json!({"endpoint": "localhost", "port": self.port, "template": TEMPLATE});
        self.write(dir, &made.certificate_pem, &made.private_key_pem, &connection);
    }

    pub(crate) async fn revoke(&self, certificate: CertificateId) {
        self.core.update_certificate(certificate, marvain_iotcore::Status::Revoked).await.unwrap();
    }

    /// Nothing that is published is acknowledged until the answer is dropped.
    pub(crate) async fn busy(&self) -> OwnedRwLockWriteGuard<()> {
        Arc::clone(&self.kept.busy).write_owned().await
    }

    pub(crate) fn is_online(&self, thing: &str) -> bool {
        self.core.connection(thing).is_some()
    }

    pub(crate) async fn desire(&self, thing: &str, shadow: &str, desired: &Value) {
        let update = json!({"state": {"desired": desired}}).to_string();
        let (thing, shadow) = (ThingName::parse(thing).unwrap(), ShadowName::parse(shadow).unwrap());
        self.core.shadow_update(thing, Some(shadow), update.as_bytes()).await.unwrap();
    }

    /// What a satellite reports of itself, once it does and `fits`.
    pub(crate) async fn presence(&self, thing: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let (thing, shadow) = (ThingName::parse(thing).unwrap(), ShadowName::parse("presence").unwrap());
        wait("presence", async || {
            let document = self.core.shadow_get(thing.clone(), Some(shadow.clone())).await.ok()?;
            let reported = serde_json::from_slice::<Value>(&document).unwrap()["state"]["reported"].clone();
            fits(&reported).then_some(reported)
        })
        .await
    }

    /// Payloads that came on topics that end like this, in the order of their arrival. One whose PUBACK a crash cut off comes
    /// again, to the byte as it was, and counts once.
    pub(crate) fn got(&self, end: &str) -> Vec<Value> {
        let kept = self.kept.messages.lock().unwrap_or_else(PoisonError::into_inner);
        let mut seen = BTreeSet::new();
        let of_topic = kept.iter().filter(|(topic, payload)| topic.ends_with(end) && seen.insert(payload.to_string()));
        of_topic.map(|(_, payload)| payload.clone()).collect()
    }

    /// As `got`, once there are `n`.
    pub(crate) async fn get(&self, end: &str, n: usize) -> Vec<Value> {
        wait(end, async || Some(self.got(end)).filter(|got| got.len() >= n)).await
    }
}

/// Asks until there is an answer.
pub(crate) async fn wait<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let asking = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

/// The state of a command in the shadow `commands`.
pub(crate) fn command(id: &str, capability: &str, args: &Value, ttl_ms: i64) -> Value {
    let expires_at = marvain_domain::Timestamp::from_ms(now_ms().saturating_add_signed(ttl_ms));
    json!({ id: {"capability": capability, "args": args, "expires_at": expires_at} })
}
