//! What devices and operators send never breaks a parser: any text, damaged documents and documents with the right words in the
//! wrong places are refused or understood, and what was understood is the same when it is written again. One file for all
//! parsers, because they are given the same kinds of nonsense. The codec of packets has its own.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

use crate::limits::{SHADOW_BYTES_MAX, TOPIC_BYTES_MAX, TOPIC_SLASHES_MAX};
use crate::names::ThingName;
use crate::policy::PolicyDocument;
use crate::shadow::{Shadow, ShadowAddress, ShadowTopic, Updated};
use crate::template::{PolicyRef, Template};
use crate::topic::{TopicFilter, TopicName};

type Words = &'static [&'static str];

/// A value that is made of `words` for the most part. Fractions are such as JSON has in full.
fn any_json(words: Words) -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<i32>().prop_map(|number| Value::from(f64::from(number) / 2.0)),
        4 => select(words).prop_map(Value::from),
        1 => ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 24, 4, move |inner| {
        let key = prop_oneof![8 => select(words).prop_map(str::to_owned), 1 => ".{0,8}"];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key, inner), 0..4).prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn nodes(value: &Value) -> usize {
    1 + match value {
        Value::Array(elements) => elements.iter().map(nodes).sum(),
        Value::Object(members) => members.values().map(nodes).sum(),
        _ => 0,
    }
}

/// Puts `with` in place of the value that is the `nth` from the top.
fn replace(value: &mut Value, nth: &mut usize, with: &Value) {
    if *nth == 0 {
        *value = with.clone();
    }
    *nth = nth.wrapping_sub(1);
    match value {
        Value::Array(elements) => elements.iter_mut().for_each(|element| replace(element, nth, with)),
        Value::Object(members) => members.values_mut().for_each(|member| replace(member, nth, with)),
        _ => {}
    }
}

/// `document` with up to three of its values replaced.
fn changed(document: Value, words: Words) -> impl Strategy<Value = Value> {
    prop::collection::vec((any::<Index>(), any_json(words)), 0..=3).prop_map(move |changes| {
        let mut document = document.clone();
        for (at, with) in changes {
            let mut nth = at.index(nodes(&document));
            replace(&mut document, &mut nth, &with);
        }
        document
    })
}

/// `document` with some bytes changed, or cut short.
fn damaged(document: &Value) -> impl Strategy<Value = Vec<u8>> {
    let bytes = document.to_string().into_bytes();
    (prop::collection::vec((any::<Index>(), any::<u8>()), 1..4), any::<Option<Index>>()).prop_map(
        move |(changes, end)| {
            let mut bytes = bytes.clone();
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            bytes.truncate(end.map_or(bytes.len(), |end| end.index(bytes.len())));
            bytes
        },
    )
}

/// Everything that may be sent where `document` is expected.
fn sent(document: &Value, words: Words) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        1 => prop::collection::vec(any::<u8>(), 0..64),
        2 => damaged(document),
        2 => any_json(words).prop_map(|value| value.to_string().into_bytes()),
        6 => changed(document.clone(), words).prop_map(|value| value.to_string().into_bytes()),
    ]
}

/// The same value, written in another way.
fn rewritten(json: &str) -> String {
    serde_json::to_string_pretty(&serde_json::from_str::<Value>(json).unwrap()).unwrap()
}

const POLICY_WORDS: Words = &[
    "Version",
    "2012-10-17",
    "Statement",
    "Sid",
    "Effect",
    "Allow",
    "Deny",
    "Action",
    "iot:*",
    "iot:Publish",
    "iot:Con",
    "iot:Connect",
    "Resource",
    "NotResource",
    "*",
    "arn:aws:iot:*:*:topic/a",
    "arn:aws:iot:*:*:client/${iot:ClientId}",
    "arn:aws:iot:::",
    "arn:aws:iot:*:*:topicfilter/${",
    "${*}",
    "Condition",
    "Bool",
    "StringEquals",
    "true",
    "iot:Connection.Thing.IsAttached",
    "ForAnyValue:StringEquals",
    "${iot:Connection.Thing.Attributes[x]}",
    "",
];

fn policy() -> Value {
    json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "iot:Connect", "Resource": "arn:aws:iot:*:*:client/${iot:Connection.Thing.ThingName}",
         "Condition": {"Bool": {"iot:Connection.Thing.IsAttached": ["true"]}}},
        {"Effect": "Deny", "Action": ["iot:Publish", "iot:Rec*"], "Resource": ["arn:aws:iot:*:*:topic/a/?/*", "*"]},
    ]})
}

