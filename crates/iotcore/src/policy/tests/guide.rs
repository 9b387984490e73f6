//! The developer guide's example policies and what it says of each: "Connect policy examples", "Certificate policy examples",
//! "X.509 Certificate AWS IoT Core policy variables", "Thing policy examples", "Basic job policy example". Those of
//! "Publish/Subscribe policy examples" are in the file above.

use super::*;

/// Effect, action, resource below the account or `*`, condition or nothing.
type Said<'a> = (&'a str, &'a str, &'a str, &'a str);

fn policy(statements: &[Said<'_>]) -> PolicyDocument {
    let statements: Vec<_> = statements
        .iter()
        .map(|(effect, action, resource, condition)| {
            let resource = if *resource == "*" { "*".to_owned() } else { format!("{ARN}:{resource}") };
            let mut statement = serde_json::json!({"Effect": effect, "Action": [action], "Resource": [resource]});
            if !condition.is_empty() {
                statement["Condition"] = serde_json::from_str(condition).unwrap();
            }
            statement
        })
        .collect();
    PolicyDocument::parse(&serde_json::json!({"Version": "2012-10-17", "Statement": statements}).to_string()).unwrap()
}

/// Each policy of "MQTT persistent sessions policy examples", asked for a connection that is plain, persistent, with a will,
/// and both; the will's topic is the one of the examples.
#[test]
fn connect_attributes() {
    let all = |operator: &str, values: &str| format!(r#"{{"{operator}": {{"iot:ConnectAttributes": [{values}]}}}}"#);
    let (persistent, will) = (r#""PersistentConnect""#, r#""LastWill""#);
    let both = format!("{persistent}, {will}");
    let equals = |values: &str| all("ForAllValues:StringEquals", values);
    let any_is_persistent = all("ForAnyValue:StringEquals", persistent);
    let topic = format!(r#"{{"ArnEquals": {{"iot:LastWillTopic": "{ARN}:topic/my/lastwill/topicName"}}}}"#);
    for (title, statements, expected) in [
        ("persistent is allowed", vec![("Allow", equals(persistent))], "AA--"),
        ("persistent is not allowed", vec![("Allow", all("ForAllValues:StringNotEquals", persistent))], "A-A-"),
        ("the same, by a deny", vec![("Allow", String::new()), ("Deny", any_is_persistent.clone())], "ADAD"),
        ("persistent and will", vec![("Allow", equals(&both))], "AAAA"),
        ("clean, with or without a will", vec![("Allow", equals(will))], "A-A-"),
        ("defaults only", vec![("Allow", equals(""))], "A---"),
        ("persistent only", vec![("Allow", any_is_persistent.clone())], "-A-A"),
        (
            "both at once",
            vec![("Allow", equals(&both)), ("Deny", equals(persistent)), ("Deny", equals(will)), ("Deny", equals(""))],
            "DDDA",
        ),
        ("never persistent", vec![("Deny", any_is_persistent.clone()), ("Allow", equals(will))], "ADAD"),
        ("with that will", vec![("Allow", topic.clone())], "--AA"),
        ("clean with that will", vec![("Allow", topic.clone()), ("Deny", any_is_persistent.clone())], "-DAD"),
    ] {
        let said: Vec<_> =
            statements.iter().map(|(effect, test)| (*effect, "iot:Connect", "*", test.as_str())).collect();
        let policy = policy(&said);
        let answers: String = [(false, None), (true, None), (false, Some(())), (true, Some(()))]
            .into_iter()
            .map(|(persistent, will)| {
                let connect = ConnectFacts { persistent, last_will_topic: will.map(|()| "my/lastwill/topicName") };
                let context = Context { connect: Some(connect), ..client("client1", None) };
                ask(&policy, &context, Action::Connect, Resource::Client("client1"))
            })
            .collect();
        assert_eq!(answers, expected, "{title}");
    }
}

#[test]
fn certificates() {
    let certificate = example();
    let known =
        Context { certificate: Some(&certificate), certificate_id: Some("c0ffee"), ..client("thing1", Some("thing1")) };
    let unknown = client("thing1", Some("thing1"));
    let is_organization = |names: &str| {
        format!(r#"{{"ForAllValues:StringEquals": {{"iot:Certificate.Subject.Organization.List": [{names}]}}}}"#)
    };
    let (theirs, ours) = (is_organization(r#""Example Corp", "AnyCompany""#), is_organization(r#""IoT Devices""#));
    let third = r#"{"StringEquals": {"iot:Certificate.Subject.CommonName.2": "Administrator"}}"#;
    let fourth = r#"{"StringEquals": {"iot:Certificate.Subject.CommonName.3": "Administrator"}}"#;
    let any = r#"{"ForAnyValue:StringEquals": {"iot:Certificate.Subject.CommonName.List": "Administrator"}}"#;
    let own = "topic/my/topic/${iot:Connection.Thing.ThingName}";
    for (resource, condition, topic, expected) in [
        ("topic/${iot:CertificateId}", "", "c0ffee", 'A'),
        ("topic/${iot:CertificateId}", "", "decaf", '-'),
        ("topic/${iot:Certificate.Subject.CommonName}", "", "LightBulb Device Cert", 'A'),
        ("topic/${iot:Certificate.Subject.CommonName}", "", "Administrator", '-'),
        ("topic/${iot:Certificate.Subject.CommonName.1}", "", "Operator", 'A'),
        // A value with a wildcard is none.
        ("topic/${iot:Certificate.Subject.Initials}", "", "*", '-'),
        ("topic/${iot:Certificate.Subject.Initials}", "", "anything", '-'),
        ("topic/admin/*", third, "admin/a", 'A'),
        ("topic/admin/*", fourth, "admin/a", '-'),
        ("topic/admin/${iot:Connection.Thing.ThingName}", any, "admin/thing1", 'A'),
        ("topic/admin/${iot:Connection.Thing.ThingName}", any, "admin/thing2", '-'),
        (own, &theirs, "my/topic/thing1", '-'),
        (own, &ours, "my/topic/thing1", 'A'),
    ] {
        let policy = policy(&[("Allow", "iot:Publish", resource, condition)]);
        let publish = |context| ask(&policy, context, Action::Publish, Resource::Topic(topic));
        assert_eq!(publish(&known), expected, "{resource} {condition} {topic}");
        assert_eq!(publish(&unknown), '-', "{resource} {condition} {topic}");
    }
}

#[test]
fn things() {
    let attributes = BTreeMap::from([("attributeName".to_owned(), "attributeValue".to_owned())]);
    let thing = ThingFacts { name: "t", type_name: Some("Thing_Type_Name"), attributes: &attributes };
    let of_type = Context { thing: Some(thing), ..client("t", None) };
    let is_attached = r#"{"Bool": {"iot:Connection.Thing.IsAttached": ["true"]}}"#;
    let kind = r#"{"StringEquals": {"iot:Connection.Thing.Attributes[attributeName]": "attributeValue",
                                    "iot:Connection.Thing.ThingTypeName": "Thing_Type_Name"},
                   "Bool": {"iot:Connection.Thing.IsAttached": "true"}}"#;
    let policy = policy(&[
        ("Allow", "iot:Connect", "*", is_attached),
        ("Allow", "iot:Publish", "topic/device/stats", kind),
        ("Allow", "iot:Publish", "topic/${iot:Connection.Thing.Attributes[attributeName]}/*", ""),
        ("Allow", "iot:Publish", "topic/types/${iot:Connection.Thing.ThingTypeName}", ""),
    ]);
    use Action::{Connect, Publish};
    use Resource::{Client, Topic};
    for (context, action, resource, expected) in [
        (of_type, Connect, Client("t"), 'A'),
        (client("t", None), Connect, Client("t"), '-'),
        (of_type, Publish, Topic("device/stats"), 'A'),
        (client("t", Some("t")), Publish, Topic("device/stats"), '-'),
        (of_type, Publish, Topic("attributeValue/a"), 'A'),
        (of_type, Publish, Topic("attributeName/a"), '-'),
        (client("t", Some("t")), Publish, Topic("/a"), '-'),
        (of_type, Publish, Topic("types/Thing_Type_Name"), 'A'),
    ] {
        assert_eq!(ask(&policy, &context, action, resource), expected, "{action:?} {resource:?} {context:?}");
    }
}

#[test]
fn jobs() {
    let policy = policy(&[
        ("Allow", "iot:Connect", "client/uniqueThingName", ""),
        ("Allow", "iot:Publish", "topic/$aws/things/uniqueThingName/jobs/*", ""),
        ("Allow", "iot:Subscribe", "topicfilter/$aws/things/uniqueThingName/jobs/*", ""),
        ("Allow", "iot:Receive", "topic/$aws/things/uniqueThingName/jobs/*", ""),
        ("Allow", "iot:DescribeJobExecution", "thing/uniqueThingName", ""),
    ]);
    let context = client("uniqueThingName", Some("uniqueThingName"));
    use Action::{Connect, DescribeJobExecution, Publish, Receive, Subscribe, UpdateJobExecution};
    use Resource::{Client, Thing, Topic, TopicFilter};
    for (action, resource, expected) in [
        (Connect, Client("uniqueThingName"), 'A'),
        (Publish, Topic("$aws/things/uniqueThingName/jobs/start-next"), 'A'),
        (Publish, Topic("$aws/things/other/jobs/start-next"), '-'),
        (Subscribe, TopicFilter("$aws/things/uniqueThingName/jobs/notify"), 'A'),
        (Subscribe, TopicFilter("$aws/things/+/jobs/notify"), '-'),
        (Receive, Topic("$aws/things/uniqueThingName/jobs/notify"), 'A'),
        (DescribeJobExecution, Thing("uniqueThingName"), 'A'),
        (UpdateJobExecution, Thing("uniqueThingName"), '-'),
    ] {
        assert_eq!(ask(&policy, &context, action, resource), expected, "{action:?} {resource:?}");
    }
}
