use super::*;
use serde_json::json;

fn stacks(templates: Value) -> Stacks {
    let folder = tempfile::tempdir().unwrap();
    for (name, template) in object(&templates) {
        fs::write(folder.path().join(format!("{name}.template.json")), template.to_string()).unwrap();
    }
    Stacks::read(folder.path(), "123456789012", "eu-west-1")
}

fn make_all(stacks: &mut Stacks) -> BTreeMap<String, Value> {
    let mut properties = BTreeMap::new();
    for resource in stacks.in_order() {
        properties.insert(resource.id.clone(), stacks.properties(&resource));
        let made = Made::new(format!("{}-ref", resource.id)).with("Arn", format!("arn:{}", resource.id));
        stacks.made(&resource, made);
    }
    properties
}

#[test]
fn what_is_referred_to_is_made_before_across_stacks() {
    let queue = json!({"Type": "AWS::SQS::Queue", "Properties": {"DelaySeconds": 0}});
    let out = json!({"Value": {"Fn::GetAtt": ["Queue", "Arn"]}, "Export": {"Name": "compute:QueueArn"}});
    let rule = json!({"Type": "AWS::IoT::TopicRule", "DependsOn": ["Role"], "Properties": {
        "Target": {"Fn::ImportValue": "compute:QueueArn"}}});
    let role = json!({"Type": "AWS::IAM::Role", "Properties": {}});
    let mut stacks = stacks(json!({
        "a-fleet": {"Resources": {"ARule": rule, "Role": role}},
        "b-compute": {"Resources": {"Queue": queue}, "Outputs": {"QueueArn": out}},
    }));
    let order: Vec<String> = stacks.in_order().into_iter().map(|resource| resource.id).collect();
    assert!(order.iter().position(|id| id == "ARule") > order.iter().position(|id| id == "Queue"), "{order:?}");
    assert!(order.iter().position(|id| id == "ARule") > order.iter().position(|id| id == "Role"), "{order:?}");
    let properties = make_all(&mut stacks);
    assert_eq!(properties["ARule"], json!({"Target": "arn:Queue"}));
    assert_eq!(stacks.outputs(), BTreeMap::from([("QueueArn".to_owned(), "arn:Queue".to_owned())]));
}

#[test]
fn functions_give_what_the_guide_says() {
    let cases = [
        (json!({"Ref": "Other"}), json!("Other-ref")),
        (json!({"Ref": "AWS::Region"}), json!("eu-west-1")),
        (json!({"Ref": "Size"}), json!("small")),
        (json!({"Fn::GetAtt": "Other.Arn"}), json!("arn:Other")),
        (json!({"Fn::Join": ["-", ["a", {"Ref": "Other"}, 7]]}), json!("a-Other-ref-7")),
        (json!({"Fn::Select": [1, {"Fn::Split": [":", "a:b:c"]}]}), json!("b")),
        (
            json!({"Fn::Sub": "x/${AWS::AccountId}/${Other}/${Other.Arn}/${!Literal}"}),
            json!("x/123456789012/Other-ref/arn:Other/${Literal}"),
        ),
        (json!({"Fn::Sub": ["${a}${Other}", {"a": {"Ref": "AWS::Partition"}}]}), json!("awsOther-ref")),
        (json!({"Fn::Select": [1, {"Fn::GetAZs": ""}]}), json!("eu-west-1b")),
        (json!({"Fn::If": ["Big", 1, 2]}), json!(2)),
        (json!({"Fn::If": ["Not big", {"kept": 1, "gone": {"Ref": "AWS::NoValue"}}, 2]}), json!({"kept": 1})),
        (json!({"Fn::ToJsonString": {"arn": {"Fn::GetAtt": ["Other", "Arn"]}}}), json!(r#"{"arn":"arn:Other"}"#)),
        (json!([1, {"Ref": "AWS::NoValue"}, true, null]), json!([1, true, null])),
    ];
    for (value, expected) in cases {
        let mut stacks = stacks(json!({"one": {
            "Parameters": {"Size": {"Type": "String", "Default": "small"}},
            "Conditions": {
                "Big": {"Fn::Equals": [{"Ref": "Size"}, "big"]},
                "Not big": {"Fn::Not": [{"Condition": "Big"}]},
            },
            "Resources": {
                "Other": {"Type": "A::B::C"},
                "One": {"Type": "A::B::C", "Properties": {"value": value}},
            },
        }}));
        assert_eq!(make_all(&mut stacks)["One"]["value"], expected);
    }
}

#[test]
#[should_panic(expected = "the function `Fn::Cidr` is not known here")]
fn what_is_not_known_is_refused_by_name() {
    make_all(&mut stacks(
        json!({"one": {"Resources": {"A": {"Type": "A::B::C", "Properties": {"x": {"Fn::Cidr": []}}}}}}),
    ));
}

#[test]
#[should_panic(expected = "a circle")]
fn a_circle_is_refused() {
    let refers = |to: &str| json!({"Type": "A::B::C", "Properties": {"x": {"Ref": to}}});
    make_all(&mut stacks(json!({"one": {"Resources": {"A": refers("B"), "B": refers("A")}}})));
}
