//! Scenarios of the AWS IoT developer guide, "Publish/Subscribe policy examples" and "Connect policy examples", as tables.

use std::collections::BTreeMap;

use super::*;
use crate::certificate::tests::example;
use crate::limits::POLICY_BYTES_MAX;

const ARN: &str = "arn:aws:iot:us-east-1:123456789012";

/// A document of `(effect, actions, resources below the ARN's account)`.
fn document(statements: &[(&str, &[&str], &[&str])]) -> PolicyDocument {
    let statements: Vec<_> = statements
        .iter()
        .map(|(effect, actions, resources)| {
            let resources: Vec<_> = resources.iter().map(|resource| format!("{ARN}:{resource}")).collect();
            serde_json::json!({"Effect": effect, "Action": actions, "Resource": resources})
        })
        .collect();
    PolicyDocument::parse(&serde_json::json!({"Version": "2012-10-17", "Statement": statements}).to_string()).unwrap()
}

static NO_ATTRIBUTES: BTreeMap<String, String> = BTreeMap::new();

fn client<'a>(client_id: &'a str, thing_name: Option<&'a str>) -> Context<'a> {
    let thing = thing_name.map(|name| ThingFacts { name, type_name: None, attributes: &NO_ATTRIBUTES });
    Context { thing, ..Context::new("us-east-1", "123456789012", client_id) }
}

/// `A` allowed, `D` explicitly denied, `-` not spoken of.
fn ask(policy: &PolicyDocument, context: &Context<'_>, action: Action, resource: Resource<'_>) -> char {
    match evaluate([policy], &Request { action, resource, context }) {
        Decision::Allow { .. } => 'A',
        Decision::ExplicitDeny { .. } => 'D',
        Decision::ImplicitDeny => '-',
    }
}

#[test]
fn registered_devices_use_their_own_topics() {
    let policy = document(&[
        ("Allow", &["iot:Connect"], &["client/${iot:Connection.Thing.ThingName}"]),
        ("Allow", &["iot:Publish", "iot:Receive"], &["topic/${iot:Connection.Thing.ThingName}/*"]),
        ("Allow", &["iot:Subscribe"], &["topicfilter/${iot:Connection.Thing.ThingName}/room*"]),
        ("Deny", &["iot:Publish"], &["topic/${iot:Connection.Thing.ThingName}/bar"]),
    ]);
    use Action::{Connect, Publish, Receive, RetainPublish, Subscribe};
    use Resource::{Client, Topic, TopicFilter};
    for (context, action, resource, expected) in [
        (client("thing1", Some("thing1")), Connect, Client("thing1"), 'A'),
        (client("thing1", Some("thing1")), Connect, Client("thing2"), '-'),
        (client("thing1", None), Connect, Client("thing1"), '-'),
        (client("thing1", Some("thing1")), Publish, Topic("thing1/a/b"), 'A'),
        (client("thing1", Some("thing1")), Publish, Topic("thing1/bar"), 'D'),
        (client("thing1", Some("thing1")), Publish, Topic("thing10/a"), '-'),
        (client("thing1", Some("thing1")), Publish, Topic("thing1"), '-'),
        (client("thing1", Some("thing1")), RetainPublish, Topic("thing1/a"), '-'),
        (client("thing1", Some("thing1")), Receive, Topic("thing1/bar"), 'A'),
        (client("thing1", Some("thing1")), Subscribe, TopicFilter("thing1/room1"), 'A'),
        (client("thing1", Some("thing1")), Subscribe, TopicFilter("thing1/room/#"), 'A'),
        (client("thing1", Some("thing1")), Subscribe, TopicFilter("thing1/#"), '-'),
        (client("thing1", Some("thing1")), Subscribe, Topic("thing1/room1"), '-'),
        (client("thing1", Some("thing1")), Publish, TopicFilter("thing1/a"), '-'),
        // No thing: allows nothing, and the deny reaches as far as it could for any thing.
        (client("c", None), Publish, Topic("thing1/a"), '-'),
        (client("c", None), Publish, Topic("anything/bar"), 'D'),
        // A value with wildcards is that value.
        (client("*", Some("*")), Publish, Topic("thing1/a"), '-'),
        (client("*", Some("*")), Connect, Client("thing1"), '-'),
    ] {
        assert_eq!(ask(&policy, &context, action, resource), expected, "{action:?} {resource:?} as {context:?}");
    }
}

