//! The IoT Core of a deployment: marvain's own, with the policies, the provisioning template, the hook and the rules that the
//! templates say.

use crate::{
    functions::Functions,
    json::{ACCOUNT, REGION, Service},
    made::{Deployment, text},
};
use async_trait::async_trait;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use marvain_iotcore::{
    AccessKey, Clock, Config, Entropy, HookDecision, HookError, HookRequest, IotCore, Parts, ProvisioningHook, Rule,
    RuleError, RuleMessage, RuleTarget, topic::TopicFilter,
};
use marvain_lambdas::System;
use serde_json::{Map, Value, json};
use std::{path::Path, sync::Arc};
use tokio::{net::TcpListener, task::JoinSet};

/// The operator's key, which the functions have.
pub(crate) const KEY: &str = "AKIAIOSFODNN7EXAMPLE";
pub(crate) const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

/// The ports, reserved before anything is wired, because functions are told of them.
pub(crate) struct Ports {
    mqtt: TcpListener,
    https: TcpListener,
}

impl Ports {
    pub(crate) async fn reserve() -> Self {
        let (mqtt, https) = tokio::join!(TcpListener::bind("127.0.0.1:0"), TcpListener::bind("127.0.0.1:0"));
        Self { mqtt: mqtt.unwrap(), https: https.unwrap() }
    }

    pub(crate) fn mqtt(&self) -> u16 {
        self.mqtt.local_addr().unwrap().port()
    }

    pub(crate) fn https(&self) -> u16 {
        self.https.local_addr().unwrap().port()
    }
}

/// The clock and the randomness that functions have.
struct Wall(System);

impl Clock for Wall {
    fn now_ms(&self) -> u64 {
        self.0.now().as_ms()
    }
}

impl Entropy for Wall {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.entropy()(bytes);
    }
}

/// The root of the IoT Core of a directory, made if there is none yet: functions are told of it before they are asked.
pub(crate) async fn root(directory: &Path) -> String {
    let system = System::new().unwrap();
    let (clock, entropy) = (Arc::new(Wall(system)), Arc::new(Wall(system)));
    let parts = Parts { clock, entropy, hook: None, rules: Vec::new() };
    let core = IotCore::open(Config::new(directory.to_owned()), parts).await.unwrap();
    let root = core.root_ca_pem().to_owned();
    core.close().await.unwrap();
    root
}

/// An IoT Core that is served until this is dropped.
pub(crate) struct Iot {
    _tasks: JoinSet<()>,
}

impl Iot {
    /// Opens and serves it.
    pub(crate) async fn serve(
        directory: &Path,
        ports: Ports,
        deployment: &Deployment,
        functions: &Functions,
        sqs: &Service,
    ) -> Self {
        let template = &deployment.all("AWS::IoT::ProvisioningTemplate")[0];
        let hook = Hook { function: text(&template["PreProvisioningHook"]["TargetArn"]), functions: functions.clone() };
        let rules = deployment.all("AWS::IoT::TopicRule").iter().map(|properties| rule(properties, sqs)).collect();
        let system = System::new().unwrap();
        let (clock, entropy) = (Arc::new(Wall(system)), Arc::new(Wall(system)));
        let parts = Parts { clock, entropy, hook: Some(Arc::new(hook)), rules };
        let config = Config { region: REGION.to_owned(), ..Config::new(directory.to_owned()) };
        let core = IotCore::open(config, parts).await.unwrap();
        for policy in deployment.all("AWS::IoT::Policy") {
            core.put_policy(&text(&policy["PolicyName"]), &policy["PolicyDocument"].to_string()).await.unwrap();
        }
        core.put_template(&text(&template["TemplateName"]), &text(&template["TemplateBody"])).await.unwrap();
        let mut tasks = JoinSet::new();
        let (mqtt, https) = (core.clone(), core.clone());
        tasks.spawn(async move { mqtt.serve(ports.mqtt, std::future::pending()).await.unwrap() });
        let key = AccessKey::new(KEY, SECRET).unwrap();
        tasks.spawn(async move { https.serve_https(ports.https, vec![key], std::future::pending()).await.unwrap() });
        Self { _tasks: tasks }
    }
}

