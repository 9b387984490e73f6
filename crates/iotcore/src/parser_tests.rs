//! What devices and operators send never breaks a parser: any text, damaged documents and documents with the right words in the
//! wrong places are refused or understood, and what was understood is the same when it is written again. One file for all
//! parsers, because they are given the same kinds of nonsense. What must hold of each is in `fuzzing`, for fuzzers find other inputs. The
//! codec of packets has its own.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

use crate::fuzzing;
use crate::policy::PolicyDocument;
use crate::shadow::Shadow;
use crate::template::{PolicyRef, Template};

type Words = &'static [&'static str];

/// A value that is made of `words` for the most part.
fn any_json(words: Words) -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => prop::num::f64::NORMAL.prop_map(Value::from),
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

const JOBS_WORDS: Words = &[
    "status",
    "IN_PROGRESS",
    "QUEUED",
    "statusDetails",
    "expectedVersion",
    "stepTimeoutInMinutes",
    "clientToken",
    "executionNumber",
    "includeJobDocument",
    "-1",
    "7",
    "9999999999999999999",
    "",
];

fn jobs_update() -> Value {
    json!({
        "status": "IN_PROGRESS",
        "statusDetails": {"step": "2 of 3", "place:1": "cellar"},
        "expectedVersion": "2",
        "stepTimeoutInMinutes": 10,
        "clientToken": "token",
        "executionNumber": 1,
    })
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

/// What is sent, in parts, as the targets take it.
fn input(parts: &[&[u8]]) -> Vec<u8> {
    parts.join(&b"\n---\n"[..])
}

proptest! {
    #[test]
    fn policy_documents(
        bytes in sent(&policy(), POLICY_WORDS),
        name in prop_oneof!["[a*?/]{0,6}", any_topic()],
        client in "[a*]{0,2}",
        thing_type in "[a$]{0,2}",
    ) {
        let asked = format!("{name}\n{client}\n{thing_type}\nhere\n10.0.0.1");
        fuzzing::policy(&input(&[&bytes, asked.as_bytes()]));
    }

    #[test]
    fn provisioning_templates(
        bytes in sent(&template(), TEMPLATE_WORDS),
        serial in prop_oneof![4 => "[a-zA-Z0-9:_-]{1,8}", 1 => ".{0,20}", 1 => select(TEMPLATE_WORDS).prop_map(str::to_owned)],
        other in ".{0,8}",
    ) {
        let parameters = json!({"Serial": serial, "Other": other}).to_string();
        fuzzing::template(&input(&[&bytes, parameters.as_bytes()]));
    }

    #[test]
    fn shadow_requests(requests in prop::collection::vec(sent(&shadow(), SHADOW_WORDS), 1..5)) {
        let requests: Vec<_> = requests.iter().map(Vec::as_slice).collect();
        fuzzing::shadow(&input(&requests));
    }

    #[test]
    fn jobs_requests(request in sent(&jobs_update(), JOBS_WORDS)) {
        fuzzing::jobs(&request);
    }

    #[test]
    fn topics(name in any_topic(), filters in prop::collection::vec(any_topic(), 0..5)) {
        fuzzing::topic([&[name], &filters[..]].concat().join("\n").as_bytes());
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