#[test]
fn unregistered_devices_are_named_by_client_id() {
    let policy = document(&[
        ("Allow", &["iot:Connect"], &["client/client1", "client/client2", "client/prefix-????"]),
        ("Allow", &["iot:Publish"], &["topic/${iot:ClientId}/*"]),
        ("Deny", &["iot:Publish"], &["topic/${iot:ClientId}/bar"]),
        ("Allow", &["iot:Subscribe"], &["topicfilter/some/+/topic"]),
    ]);
    use Action::{Connect, Publish, Subscribe};
    use Resource::{Client, Topic, TopicFilter};
    for (client_id, action, resource, expected) in [
        ("client2", Connect, Client("client2"), 'A'),
        ("client3", Connect, Client("client3"), '-'),
        ("prefix-0001", Connect, Client("prefix-0001"), 'A'),
        ("prefix-001", Connect, Client("prefix-001"), '-'),
        ("client1", Publish, Topic("client1/x"), 'A'),
        ("client1", Publish, Topic("client2/x"), '-'),
        ("client1", Publish, Topic("client1/bar"), 'D'),
        ("client1", Subscribe, TopicFilter("some/+/topic"), 'A'),
        ("client1", Subscribe, TopicFilter("some/other/topic"), '-'),
        ("client1", Subscribe, TopicFilter("some/#"), '-'),
    ] {
        assert_eq!(ask(&policy, &client(client_id, None), action, resource), expected, "{client_id} {resource:?}");
    }
}

#[test]
fn conditions_must_all_hold() {
    let policy = |effect: &str, condition: &str| {
        let json = format!(
            r#"{{"Version": "2012-10-17", "Statement": {{"Sid": "One", "Effect": "{effect}", "Action": "iot:Connect",
                "Resource": "*", "Condition": {condition}}}}}"#
        );
        PolicyDocument::parse(&json).unwrap()
    };
    let attached = r#"{"Bool": {"iot:Connection.Thing.IsAttached": ["true"]}}"#;
    let unquoted = r#"{"Bool": {"iot:Connection.Thing.IsAttached": true}}"#;
    let own_name = r#"{"StringEquals": {"iot:ClientId": ["${iot:Connection.Thing.ThingName}"]}}"#;
    let star = r#"{"StringEquals": {"iot:ClientId": "*"}}"#;
    let mark = r#"{"StringEquals": {"iot:ClientId": "?"}}"#;
    let both = r#"{"Bool": {"iot:Connection.Thing.IsAttached": "true"}, "StringEquals": {"iot:ClientId": ["a", "b"]}}"#;
    let common_name = r#"{"StringEquals": {"iot:Certificate.Subject.CommonName": "LightBulb Device Cert"}}"#;
    let (thing, no_thing) = (client("a", Some("a")), client("a", None));
    let certificate = example();
    let named = Context { certificate: Some(&certificate), ..no_thing };
    for (effect, condition, context, expected) in [
        ("Allow", attached, thing, 'A'),
        ("Allow", attached, no_thing, '-'),
        ("Allow", unquoted, thing, 'A'),
        ("Allow", own_name, thing, 'A'),
        ("Allow", own_name, client("b", Some("a")), '-'),
        ("Allow", own_name, no_thing, '-'),
        ("Allow", star, thing, '-'),
        ("Allow", mark, thing, '-'),
        ("Allow", mark, client("?", None), 'A'),
        ("Allow", star, client("*", None), 'A'),
        ("Allow", both, thing, 'A'),
        ("Allow", both, client("c", Some("c")), '-'),
        ("Allow", both, no_thing, '-'),
        ("Allow", common_name, named, 'A'),
        ("Allow", common_name, no_thing, '-'),
        ("Deny", attached, no_thing, '-'),
        ("Deny", common_name, named, 'D'),
        ("Deny", common_name, no_thing, 'D'),
    ] {
        let answer = ask(&policy(effect, condition), &context, Action::Connect, Resource::Client(context.client_id));
        assert_eq!(answer, expected, "{effect} {condition} {context:?}");
    }
}

