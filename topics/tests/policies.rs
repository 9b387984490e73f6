//! The rendered IoT policies, read as AWS does: they let through what a satellite or a claim may do, and nothing else.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says why")]

use marvain_topics::{CHANNELS, acl, render::policy};
use serde_json::Value;

/// Does `text` match `pattern`, in which `*` is any text and `?` any character ("Using wildcards in resource ARNs")?
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) if matches(rest, text) => true,
        (Some((b'*', _)), Some((_, text))) => matches(pattern, text),
        (Some((b'?', rest)), Some((_, text))) => matches(rest, text),
        (Some((p, rest)), Some((t, text))) if p == t => matches(rest, text),
        _ => false,
    }
}

/// Does `policy` allow it to the client that is attached to the thing `me`? These policies have no `Deny`.
fn allows(policy: &Value, me: &str, action: &str, kind: &str, name: &str) -> bool {
    let arn = format!("arn:aws:iot:eu-central-1:123456789012:{kind}/{name}");
    policy["Statement"].as_array().unwrap().iter().any(|statement| {
        assert_eq!(statement["Effect"], "Allow");
        statement["Action"] == action
            && statement["Resource"].as_array().unwrap().iter().any(|resource| {
                let resource = resource.as_str().unwrap().replace("${iot:Connection.Thing.ThingName}", me);
                matches(resource.as_bytes(), arn.as_bytes())
            })
    })
}

fn allows_all(policy: &Value, me: &str, access: &acl::Access) {
    assert!(allows(policy, me, "iot:Connect", "client", &access.client_id));
    for topic in &access.publish {
        assert!(allows(policy, me, "iot:Publish", "topic", &topic.to_string()), "{topic}");
    }
    for topic in &access.receive {
        assert!(allows(policy, me, "iot:Subscribe", "topicfilter", &topic.to_string()), "{topic}");
        assert!(allows(policy, me, "iot:Receive", "topic", &topic.to_string()), "{topic}");
    }
}

#[test]
fn a_satellite_may_what_its_access_says() {
    allows_all(&policy::satellite(), "den", &acl::satellite(&"den".parse().unwrap()));
}

#[test]
fn a_claim_may_what_its_access_says() {
    allows_all(&policy::claim(), "", &acl::claim(&"den".parse().unwrap()));
}

#[test]
fn nobody_may_touch_a_topic_of_another_satellite() {
    assert!(!allows(&policy::satellite(), "den", "iot:Connect", "client", "hall"));
    for (policy, me) in [(policy::satellite(), "den"), (policy::claim(), "")] {
        for channel in CHANNELS {
            let topic = channel.shape.topic("hall".parse().unwrap());
            if topic.thing().is_none() {
                continue;
            }
            assert!(!allows(&policy, me, "iot:Publish", "topic", &topic.to_string()), "{topic}");
            assert!(!allows(&policy, me, "iot:Receive", "topic", &topic.to_string()), "{topic}");
            for other in ["hall", "+"] {
                let filter = channel.shape.with_thing(other).to_string();
                assert!(!allows(&policy, me, "iot:Subscribe", "topicfilter", &filter), "{filter}");
            }
        }
        for filter in ["#", "+", "marvain/#", "marvain/v1/#", "$aws/#", "$aws/things/#", "$aws/events/#"] {
            assert!(!allows(&policy, me, "iot:Subscribe", "topicfilter", filter), "{filter}");
        }
    }
}

#[test]
fn a_satellite_cannot_write_its_own_commands_or_settings() {
    let policy = policy::satellite();
    for topic in [
        "$aws/things/den/shadow/name/commands/update",
        "$aws/things/den/shadow/name/commands/delete",
        "$aws/things/den/shadow/name/commands/update/accepted",
        "$aws/things/den/shadow/name/commands/update/delta",
        "$aws/things/den/shadow/name/config/update",
        "$aws/things/den/shadow/name/config/delete",
        "$aws/things/den/shadow/name/presence/delete",
        "$aws/things/den/shadow/name/presence/update/documents",
        "$aws/things/den/shadow/update",
        "$aws/things/den/shadow/get",
        "$aws/events/presence/connected/den",
        "$aws/certificates/create-from-csr/json",
        "marvain/v1/den",
        "marvain/v1/den/event/transcript/x",
        "marvain/v1/den/gossip",
    ] {
        assert!(!allows(&policy, "den", "iot:Publish", "topic", topic), "{topic}");
    }
    for action in ["iot:RetainPublish", "iot:UpdateThingShadow", "iot:DeleteThingShadow"] {
        assert!(!policy.to_string().contains(action));
    }
}

#[test]
fn a_satellite_connects_only_with_a_certificate_attached_to_its_thing() {
    let connect = policy::satellite()["Statement"][0].clone();
    assert_eq!(connect["Action"], "iot:Connect");
    assert_eq!(connect["Condition"]["Bool"]["iot:Connection.Thing.IsAttached"], "true");
}