/// Asks the function that the template names, as AWS IoT does ("Pre-provisioning hooks").
struct Hook {
    function: String,
    functions: Functions,
}

#[async_trait]
impl ProvisioningHook for Hook {
    async fn decide(&self, request: HookRequest) -> Result<HookDecision, HookError> {
        let event = json!({
            "claimCertificateId": request.claim_certificate_id.to_string(),
            "certificateId": request.certificate_id.to_string(),
            "certificatePem": "",
            "templateArn": format!("arn:aws:iot:{REGION}:{ACCOUNT}:provisioningtemplate/{}", request.template),
            "clientId": request.client_id.as_ref(),
            "parameters": request.parameters,
        });
        let answer = self.functions.invoke(&self.function, &event).await.answer();
        Ok(HookDecision { allow: answer["allowProvisioning"] == true, ..HookDecision::default() })
    }
}

/// Puts what a rule selects into its queue.
struct IntoQueue {
    fields: Vec<(String, Field)>,
    url: String,
    sqs: Service,
}

/// A function of AWS IoT SQL ("Functions"), of those that the hub's rules call.
enum Field {
    Topic,
    Principal,
    Timestamp,
    ClientId,
    Body,
}

#[async_trait]
impl RuleTarget for IntoQueue {
    async fn deliver(&self, message: RuleMessage) -> Result<(), RuleError> {
        let mut selected = Map::new();
        for (name, field) in &self.fields {
            let value = match field {
                Field::Topic => Some(message.topic.as_str().into()),
                // What is undefined is left out.
                Field::Principal => message.principal.map(|id| id.to_string().into()),
                Field::ClientId => message.client_id.as_deref().map(Value::from),
                Field::Timestamp => Some(message.received_at_ms.into()),
                Field::Body => Some(BASE64_STANDARD.encode(&message.payload).into()),
            };
            selected.extend(value.map(|value| (name.clone(), value)));
        }
        let send = json!({"QueueUrl": self.url, "MessageBody": Value::Object(selected).to_string()});
        let sent = self.sqs.try_call("SendMessage", send).await;
        sent.map(drop).map_err(|error| RuleError(error.to_string().into()))
    }
}

/// A rule, from its resource.
fn rule(properties: &Value, sqs: &Service) -> Rule {
    let payload = &properties["TopicRulePayload"];
    assert_eq!(payload["RuleDisabled"], false);
    let sql = text(&payload["Sql"]);
    let (fields, filter) = parse(&sql);
    let queue = &payload["Actions"][0]["Sqs"];
    assert_eq!(queue["UseBase64"], false);
    assert!(payload["ErrorAction"]["Sqs"]["QueueUrl"].is_string(), "what fails is not lost");
    let target = IntoQueue { fields, url: text(&queue["QueueUrl"]), sqs: sqs.clone() };
    Rule {
        name: text(&properties["RuleName"]),
        filter: Some(TopicFilter::parse(filter).unwrap()),
        target: Arc::new(target),
        error: None,
    }
}

/// `SELECT f() AS name, … FROM 'filter'`.
fn parse(sql: &str) -> (Vec<(String, Field)>, &str) {
    let (select, from) = sql.split_once(" FROM ").expect("a filter");
    let select = select.strip_prefix("SELECT ").expect("a selection");
    let fields = select.replace("(*, ", "(*;").split(", ").map(field).collect();
    (fields, from.trim_matches('\''))
}

fn field(text: &str) -> (String, Field) {
    let (call, name) = text.split_once(" AS ").expect("a name");
    let field = match call {
        "topic()" => Field::Topic,
        "principal()" => Field::Principal,
        "timestamp()" => Field::Timestamp,
        "clientid()" => Field::ClientId,
        "encode(*;'base64')" => Field::Body,
        other => panic!("`{other}` is not known here"),
    };
    (name.to_owned(), field)
}