#[test]
fn a_deny_anywhere_wins_and_the_deciding_statement_is_named() {
    let allow = document(&[("Allow", &["iot:Connect"], &["*"]), ("Allow", &["iot:*"], &["topic/*"])]);
    let deny = document(&[("Deny", &["iot:Pub*"], &["topic/secret/*"])]);
    let context = client("c", None);
    let request = |topic| Request { action: Action::Publish, resource: Resource::Topic(topic), context: &context };
    assert_eq!(evaluate([&allow, &deny], &request("a")), Decision::Allow { policy: 0, statement: 1 });
    assert_eq!(evaluate([&allow, &deny], &request("secret/a")), Decision::ExplicitDeny { policy: 1, statement: 0 });
    assert_eq!(evaluate([&deny, &allow], &request("secret/a")), Decision::ExplicitDeny { policy: 0, statement: 0 });
    assert_eq!(evaluate([&allow, &allow], &request("a")), Decision::Allow { policy: 0, statement: 1 });
    assert_eq!(evaluate([], &request("a")), Decision::ImplicitDeny);
    assert!(evaluate([&allow], &request("a")).is_allowed());
}

#[test]
fn arns_of_elsewhere_do_not_match() {
    let context = client("c", None);
    for (resource, expected) in [
        ("arn:aws:iot:us-east-1:123456789012:topic/a", 'A'),
        ("arn:aws:iot:*:*:topic/a", 'A'),
        ("arn:aws:iot:us-*-?:123456789012:*", 'A'),
        ("*", 'A'),
        ("arn:aws:iot:eu-west-1:123456789012:topic/a", '-'),
        ("arn:aws:iot:us-east-1:999999999999:topic/a", '-'),
        ("arn:aws:iot:us-east-1:123456789012:topicfilter/a", '-'),
    ] {
        let json = format!(
            r#"{{"Version": "2012-10-17", "Statement": {{"Effect": "Allow", "Action": "iot:Publish", "Resource": "{resource}"}}}}"#
        );
        let policy = PolicyDocument::parse(&json).unwrap();
        assert_eq!(ask(&policy, &context, Action::Publish, Resource::Topic("a")), expected, "{resource}");
    }
}

