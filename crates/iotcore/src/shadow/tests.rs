//! The examples and rules of "Device Shadow service documents", "Device Shadow error messages" and "Simulating Device Shadow
//! service communications", as tables.

use serde_json::{Value, json};

use super::*;
use crate::names::{ShadowName, ThingName};
use crate::topic::TopicName;

fn address(name: Option<&str>) -> ShadowAddress {
    ShadowAddress { thing: ThingName::parse("lamp").unwrap(), name: name.map(|name| ShadowName::parse(name).unwrap()) }
}

fn parsed(payload: &[u8]) -> Value {
    serde_json::from_slice(payload).unwrap()
}

fn update(current: Option<&Shadow>, request: &Value, now_s: u64) -> Updated {
    Shadow::update(current, request.to_string().as_bytes(), now_s).unwrap()
}

/// The shadow after `states`, one update each, at seconds 1, 2, …
fn after(states: &[Value]) -> Shadow {
    let mut shadow = None;
    for (state, now_s) in states.iter().zip(1..) {
        shadow = Some(update(shadow.as_ref(), &json!({"state": state}), now_s).shadow);
    }
    shadow.unwrap()
}

/// The walk through "Simulating Device Shadow service communications", with its own numbers.
#[test]
fn the_guides_lamp() {
    let stamps = |now_s: u64| json!([{"timestamp": now_s}, {"timestamp": now_s}, {"timestamp": now_s}]);

    let reported = json!({"reported": {"ID": "SmartLamp21", "ColorRGB": [128, 128, 128]}});
    let first = update(None, &json!({"state": reported, "clientToken": "one"}), 1_591_140_517);
    let metadata = json!({"reported": {"ID": {"timestamp": 1_591_140_517}, "ColorRGB": stamps(1_591_140_517)}});
    assert_eq!(
        parsed(&first.accepted),
        json!({"state": reported, "metadata": metadata, "version": 1, "timestamp": 1_591_140_517, "clientToken": "one"})
    );
    assert_eq!(first.delta, None);
    assert_eq!(parsed(&first.documents)["previous"], Value::Null, "nothing was there before");

    let desired = json!({"desired": {"ColorRGB": [255, 255, 0]}});
    let second = update(Some(&first.shadow), &json!({"state": desired, "clientToken": "two"}), 1_591_141_596);
    assert_eq!(
        parsed(second.delta.as_ref().unwrap()),
        json!({
            "version": 2, "timestamp": 1_591_141_596, "clientToken": "two",
            "state": {"ColorRGB": [255, 255, 0]}, "metadata": {"ColorRGB": stamps(1_591_141_596)},
        })
    );

    let third = json!({"state": {"reported": {"ColorRGB": [255, 255, 0]}}, "clientToken": "three"});
    let third = update(Some(&second.shadow), &third, 1_591_142_747);
    assert_eq!(third.delta, None);
    let snapshot = |colour: Value, at: u64, version: u64| {
        json!({
            "state": {"desired": {"ColorRGB": [255, 255, 0]}, "reported": {"ID": "SmartLamp21", "ColorRGB": colour}},
            "metadata": {
                "desired": {"ColorRGB": stamps(1_591_141_596)},
                "reported": {"ID": {"timestamp": 1_591_140_517}, "ColorRGB": stamps(at)},
            },
            "version": version,
        })
    };
    assert_eq!(
        parsed(&third.documents),
        json!({
            "previous": snapshot(json!([128, 128, 128]), 1_591_140_517, 2),
            "current": snapshot(json!([255, 255, 0]), 1_591_142_747, 3),
            "timestamp": 1_591_142_747, "clientToken": "three",
        })
    );
}

