//! What conditions and `NotResource` mean, each operator with and without values.

use super::*;

/// A policy of one statement about everything, under a condition.
fn under(effect: &str, action: &str, condition: &str) -> PolicyDocument {
    let json = format!(
        r#"{{"Version": "2012-10-17", "Statement": {{"Effect": "{effect}", "Action": "{action}", "Resource": "*",
            "Condition": {condition}}}}}"#
    );
    PolicyDocument::parse(&json).unwrap()
}

#[test]
fn operators_on_one_value() {
    let certificate = example();
    let attributes = BTreeMap::from([("room".to_owned(), "kitchen".to_owned())]);
    let thing = ThingFacts { name: "lamp", type_name: Some("bulb"), attributes: &attributes };
    let bare = Context::new("us-east-1", "123456789012", "lamp");
    let full = Context {
        thing: Some(thing),
        certificate: Some(&certificate),
        certificate_id: Some("cafe"),
        source_ip: Some("203.0.113.9"),
        ..bare
    };
    // The condition, then an allow and a deny with all facts, then both with none but the client id.
    for (condition, expected) in [
        (r#"{"StringNotEquals": {"iot:ClientId": ["other", "another"]}}"#, "ADAD"),
        (r#"{"StringNotEquals": {"iot:ClientId": ["other", "lamp"]}}"#, "----"),
        (r#"{"StringLike": {"iot:ClientId": "l?m*"}}"#, "ADAD"),
        (r#"{"StringLike": {"iot:ClientId": "*x*"}}"#, "----"),
        (r#"{"StringNotLike": {"iot:ClientId": "l?m*"}}"#, "----"),
        (r#"{"StringNotLike": {"iot:ClientId": "x*"}}"#, "ADAD"),
        (r#"{"StringEquals": {"iot:Connection.Thing.ThingTypeName": "bulb"}}"#, "AD-D"),
        (r#"{"StringNotEquals": {"iot:Connection.Thing.ThingTypeName": "fan"}}"#, "AD-D"),
        (r#"{"StringEquals": {"iot:Connection.Thing.Attributes[room]": ["kitchen", "hall"]}}"#, "AD-D"),
        (r#"{"StringEquals": {"iot:Connection.Thing.Attributes[floor]": "1"}}"#, "-D-D"),
        (r#"{"StringLike": {"iot:ClientId": "${iot:Connection.Thing.ThingName}*"}}"#, "AD-D"),
        // A variable without a value among the others: the whole comparison is not known.
        (r#"{"StringNotEquals": {"iot:ClientId": ["x", "${iot:Connection.Thing.ThingTypeName}"]}}"#, "AD-D"),
        (r#"{"StringEquals": {"iot:CertificateId": "cafe"}}"#, "AD-D"),
        (r#"{"StringEquals": {"iot:Certificate.SerialNumber": "92:12:85:cb:b7:a5:e0:86"}}"#, "AD-D"),
        (r#"{"StringEquals": {"iot:Certificate.Subject.Initials": "*"}}"#, "-D-D"),
        (r#"{"IpAddress": {"aws:SourceIp": ["198.51.100.0/24", "203.0.113.0/24"]}}"#, "AD-D"),
        (r#"{"IpAddress": {"aws:SourceIp": "2001:db8::/32"}}"#, "---D"),
        (r#"{"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}"#, "---D"),
        (r#"{"NotIpAddress": {"aws:SourceIp": "198.51.100.0/24"}}"#, "AD-D"),
        (r#"{"ForAllValues:StringEquals": {"iot:ClientId": ["lamp", "fan"]}}"#, "ADAD"),
        (r#"{"ForAnyValue:StringNotEquals": {"iot:ClientId": "fan"}}"#, "ADAD"),
    ] {
        let mut answers = String::new();
        for context in [&full, &bare] {
            for effect in ["Allow", "Deny"] {
                let policy = under(effect, "iot:Publish", condition);
                answers.push(ask(&policy, context, Action::Publish, Resource::Topic("t")));
            }
        }
        assert_eq!(answers, expected, "{condition}");
    }
}

#[test]
fn operators_on_several_values() {
    let certificate = example();
    let named = Context { certificate: Some(&certificate), ..client("c", None) };
    let key = "iot:Certificate.Subject.AlternativeName.DNSName.List";
    for (operator, values, expected) in [
        ("ForAllValues:StringEquals", r#"["example.com", "second.example.com", "third"]"#, 'A'),
        ("ForAllValues:StringEquals", r#"["example.com"]"#, '-'),
        ("ForAllValues:StringEquals", "[]", '-'),
        ("ForAllValues:StringLike", r#""*example.com""#, 'A'),
        ("ForAllValues:StringNotEquals", r#""third""#, 'A'),
        ("ForAllValues:StringNotEquals", r#"["third", "example.com"]"#, '-'),
        ("ForAnyValue:StringEquals", r#""second.example.com""#, 'A'),
        ("ForAnyValue:StringEquals", r#""third""#, '-'),
        ("ForAnyValue:StringNotEquals", r#""example.com""#, 'A'),
        ("ForAnyValue:StringNotLike", r#""*example.com""#, '-'),
    ] {
        let policy = under("Allow", "iot:Publish", &format!(r#"{{"{operator}": {{"{key}": {values}}}}}"#));
        assert_eq!(ask(&policy, &named, Action::Publish, Resource::Topic("t")), expected, "{operator} {values}");
        // Of a certificate without such names nothing is known.
        assert_eq!(ask(&policy, &client("c", None), Action::Publish, Resource::Topic("t")), '-', "{operator} {values}");
    }
}

#[test]
fn the_topic_of_a_will_is_an_arn() {
    let connecting = |last_will_topic| {
        let connect = ConnectFacts { persistent: false, last_will_topic };
        Context { connect: Some(connect), ..client("c", Some("c")) }
    };
    for (operator, value, topic, expected) in [
        ("ArnEquals", "arn:aws:iot:us-east-1:123456789012:topic/gone/c", Some("gone/c"), 'A'),
        ("ArnEquals", "arn:aws:iot:us-east-1:123456789012:topic/gone/c", Some("gone/d"), '-'),
        ("ArnEquals", "arn:aws:iot:us-east-1:123456789012:topic/gone/c", None, '-'),
        ("ArnLike", "arn:aws:iot:*:*:topic/gone/*", Some("gone/d"), 'A'),
        ("ArnLike", "arn:aws:iot:*:*:topic/gone/${iot:Connection.Thing.ThingName}", Some("gone/c"), 'A'),
        ("ArnLike", "arn:aws:iot:eu-west-1:*:topic/gone/*", Some("gone/d"), '-'),
        ("ArnNotEquals", "arn:aws:iot:*:*:topic/secret/*", Some("gone/c"), 'A'),
        ("ArnNotLike", "arn:aws:iot:*:*:topic/secret/*", Some("secret/c"), '-'),
        ("ArnNotLike", "arn:aws:iot:*:*:topic/secret/*", None, 'A'),
    ] {
        let policy = under("Allow", "iot:Connect", &format!(r#"{{"{operator}": {{"iot:LastWillTopic": "{value}"}}}}"#));
        let answer = ask(&policy, &connecting(topic), Action::Connect, Resource::Client("c"));
        assert_eq!(answer, expected, "{operator} {value} {topic:?}");
    }
    // A deny of one topic is none of having no will.
    let deny = under("Deny", "iot:Connect", r#"{"ArnEquals": {"iot:LastWillTopic": "arn:aws:iot:*:*:topic/secret"}}"#);
    for (topic, expected) in [(Some("secret"), 'D'), (Some("other"), '-'), (None, '-')] {
        assert_eq!(ask(&deny, &connecting(topic), Action::Connect, Resource::Client("c")), expected, "{topic:?}");
    }
}

#[test]
fn not_resource_is_all_but_these() {
    let all_but = |effect: &str, resources: &[&str]| {
        let resources: Vec<_> = resources.iter().map(|resource| format!("{ARN}:{resource}")).collect();
        let json = serde_json::json!({"Version": "2012-10-17",
            "Statement": {"Effect": effect, "Action": "iot:*", "NotResource": resources}});
        PolicyDocument::parse(&json.to_string()).unwrap()
    };
    use Resource::{Client, Topic, TopicFilter};
    let plain: &[&str] = &["topic/secret/*", "client/*"];
    let own: &[&str] = &["topic/${iot:Connection.Thing.ThingName}/*", "topic/shared"];
    let (thing, no_thing) = (client("c", Some("c")), client("c", None));
    for (effect, resources, context, resource, expected) in [
        ("Allow", plain, thing, Topic("open"), 'A'),
        ("Allow", plain, thing, Topic("secret/a"), '-'),
        ("Allow", plain, thing, TopicFilter("secret/a"), 'A'),
        ("Allow", plain, thing, Client("c"), '-'),
        ("Allow", plain, thing, Resource::All, 'A'),
        ("Deny", plain, thing, Topic("open"), 'D'),
        ("Deny", plain, thing, Topic("secret/a"), '-'),
        ("Allow", own, thing, Topic("c/a"), '-'),
        ("Allow", own, thing, Topic("d/a"), 'A'),
        ("Deny", own, thing, Topic("c/a"), '-'),
        ("Deny", own, thing, Topic("d/a"), 'D'),
        // Who is no thing has no topic that is left out, and it is not known which are.
        ("Allow", own, no_thing, Topic("d/a"), '-'),
        ("Allow", own, no_thing, Topic("c/a"), '-'),
        ("Deny", own, no_thing, Topic("shared"), 'D'),
    ] {
        let answer = ask(&all_but(effect, resources), &context, Action::Publish, resource);
        assert_eq!(answer, expected, "{effect} {resources:?} {resource:?} {context:?}");
    }
}

#[test]
fn actions_over_http_have_their_resources() {
    let policy = document(&[
        ("Allow", &["iot:GetRetainedMessage"], &["topic/state/*"]),
        ("Allow", &["iotjobsdata:DescribeJobExecution", "iotjobsdata:Get*"], &["thing/${iot:ClientId}"]),
        ("Allow", &["iot:UpdateJobExecution", "iot:StartNext*"], &["thing/lamp"]),
        ("Allow", &["iot:UpdateThingShadow"], &["thing/lamp", "thing/lamp/one"]),
    ]);
    use Action::*;
    use Resource::{All, Thing, Topic};
    for (action, resource, expected) in [
        (GetRetainedMessage, Topic("state/a"), 'A'),
        (GetRetainedMessage, Topic("other"), '-'),
        (ListRetainedMessages, All, '-'),
        (DescribeJobExecution, Thing("lamp"), 'A'),
        (DescribeJobExecution, Thing("fan"), '-'),
        (GetPendingJobExecutions, Thing("lamp"), 'A'),
        (StartNextPendingJobExecution, Thing("lamp"), 'A'),
        (UpdateJobExecution, Thing("lamp"), 'A'),
        (UpdateJobExecution, Topic("lamp"), '-'),
        (UpdateThingShadow, Thing("lamp"), 'A'),
        (UpdateThingShadow, Thing("lamp/one"), 'A'),
        (UpdateThingShadow, Thing("lamp/two"), '-'),
        (GetThingShadow, Thing("lamp"), '-'),
    ] {
        assert_eq!(ask(&policy, &client("lamp", None), action, resource), expected, "{action:?} {resource:?}");
    }
    let list = r#"{"Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Action": "iot:ListRetainedMessages", "Resource": "*"}}"#;
    assert_eq!(ask(&PolicyDocument::parse(list).unwrap(), &client("c", None), ListRetainedMessages, All), 'A');
}