/// Never half understood: each is refused, and the chain of errors names what is the matter.
#[test]
fn what_is_not_understood_is_refused_by_name() {
    let statement = |inner: &str| format!(r#"{{"Version": "2012-10-17", "Statement": [{{{inner}}}]}}"#);
    let (allow, action, resource) = (r#""Effect": "Allow""#, r#""Action": "iot:Connect""#, r#""Resource": "*""#);
    let with_resource = |arn: &str| statement(&format!(r#"{allow}, {action}, "Resource": "{arn}""#));
    let with_condition =
        |condition: &str| statement(&format!(r#"{allow}, {action}, {resource}, "Condition": {condition}"#));
    let with_action = |name: &str| statement(&format!(r#"{allow}, "Action": {name}, {resource}"#));
    for (json, named) in [
        ("nonsense".to_owned(), "malformed"),
        ("{}".to_owned(), "Version"),
        (r#"{"Version": "2008-10-17", "Statement": []}"#.to_owned(), "2008-10-17"),
        (r#"{"Version": "2012-10-17", "Statement": []}"#.to_owned(), "Statement"),
        (r#"{"Version": "2012-10-17", "Statement": [], "Id": "x"}"#.to_owned(), "Id"),
        (statement(&format!(r#"{allow}, "NotAction": "iot:Connect", {resource}"#)), "NotAction"),
        (statement(&format!(r#"{allow}, {action}, "NotResource": []"#)), "NotResource"),
        (
            statement(&format!(r#"{allow}, {action}, {resource}, "NotResource": "*""#)),
            "either `Resource` or `NotResource`",
        ),
        (statement(&format!(r#"{allow}, {action}, {resource}, "Principal": "*""#)), "Principal"),
        (statement(&format!(r#"{allow}, "Effect": "Deny", {action}, {resource}"#)), "Effect"),
        (statement(&format!(r#"{action}, {resource}"#)), "Effect"),
        (statement(&format!(r#""Effect": "allow", {action}, {resource}"#)), "allow"),
        (statement(&format!(r#"{allow}, {action}"#)), "Resource"),
        (with_action(r#""iot:Conect""#), "iot:Conect"),
        (with_action(r#"["iot:Connect", "s3:GetObject"]"#), "s3:GetObject"),
        (with_action(r#""iot:Nope*""#), "iot:Nope*"),
        (with_action(r#""*:Connect""#), "*:Connect"),
        (with_action("[]"), "Action"),
        (with_action("7"), "one, or a list"),
        (with_resource("topic/a"), "topic/a"),
        (with_resource("arn:aws:iot:r:1:cert/a"), "arn:aws:iot:r:1:cert/a"),
        (with_resource("arn:aws:iot:r:1:topic"), "kind"),
        (with_resource("arn:aws:iot:*"), "arn:aws:iot:*"),
        (with_resource("arn:aws:s3:::bucket"), "arn:aws:s3:::bucket"),
        (with_resource("arn:aws:iot:r:1:topic/${iot:Thing.ThingName}"), "iot:Thing.ThingName"),
        (with_resource("arn:aws:iot:r:1:topic/${iot:ClientId"), "${iot:ClientId"),
        (with_resource("arn:aws:iot:r:1:topic/${iot:Certificate.Subject.CommonName.List}"), "CommonName.List"),
        (with_resource("arn:aws:iot:r:1:topic/${iot:Connection.Thing.Attributes[]}"), "Attributes[]"),
        (with_resource("arn:aws:iot:r:1:topic/${iot:ConnectAttributes}"), "iot:ConnectAttributes"),
        (with_condition(r#"{"NumericEquals": {"iot:ClientId": "1"}}"#), "NumericEquals"),
        (with_condition(r#"{"StringEqualsIfExists": {"iot:ClientId": "a"}}"#), "StringEqualsIfExists"),
        (with_condition(r#"{"ForSomeValues:StringEquals": {"iot:ClientId": "a"}}"#), "ForSomeValues"),
        (with_condition(r#"{"ForAnyValue:Bool": {"iot:Connection.Thing.IsAttached": "true"}}"#), "ForAnyValue:Bool"),
        (
            with_condition(r#"{"StringLike": {"iot:Nope": "a*"}}"#),
            "`iot:Nope` is unsupported with `StringLike`: it is unknown",
        ),
        (with_condition(r#"{"StringEquals": {"iot:Certificate.SerialNumber.1": "a"}}"#), "SerialNumber.1"),
        (
            with_condition(r#"{"StringEquals": {"iot:Certificate.Subject.CommonName.List": "a"}}"#),
            "use `ForAllValues:`",
        ),
        (with_condition(r#"{"StringEquals": {"iot:Certificate.AvailableKeys": "a"}}"#), "AvailableKeys"),
        (with_condition(r#"{"Bool": {"iot:ClientId": "true"}}"#), "iot:ClientId"),
        (with_condition(r#"{"Bool": {"iot:Connection.Thing.IsAttached": "yes"}}"#), "yes"),
        (with_condition(r#"{"StringEquals": {"aws:SourceIp": "::1"}}"#), "aws:SourceIp"),
        (with_condition(r#"{"IpAddress": {"aws:SourceIp": "127.0.0.1/40"}}"#), "127.0.0.1/40"),
        (with_condition(r#"{"IpAddress": {"iot:ClientId": "127.0.0.1"}}"#), "iot:ClientId"),
        (with_condition(r#"{"StringEquals": {"iot:LastWillTopic": "a"}}"#), "iot:LastWillTopic"),
        (with_condition(r#"{"ArnEquals": {"iot:LastWillTopic": "a"}}"#), "arn:aws:iot:"),
        (with_condition(r#"{"StringEquals": {"iot:ConnectAttributes": "LastWill"}}"#), "use `ForAllValues:`"),
        (
            statement(&format!(
                r#"{allow}, "Action": ["iot:Connect", "iot:Publish"], {resource},
                "Condition": {{"ForAllValues:StringEquals": {{"iot:ConnectAttributes": "LastWill"}}}}"#
            )),
            "other actions than `iot:Connect`",
        ),
        (with_condition(r#"{"StringEquals": {"iot:ClientId": []}}"#), "StringEquals"),
        (with_condition(r#"{"ForAnyValue:StringEquals": {"iot:ClientId": []}}"#), "ForAnyValue:StringEquals"),
        (with_condition(r#"{"StringEquals": {}}"#), "StringEquals"),
        (with_condition(r#"{"Bool": {}, "Bool": {}}"#), "duplicate key `Bool`"),
    ] {
        let error = PolicyDocument::parse(&json).unwrap_err();
        let chain =
            format!("{error}: {}", std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default());
        assert!(chain.contains(named), "{json}\n{chain}\n{named}");
    }
}

#[test]
fn size_counts_without_white_space() {
    let sized = |name: usize, padding: usize| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"iot:Connect","Resource":"{ARN}:client/{}"}}}}{}"#,
            "x".repeat(name),
            " \n".repeat(padding)
        )
    };
    let fits = POLICY_BYTES_MAX - sized(0, 0).len();
    assert!(PolicyDocument::parse(&sized(fits, 2000)).is_ok());
    assert!(matches!(PolicyDocument::parse(&sized(fits + 1, 0)), Err(PolicyError::TooLong { bytes: 2049 })));
}

mod guide;
mod operators;