#[test]
fn merging() {
    for (states, expected) in [
        (vec![json!({"desired": {"a": 1}}), json!({"desired": {"b": 2}})], json!({"desired": {"a": 1, "b": 2}})),
        (
            vec![json!({"desired": {"a": {"b": 1}}}), json!({"desired": {"a": {"c": 2}}})],
            json!({"desired": {"a": {"b": 1, "c": 2}}}),
        ),
        (vec![json!({"desired": {"a": [1, 2, 3]}}), json!({"desired": {"a": [4]}})], json!({"desired": {"a": [4]}})),
        (vec![json!({"desired": {"a": 1, "b": 2}}), json!({"desired": {"a": null}})], json!({"desired": {"b": 2}})),
        (
            vec![json!({"desired": {"a": {"b": 1}, "c": 1}}), json!({"desired": {"a": {"b": null}}})],
            json!({"desired": {"c": 1}}),
        ),
        (vec![json!({"desired": {"a": {"b": 1}}}), json!({"desired": {"a": {"b": null}}})], json!({})),
        (
            vec![json!({"desired": {"a": 1}, "reported": {"a": 1}}), json!({"desired": null})],
            json!({"reported": {"a": 1}}),
        ),
        (vec![json!({"desired": {"a": 1}}), json!({"desired": {"a": {"b": 1}}})], json!({"desired": {"a": {"b": 1}}})),
        (vec![json!({"desired": {"a": {"b": 1}}}), json!({"desired": {"a": 1}})], json!({"desired": {"a": 1}})),
        (vec![json!({"desired": {"a": {"b": 1}}}), json!({"desired": {"a": {}}})], json!({"desired": {"a": {"b": 1}}})),
        (vec![json!({"desired": {"a": {}, "b": {"c": null}}})], json!({})),
        (vec![json!({"desired": {"a": []}})], json!({"desired": {"a": []}})),
        (vec![json!({})], json!({})),
    ] {
        let shadow = after(&states);
        let got = parsed(&Shadow::get(Some(&shadow), &address(None), b"", 9).unwrap());
        let mut state = got["state"].clone();
        state.as_object_mut().unwrap().remove("delta");
        assert_eq!(state, expected, "{states:?}");
        assert_eq!(got["version"], json!(states.len()));
    }
}

#[test]
fn metadata_follows_each_value() {
    let shadow = after(&[
        json!({"desired": {"a": {"b": 1, "c": [1, {"d": 2}]}, "timestamp": 7}}),
        json!({"desired": {"a": {"b": 1}, "e": "x"}}),
        json!({"desired": {"e": {"f": 1}}}),
    ]);
    let got = parsed(&Shadow::get(Some(&shadow), &address(None), b"", 9).unwrap());
    let at = |now_s: u64| json!({"timestamp": now_s});
    assert_eq!(
        got["metadata"],
        json!({"desired": {
            "a": {"b": at(2), "c": [at(1), {"d": at(1)}]}, "timestamp": at(1), "e": {"f": at(3)},
        }})
    );
}

#[test]
fn delta_is_what_is_desired_and_not_reported() {
    for (desired, reported, expected) in [
        (json!({"a": 1}), json!({"a": 1}), None),
        (json!({"a": 1}), json!({"a": 2}), Some(json!({"a": 1}))),
        (json!({"a": 1}), json!({}), Some(json!({"a": 1}))),
        (json!({"a": 1}), json!({"a": 1, "b": 2}), None),
        (json!({"a": {"b": 1, "c": 2}}), json!({"a": {"b": 1, "c": 3}}), Some(json!({"a": {"c": 2}}))),
        (json!({"a": {"b": 1}}), json!({"a": 1}), Some(json!({"a": {"b": 1}}))),
        (json!({"a": {"b": 1}}), json!({"a": {"b": 1, "c": 2}}), None),
        (json!({"a": [1, 2]}), json!({"a": [1, 3]}), Some(json!({"a": [1, 2]}))),
        (json!({"a": [1, 2]}), json!({"a": [1, 2]}), None),
        (json!({"a": 1, "b": 2}), json!({"b": 2}), Some(json!({"a": 1}))),
        (json!({"a": 1}), json!({"a": "1"}), Some(json!({"a": 1}))),
        (json!({"a": 1}), json!({"a": 1.0}), None),
        (json!({"a": 1}), json!({"a": 1.5}), Some(json!({"a": 1}))),
        (json!({"a": u64::MAX}), json!({"a": u64::MAX - 1}), Some(json!({"a": u64::MAX}))),
    ] {
        let updated = update(None, &json!({"state": {"desired": desired, "reported": reported}}), 5);
        let delta = updated.delta.as_deref().map(parsed);
        assert_eq!(delta.as_ref().map(|delta| &delta["state"]), expected.as_ref(), "{desired} {reported}");
        let got = parsed(&Shadow::get(Some(&updated.shadow), &address(None), b"", 9).unwrap());
        assert_eq!(got["state"].get("delta"), expected.as_ref());
        assert!(got["metadata"].get("delta").is_none());
    }
}