const TEMPLATE_WORDS: Words = &[
    "Parameters",
    "Resources",
    "Mappings",
    "DeviceConfiguration",
    "Type",
    "String",
    "Default",
    "Properties",
    "ThingName",
    "OverrideSettings",
    "MERGE",
    "AttributePayload",
    "ThingGroups",
    "ThingTypeName",
    "AWS::IoT::Thing",
    "PolicyName",
    "AWS::IoT::Policy",
    "AWS::IoT::Certificate",
    "CertificateId",
    "Status",
    "Active",
    "Ref",
    "Serial",
    "Place",
    "AWS::IoT::Certificate::Id",
    "Fn::Sub",
    "Fn::Join",
    "Fn::Select",
    "Fn::Split",
    "Fn::FindInMap",
    "Places",
    "url",
    "${Serial}",
    "${!x}",
    "${",
    "}",
    ",",
    "0",
    "PolicyDocument",
    "",
];

fn template() -> Value {
    json!({
        "Parameters": {"Serial": {"Type": "String"}, "Place": {"Type": "String", "Default": "north"}},
        "Mappings": {"Places": {"north": {"url": "https://north.example"}}},
        "Resources": {
            "thing": {
                "Type": "AWS::IoT::Thing",
                "Properties": {
                    "ThingName": {"Fn::Join": ["-", ["pi", {"Ref": "Serial"}]]},
                    "AttributePayload": {"at": {"Ref": "Place"}},
                    "ThingGroups": [{"Fn::Select": [0, {"Fn::Split": [",", "all,some"]}]}],
                },
                "OverrideSettings": {"ThingTypeName": "REPLACE"},
            },
            "certificate": {
                "Type": "AWS::IoT::Certificate",
                "Properties": {"CertificateId": {"Ref": "AWS::IoT::Certificate::Id"}, "Status": "ACTIVE"},
            },
            "document": {"Type": "AWS::IoT::Policy", "Properties": {"PolicyDocument": {"Fn::Sub": policy_of_serial()}}},
            "name": {"Type": "AWS::IoT::Policy", "Properties": {"PolicyName": "satellite"}},
        },
        "DeviceConfiguration": {"url": {"Fn::FindInMap": ["Places", {"Ref": "Place"}, "url"]}, "retries": 3},
    })
}

fn policy_of_serial() -> String {
    json!({"Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Action": "iot:Publish", "Resource": "arn:aws:iot:*:*:topic/${Serial}/*"}})
    .to_string()
}

const SHADOW_WORDS: Words =
    &["state", "desired", "reported", "version", "clientToken", "colour", "light", "lux", "on", "timestamp", ""];

fn shadow() -> Value {
    json!({
        "state": {
            "desired": {"light": {"on": true, "colour": [255, {"lux": 0.5}]}, "lux": null},
            "reported": {"light": {"on": false}, "lux": 7},
        },
        "clientToken": "token",
    })
}

/// Metadata has the shape of the state, with a time in place of each value.
fn is_metadata_of(metadata: &Value, state: &Value) -> bool {
    match (state, metadata) {
        (Value::Object(state), Value::Object(metadata)) => {
            state.len() == metadata.len()
                && state
                    .iter()
                    .all(|(key, value)| metadata.get(key).is_some_and(|metadata| is_metadata_of(metadata, value)))
        }
        (Value::Array(state), Value::Array(metadata)) => {
            state.len() == metadata.len() && state.iter().zip(metadata).all(|(s, m)| is_metadata_of(m, s))
        }
        (Value::Object(_) | Value::Array(_) | Value::Null, _) => false,
        (_, metadata) => metadata.as_object().is_some_and(|stamp| stamp.len() == 1 && stamp["timestamp"].is_u64()),
    }
}

fn parsed(json: &[u8]) -> Value {
    serde_json::from_slice(json).unwrap()
}

fn any_topic() -> impl Strategy<Value = String> {
    let level = prop_oneof![
        8 => select(&["a", "", "ä", "$aws", "rules", "things", "shadow", "name", "get", "update", "delta", "b c"][..])
            .prop_map(str::to_owned),
        2 => select(&["+", "#"][..]).prop_map(str::to_owned),
        1 => select(&["a+", "#b", "++", "\0", "\u{85}", "$share"][..]).prop_map(str::to_owned),
        1 => (1_usize..140).prop_map(|length| "x".repeat(length)),
    ];
    prop_oneof![
        4 => prop::collection::vec(level, 1..11).prop_map(|levels| levels.join("/")),
        1 => prop::collection::vec(any::<u8>(), 0..300).prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
        1 => "[$a-c/+#]{0,20}",
    ]
}

/// MQTT 3.1.1, sections 1.5.3 and 4.7, and AWS's limits, once more and in other words.
fn fits(text: &str) -> bool {
    (1..=TOPIC_BYTES_MAX).contains(&text.len())
        && text.matches('/').count() <= TOPIC_SLASHES_MAX
        && !text.chars().any(char::is_control)
}