#[test]
fn delta_comes_with_every_update_while_there_is_a_difference() {
    let shadow = after(&[json!({"desired": {"a": 1, "b": {"c": 2}}})]);
    let updated = update(Some(&shadow), &json!({"state": {"reported": {"a": 1}}}), 5);
    let delta = parsed(updated.delta.as_ref().unwrap());
    assert_eq!(delta["state"], json!({"b": {"c": 2}}));
    assert_eq!(delta["metadata"], json!({"b": {"c": {"timestamp": 1}}}), "when it was desired, not when it was sent");
    assert_eq!(delta["timestamp"], 5);
}

#[test]
fn versions_lock_and_outlive_deletion() {
    let request = |version: u64| json!({"state": {"desired": {"a": 1}}, "version": version}).to_string();
    let try_update = |current: Option<&Shadow>, version| Shadow::update(current, request(version).as_bytes(), 1);
    let conflict = |current, version| try_update(current, version).unwrap_err().error == ShadowError::VersionConflict;
    assert!(conflict(None, 1));
    let first = try_update(None, 0).unwrap().shadow;
    assert!(conflict(Some(&first), 0) && conflict(Some(&first), 2));
    let second = try_update(Some(&first), 1).unwrap().shadow;
    assert_eq!((first.version(), second.version()), (1, 2));

    let (tombstone, reply) = Shadow::delete(Some(&second), &address(None), br#"{"clientToken": "t"}"#, 7).unwrap();
    assert_eq!(parsed(&reply), json!({"version": 2, "timestamp": 7, "clientToken": "t"}));
    assert!(tombstone.is_deleted() && tombstone.desired().is_empty());
    let stored: Shadow = serde_json::from_str(&serde_json::to_string(&tombstone).unwrap()).unwrap();
    assert_eq!(stored, tombstone);
    for (answer, shown) in [
        (Shadow::get(Some(&stored), &address(None), b"", 8).map(drop), "lamp"),
        (Shadow::delete(Some(&stored), &address(Some("s")), b"", 8).map(drop), "s"),
        (Shadow::get(None, &address(Some("s")), b"", 8).map(drop), "s"),
    ] {
        let rejected = parsed(&answer.unwrap_err().payload(8));
        assert_eq!(
            rejected,
            json!({"code": 404, "message": format!("No shadow exists with name: '{shown}'"), "timestamp": 8})
        );
    }
    let again = update(Some(&stored), &json!({"state": {"reported": {"b": 1}}}), 9);
    assert_eq!(again.shadow.version(), 3);
    assert!(again.shadow.desired().is_empty(), "nothing of the deleted state comes back");
    assert_eq!(parsed(&again.documents)["previous"], Value::Null);
}

#[test]
fn removed_sections_are_echoed_as_null() {
    let shadow = after(&[json!({"desired": {"a": 1, "b": 2}})]);
    let updated = update(Some(&shadow), &json!({"state": {"desired": null, "reported": {"a": null}}}), 5);
    let accepted = parsed(&updated.accepted);
    let now = json!({"timestamp": 5});
    assert_eq!(accepted["state"], json!({"desired": null, "reported": {"a": null}}));
    assert_eq!(accepted["metadata"], json!({"desired": now, "reported": {"a": now}}));
    assert!(updated.shadow.desired().is_empty());

    let updated = update(Some(&shadow), &json!({"state": null}), 5);
    let accepted = parsed(&updated.accepted);
    assert_eq!(accepted, json!({"state": null, "metadata": now, "version": 2, "timestamp": 5}));
    assert!(updated.shadow.desired().is_empty() && !updated.shadow.is_deleted());
}

fn nested(levels: usize) -> Value {
    (0..levels).fold(json!(1), |inner, _| json!({"x": inner}))
}

#[test]
fn errors_have_the_services_codes_and_texts() {
    let text = |value: Value| value.to_string().into_bytes();
    let token = |length: usize| text(json!({"state": {}, "clientToken": "t".repeat(length)}));
    for (request, code, message) in [
        (b"".to_vec(), 400, "Invalid JSON"),
        (b"{".to_vec(), 400, "Invalid JSON"),
        (b"[]".to_vec(), 400, "Invalid JSON"),
        (b"{} {}".to_vec(), 400, "Invalid JSON"),
        (
            b"{\"state\": {\"desired\": \xff}}".to_vec(),
            415,
            "Unsupported documented encoding; supported encoding is UTF-8",
        ),
        (text(json!({})), 400, "Missing required node: state"),
        (text(json!({"state": 1})), 400, "State node must be an object"),
        (text(json!({"state": "x"})), 400, "State node must be an object"),
        (text(json!({"state": {"desired": []}})), 400, "Desired node must be an object"),
        (text(json!({"state": {"reported": "x"}})), 400, "Reported node must be an object"),
        (text(json!({"state": {"other": {}}})), 400, "State contains an invalid node"),
        (text(json!({"state": {"delta": {}}})), 400, "State contains an invalid node"),
        (text(json!({"state": {"desired": {"a": [null, 1]}}})), 400, "State contains an invalid node"),
        (text(json!({"state": {"desired": {"a": [{"b": null}]}}})), 400, "State contains an invalid node"),
        (text(json!({"state": {}, "version": -1})), 400, "Invalid version"),
        (text(json!({"state": {}, "version": "1"})), 400, "Invalid version"),
        (text(json!({"state": {}, "version": 1.5})), 400, "Invalid version"),
        (text(json!({"state": {}, "clientToken": 1})), 400, "Invalid clientToken"),
        (token(65), 400, "Invalid clientToken"),
        (text(json!({"state": {"desired": nested(9)}})), 400, "JSON contains too many levels of nesting; maximum is 8"),
        (
            text(json!({"state": {"reported": {"a": [[[[[[[[1]]]]]]]]}}})),
            400,
            "JSON contains too many levels of nesting; maximum is 8",
        ),
        (vec![b'['; 8192], 400, "Invalid JSON"),
        (vec![b' '; 8193], 413, "The payload exceeds the maximum size allowed"),
    ] {
        let rejected = Shadow::update(None, &request, 3).unwrap_err();
        let payload = parsed(&rejected.payload(3));
        let shown = String::from_utf8_lossy(&request).into_owned();
        assert_eq!(payload, json!({"code": code, "message": message, "timestamp": 3}), "{shown:.80}");
    }
    assert!(Shadow::update(None, &token(64), 3).is_ok());
    assert!(Shadow::update(None, &text(json!({"state": {"desired": nested(8)}})), 3).is_ok());
}

#[test]
fn a_rejection_answers_with_the_requests_token() {
    let rejected = Shadow::update(None, br#"{"clientToken": "t"}"#, 3).unwrap_err();
    assert_eq!(parsed(&rejected.payload(3))["clientToken"], "t");
    let rejected = Shadow::get(None, &address(None), br#"{"clientToken": "t"}"#, 3).unwrap_err();
    assert_eq!(parsed(&rejected.payload(3))["clientToken"], "t");
    let rejected = Shadow::get(None, &address(None), br#"{"clientToken": 1}"#, 3).unwrap_err();
    assert_eq!(rejected.error, ShadowError::InvalidClientToken);
    assert_eq!(
        Rejected::from(ShadowError::Forbidden).payload(3),
        br#"{"code":403,"message":"Forbidden","timestamp":3}"#
    );
}

#[test]
fn the_state_is_bounded_as_a_whole() {
    let half = |section: &str, letter: &str| json!({"state": {section: {"a": letter.repeat(4050)}}});
    let first = update(None, &half("desired", "x"), 1).shadow;
    let second = update(Some(&first), &half("reported", "y"), 2).shadow;
    let more = json!({"state": {"reported": {"b": "z".repeat(100)}}, "clientToken": "t"}).to_string();
    let rejected = Shadow::update(Some(&second), more.as_bytes(), 3).unwrap_err();
    assert_eq!(rejected, Rejected { error: ShadowError::TooLarge, client_token: Some("t".into()) });
    let less = json!({"state": {"desired": null, "reported": {"b": "z".repeat(100)}}}).to_string();
    assert!(Shadow::update(Some(&second), less.as_bytes(), 3).is_ok());
}

#[test]
fn topics_both_ways() {
    for (thing, name) in [("lamp", None), ("lamp", Some("name")), (&*"x".repeat(128), Some(&*"y".repeat(64)))] {
        let prefix =
            format!("$aws/things/{thing}/shadow{}", name.map(|name| format!("/name/{name}")).unwrap_or_default());
        for operation in [
            "get",
            "get/accepted",
            "get/rejected",
            "update",
            "update/accepted",
            "update/rejected",
            "update/delta",
            "update/documents",
            "delete",
            "delete/accepted",
            "delete/rejected",
        ] {
            let topic = TopicName::parse(&format!("{prefix}/{operation}")).unwrap();
            let parsed = ShadowTopic::parse(&topic).unwrap();
            assert_eq!(parsed.address.thing.as_str(), thing);
            assert_eq!(parsed.address.name.as_ref().map(ShadowName::as_str), name);
            assert_eq!(parsed.to_name(), topic);
            assert_eq!(parsed.address.topic(parsed.operation), parsed);
        }
    }
    for other in [
        "lamp/shadow/get",
        "$aws/things/lamp/shadow",
        "$aws/things/lamp/shadow/",
        "$aws/things/lamp/shadow/get/delta",
        "$aws/things/lamp/shadow/delete/documents",
        "$aws/things//shadow/get",
        "$aws/things/la mp/shadow/get",
        "$aws/things/lamp/shadow/name/get",
        "$aws/things/lamp/shadow/name//get",
        "$aws/things/lamp/jobs/get",
    ] {
        assert_eq!(ShadowTopic::parse(&TopicName::parse(other).unwrap()), None, "{other}");
    }
}

/// Written and read again and again it does not wander: a device that reports it in the same digits has done what it was asked.
#[test]
fn a_number_is_the_same_to_its_last_digit_when_it_is_stored() {
    let desired = br#"{"state": {"desired": {"number": 123456789.123456789}}}"#;
    let shadow = Shadow::update(None, desired, 1).unwrap().shadow;
    let stored: Shadow = serde_json::from_str(&serde_json::to_string(&shadow).unwrap()).unwrap();
    assert_eq!(stored, shadow);
    let reported = br#"{"state": {"reported": {"number": 123456789.123456789}}}"#;
    assert_eq!(Shadow::update(Some(&stored), reported, 2).unwrap().delta, None);
}