proptest! {
    #[test]
    fn policy_documents(bytes in sent(&policy(), POLICY_WORDS)) {
        let document = String::from_utf8_lossy(&bytes);
        if let Ok(understood) = PolicyDocument::parse(&document) {
            prop_assert_eq!(PolicyDocument::parse(&rewritten(&document)).unwrap(), understood);
        }
    }

    /// Whatever a device says about itself, a policy that is made for it can be enforced.
    #[test]
    fn provisioning_templates(
        bytes in sent(&template(), TEMPLATE_WORDS),
        serial in prop_oneof![4 => "[a-zA-Z0-9:_-]{1,8}", 1 => ".{0,20}", 1 => select(TEMPLATE_WORDS).prop_map(str::to_owned)],
        other in ".{0,8}",
    ) {
        let document = String::from_utf8_lossy(&bytes);
        if let Ok(understood) = Template::parse(&document) {
            prop_assert_eq!(&Template::parse(&rewritten(&document)).unwrap(), &understood);
            let parameters = BTreeMap::from([("Serial".to_owned(), serial), ("Other".to_owned(), other)]);
            for policy in understood.plan(&parameters, "cafe").map(|plan| plan.policies).unwrap_or_default() {
                if let PolicyRef::Document(document) = policy {
                    prop_assert!(PolicyDocument::parse(&document).is_ok(), "{}", document);
                }
            }
        }
    }

    /// Each is rejected, or leads to a shadow that is stored as it is, within its limits, and whose replies fit it.
    #[test]
    fn shadow_requests(requests in prop::collection::vec(sent(&shadow(), SHADOW_WORDS), 1..5)) {
        let address = ShadowAddress { thing: ThingName::parse("lamp").unwrap(), name: None };
        let mut current: Option<Shadow> = None;
        for (request, now_s) in requests.iter().zip(1..) {
            let _refused_or_told = Shadow::get(current.as_ref(), &address, request, now_s);
            let _refused_or_done = Shadow::delete(current.as_ref(), &address, request, now_s);
            let Ok(Updated { shadow, accepted, documents, delta }) = Shadow::update(current.as_ref(), request, now_s) else {
                continue;
            };
            prop_assert_eq!(shadow.version(), current.as_ref().map_or(0, Shadow::version) + 1);
            let stored = serde_json::to_vec(&shadow).unwrap();
            prop_assert_eq!(&serde_json::from_slice::<Shadow>(&stored).unwrap(), &shadow);

            prop_assert_eq!(&parsed(&accepted)["state"], &parsed(request)["state"]);
            let current_document = &parsed(&documents)["current"];
            let (state, metadata) = (&current_document["state"], &current_document["metadata"]);
            prop_assert!(state.to_string().len() <= SHADOW_BYTES_MAX);
            prop_assert!(is_metadata_of(metadata, state), "{} {}", metadata, state);

            // A device that reports what is desired has done what it was asked.
            if delta.is_some() {
                let report = json!({"state": {"reported": shadow.desired()}}).to_string();
                let reported = Shadow::update(Some(&shadow), report.as_bytes(), now_s).unwrap();
                prop_assert_eq!(reported.delta, None);
            }
            current = Some(shadow);
        }
    }

    #[test]
    fn topic_names(text in any_topic()) {
        let ingest = text.starts_with("$aws/rules/");
        match TopicName::parse(&text) {
            Ok(name) => {
                prop_assert!((fits(&text) || ingest) && !text.contains(['+', '#']));
                prop_assert_eq!(name.as_str(), &text);
                prop_assert_eq!(&serde_json::from_str::<TopicName>(&serde_json::to_string(&name).unwrap()).unwrap(), &name);
                // It is a filter, too, for itself alone.
                if fits(&text) && !text.starts_with("$share/") {
                    prop_assert!(TopicFilter::parse(&text).unwrap().matches(&name));
                }
                if let Some(topic) = ShadowTopic::parse(&name) {
                    prop_assert_eq!(topic.to_name(), name);
                }
            }
            Err(_) => prop_assert!(!fits(&text) || text.contains(['+', '#'])),
        }
    }

    #[test]
    fn topic_filters(text in any_topic()) {
        prop_assume!(!text.starts_with("$share"));
        let (before, last) = text.rsplit_once('/').unwrap_or(("", &text));
        let plain = |level: &str| level == "+" || !level.contains(['+', '#']);
        let well_formed = fits(&text) && before.split('/').all(plain) && (last == "#" || plain(last));
        match TopicFilter::parse(&text) {
            Ok(filter) => {
                prop_assert!(well_formed);
                prop_assert_eq!(filter.as_str(), &text);
                prop_assert_eq!(&serde_json::from_str::<TopicFilter>(&serde_json::to_string(&filter).unwrap()).unwrap(), &filter);
            }
            Err(_) => prop_assert!(!well_formed),
        }
    }
}

/// Without this the properties above could hold because nothing is ever understood.
#[test]
fn the_documents_that_are_changed_are_fit() {
    PolicyDocument::parse(&policy().to_string()).unwrap();
    let parameters = BTreeMap::from([("Serial".to_owned(), "1".to_owned())]);
    let plan = Template::parse(&template().to_string()).unwrap().plan(&parameters, "cafe").unwrap();
    assert!(matches!(plan.policies[..], [PolicyRef::Document(_), PolicyRef::Name(_)]));
    assert!(Shadow::update(None, shadow().to_string().as_bytes(), 1).unwrap().delta.is_some());
}
