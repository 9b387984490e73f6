//! The guide's fleet provisioning example, each intrinsic function, and everything that is refused.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;

const POLICY: &str = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["iot:Publish"],
    "Resource": ["arn:aws:iot:us-east-1:123456789012:topic/foo/bar"]}]}"#;

/// The smallest template, with `changes` set by JSON pointer; null removes.
fn template(changes: &[(&str, Value)]) -> String {
    let mut body = json!({
        "Parameters": {"SerialNumber": {"Type": "String"}, "Location": {"Type": "String", "Default": "WA"}},
        "Resources": {
            "thing": {"Type": "AWS::IoT::Thing", "Properties": {"ThingName": {"Ref": "SerialNumber"}}},
            "certificate": {
                "Type": "AWS::IoT::Certificate",
                "Properties": {"CertificateId": {"Ref": "AWS::IoT::Certificate::Id"}, "Status": "Active"},
            },
        },
    });
    for (pointer, value) in changes {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let parent = body.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        if value.is_null() {
            parent.remove(key);
        } else {
            parent.insert(key.to_owned(), value.clone());
        }
    }
    body.to_string()
}

fn plan(template: &str, parameters: &[(&str, &str)]) -> Result<ProvisioningPlan, TemplateError> {
    let parameters: BTreeMap<_, _> = parameters.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Template::parse(template)?.plan(&parameters, "cafe")
}

#[test]
fn the_guides_example() {
    let body = json!({
        "Parameters": {"SerialNumber": {"Type": "String"}, "DeviceLocation": {"Type": "String"}},
        "Mappings": {"LocationTable": {"Seattle": {"LocationUrl": "https://example.aws"}}},
        "Resources": {
            "thing": {
                "Type": "AWS::IoT::Thing",
                "Properties": {
                    "AttributePayload": {"version": "v1", "serialNumber": "serialNumber"},
                    "ThingName": {"Ref": "SerialNumber"},
                    "ThingTypeName": {"Fn::Join": ["", ["ThingPrefix_", {"Ref": "SerialNumber"}]]},
                    "ThingGroups": ["v1-lightbulbs", "WA"],
                },
                "OverrideSettings": {"AttributePayload": "MERGE", "ThingTypeName": "REPLACE", "ThingGroups": "FAIL"},
            },
            "certificate": {
                "Type": "AWS::IoT::Certificate",
                "Properties": {"CertificateId": {"Ref": "AWS::IoT::Certificate::Id"}, "Status": "Active"},
            },
            "policy": {
                "Type": "AWS::IoT::Policy",
                "Properties": {"PolicyDocument": serde_json::from_str::<Value>(POLICY).unwrap()},
            },
            "existing": {"Type": "AWS::IoT::Policy", "Properties": {"PolicyName": "satellite"}},
        },
        "DeviceConfiguration": {
            "FallbackUrl": "https://www.example.com/test-site",
            "LocationUrl": {"Fn::FindInMap": ["LocationTable", {"Ref": "DeviceLocation"}, "LocationUrl"]},
            "Retries": 3,
        },
    })
    .to_string();
    let mut planned =
        plan(&body, &[("SerialNumber", "S-1"), ("DeviceLocation", "Seattle"), ("Other", "ignored")]).unwrap();
    let [PolicyRef::Name(name), PolicyRef::Document(document)] = &*std::mem::take(&mut planned.policies) else {
        panic!()
    };
    assert_eq!(name, "satellite");
    assert_eq!(serde_json::from_str::<Value>(document).unwrap(), serde_json::from_str::<Value>(POLICY).unwrap());
    let configuration =
        json!({"FallbackUrl": "https://www.example.com/test-site", "LocationUrl": "https://example.aws", "Retries": 3});
    assert_eq!(
        planned,
        ProvisioningPlan {
            thing_name: "S-1".parse().unwrap(),
            attributes: [("version", "v1"), ("serialNumber", "serialNumber")].map(|(k, v)| (k.into(), v.into())).into(),
            groups: vec!["v1-lightbulbs".into(), "WA".into()],
            thing_type: Some("ThingPrefix_S-1".into()),
            overrides: Overrides { attributes: Override::Merge, thing_type: Override::Replace, groups: Override::Fail },
            policies: vec![],
            certificate_status: CertificateStatus::Active,
            certificate_status_override: Override::DoNothing,
            device_configuration: configuration.as_object().unwrap().clone(),
        }
    );
    assert!(matches!(
        plan(&body, &[("SerialNumber", "S-1"), ("DeviceLocation", "Mars")]),
        Err(TemplateError::NotInMap { key, .. }) if key == "Mars"
    ));
}

#[test]
fn intrinsic_functions() {
    for (name, expected) in [
        (json!({"Ref": "SerialNumber"}), Ok("a,b,c")),
        (json!({"Ref": "Location"}), Ok("WA")),
        (json!({"Ref": "AWS::IoT::Certificate::Id"}), Ok("cafe")),
        (json!("literal"), Ok("literal")),
        (json!({"Fn::Join": ["-", ["x", {"Ref": "Location"}, "y"]]}), Ok("x-WA-y")),
        (json!({"Fn::Join": ["-", {"Fn::Split": [",", {"Ref": "SerialNumber"}]}]}), Ok("a-b-c")),
        (json!({"Fn::Select": [1, {"Fn::Split": [",", {"Ref": "SerialNumber"}]}]}), Ok("b")),
        (json!({"Fn::Select": ["0", ["x", "y"]]}), Ok("x")),
        (json!({"Fn::Select": [3, {"Fn::Split": [",", {"Ref": "SerialNumber"}]}]}), Err("element 3 of 3")),
        (json!({"Fn::Sub": "pi-${Location}-${AWS::IoT::Certificate::Id}"}), Ok("pi-WA-cafe")),
        (json!({"Fn::Sub": ["${x}${Location}", {"x": {"Fn::Select": [0, ["q"]]}}]}), Ok("qWA")),
        (json!({"Fn::Sub": "${!Location}"}), Err("`${Location}` is not a thing name")),
        (json!({"Fn::Sub": "${Nope}"}), Err("`Nope` is not declared")),
        (json!({"Fn::Sub": "${Location"}), Err("closed by `}`")),
        (json!({"Ref": "Nope"}), Err("`Nope` is not declared")),
        (json!({"Ref": 1}), Err("after `Ref`")),
        (json!({"Fn::GetAtt": ["a", "b"]}), Err("`Fn::GetAtt`")),
        (json!({"Fn:Join": ["", []]}), Err("`Fn:Join`")),
        (json!({"Fn::Join": [1, []]}), Err("Fn::Join")),
        (json!({"Fn::Select": [-1, ["x"]]}), Err("Fn::Select")),
        (json!({"Fn::Split": ["", "x"]}), Err("Fn::Split")),
        (json!({"Fn::FindInMap": ["a", "b"]}), Err("Fn::FindInMap")),
        (json!({"Fn::FindInMap": ["a", "b", "c"]}), Err("`a.b.c`")),
        (json!({"Fn::Join": "x"}), Err("list of arguments")),
        (json!({"a": "b"}), Err("is not a text")),
        (json!(["a"]), Err("is not a text")),
        (json!(7), Err("is not a text")),
    ] {
        // As an attribute for the value, since `a,b,c` is no thing name; as the name for the error.
        let body = template(&[
            ("/Resources/thing/Properties/ThingName", json!({"Ref": "Location"})),
            ("/Resources/thing/Properties/AttributePayload", json!({"a": name})),
        ]);
        let as_name = template(&[("/Resources/thing/Properties/ThingName", name.clone())]);
        let parameters = [("SerialNumber", "a,b,c")];
        match (expected, plan(&body, &parameters), plan(&as_name, &parameters)) {
            (Ok(expected), Ok(planned), _) => assert_eq!(planned.attributes["a"], expected, "{name}"),
            (Err(part), _, Err(error)) => assert!(error.to_string().contains(part), "{name}: {error}"),
            (expected, as_attribute, as_name) => panic!("{name}: {expected:?} {as_attribute:?} {as_name:?}"),
        }
    }
}

#[test]
fn parameters_are_required_defaulted_and_never_the_certificate() {
    let body = template(&[
        ("/Parameters/AWS::IoT::Certificate::Id", json!({"Type": "String"})),
        ("/Resources/thing/Properties/AttributePayload", json!({"c": {"Ref": "AWS::IoT::Certificate::Id"}})),
    ]);
    assert_eq!(plan(&body, &[]).unwrap_err().to_string(), "the parameter `SerialNumber` is missing and has no default");
    let forged = plan(&body, &[("SerialNumber", "s"), ("AWS::IoT::Certificate::Id", "forged")]).unwrap();
    assert_eq!(forged.attributes["c"], "cafe");
    let template = Template::parse(&body).unwrap();
    let declared: Vec<_> = template.parameters().collect();
    assert_eq!(declared, [("AWS::IoT::Certificate::Id", None), ("Location", Some("WA")), ("SerialNumber", None)]);
}

#[test]
fn values_from_devices_are_checked() {
    for (serial, refused) in [
        ("a/b", "`a/b` is not a thing name"),
        ("", "`` is not a thing name"),
        ("$aws", "`$aws` is not a thing name"),
        (&*"x".repeat(129), "is not a thing name"),
        (&*"x".repeat(17 * 1024), "over 16384 bytes"),
    ] {
        let error = plan(&template(&[]), &[("SerialNumber", serial)]).unwrap_err().to_string();
        assert!(error.contains(refused), "{error}");
    }
    let serial = json!({"Ref": "SerialNumber"});
    for (change, pointer, at_fault) in [
        (json!([serial]), "/Resources/thing/Properties/ThingGroups", "`a b` is not a group name"),
        (serial.clone(), "/Resources/thing/Properties/ThingTypeName", "`a b` is not a thing type name"),
        (json!({"x": serial}), "/Resources/thing/Properties/AttributePayload", "attribute `x`"),
    ] {
        let body = template(&[("/Resources/thing/Properties/ThingName", json!("t")), (pointer, change)]);
        let error = plan(&body, &[("SerialNumber", "a b")]).unwrap_err().to_string();
        assert!(error.contains(at_fault), "{error}");
    }
}

#[test]
fn policy_documents_are_checked_when_parsed_and_when_filled_in() {
    let with_document = |document: Value| {
        template(&[("/Resources/p", json!({"Type": "AWS::IoT::Policy", "Properties": {"PolicyDocument": document}}))])
    };
    let planned = plan(&with_document(json!(POLICY)), &[("SerialNumber", "s")]).unwrap();
    assert_eq!(planned.policies, [PolicyRef::Document(POLICY.to_owned())]);

    let constant = Template::parse(&with_document(json!(POLICY.replace("iot:Publish", "iot:Fly"))));
    assert!(matches!(constant, Err(TemplateError::Policy { at, .. }) if at == "Resources.p.Properties"));

    let own = POLICY.replace("foo/bar", "${SerialNumber}/${!iot:ClientId}");
    let filled = with_document(json!({"Fn::Sub": own}));
    let planned = plan(&filled, &[("SerialNumber", "s")]).unwrap();
    assert_eq!(planned.policies, [PolicyRef::Document(POLICY.replace("foo/bar", "s/${iot:ClientId}"))]);

    // Neither as a text nor as an object can a device widen what the author has written.
    let mut as_object: Value = serde_json::from_str(&own).unwrap();
    let arn = as_object["Statement"][0]["Resource"][0].take();
    as_object["Statement"][0]["Resource"][0] = json!({"Fn::Sub": arn});
    assert_eq!(plan(&with_document(as_object.clone()), &[("SerialNumber", "s")]).unwrap().policies.len(), 1);
    for serial in ["*", "?", "a/b", "${iot:ClientId}", "+", "#", "x\", \"arn:aws:iot:*:*:topic/*", ""] {
        for document in [json!({"Fn::Sub": own}), as_object.clone()] {
            let body = template(&[
                ("/Resources/thing/Properties/ThingName", json!("t")),
                ("/Resources/p", json!({"Type": "AWS::IoT::Policy", "Properties": {"PolicyDocument": document}})),
            ]);
            let error = plan(&body, &[("SerialNumber", serial)]).unwrap_err();
            assert!(matches!(error, TemplateError::ParameterInPolicy(name) if name == "SerialNumber"), "{serial}");
        }
    }
}

#[test]
fn what_is_not_supported_is_refused_by_name() {
    let thing = "/Resources/thing/Properties";
    let certificate = "/Resources/certificate/Properties";
    let policy = |properties: Value| json!({"Type": "AWS::IoT::Policy", "Properties": properties});
    for (pointer, value, named) in [
        ("/Outputs".to_owned(), json!({}), "`Outputs`"),
        ("/Resources".to_owned(), Value::Null, "`template.Resources` is missing"),
        ("/Parameters/X".to_owned(), json!({"Type": "Number"}), "`Number` at `Parameters.X.Type`"),
        ("/Parameters/X".to_owned(), json!({"Type": "String", "Default": 1}), "`Parameters.X.Default` is not a text"),
        ("/Parameters/X".to_owned(), json!({"Type": "String", "AllowedValues": []}), "`AllowedValues`"),
        ("/Mappings".to_owned(), json!({"A": {"B": {"C": {"Ref": "Location"}}}}), "`Mappings.A.B.C` is not a text"),
        ("/Resources/thing".to_owned(), Value::Null, "AWS::IoT::Thing` is missing"),
        ("/Resources/certificate".to_owned(), Value::Null, "AWS::IoT::Certificate` is missing"),
        ("/Resources/x".to_owned(), json!({"Type": "AWS::S3::Bucket"}), "`AWS::S3::Bucket` at `Resources.x`"),
        (
            "/Resources/zz".to_owned(),
            json!({"Type": "AWS::IoT::Thing", "Properties": {"ThingName": "t"}}),
            "`Resources.zz` is a second `AWS::IoT::Thing`",
        ),
        (format!("{thing}/ThingName"), Value::Null, "`Resources.thing.Properties.ThingName` is missing"),
        (format!("{thing}/BillingGroup"), json!("b"), "`BillingGroup`"),
        (format!("{thing}/ThingGroups"), json!("g"), "ThingGroups` is not a list"),
        (format!("{thing}/AttributePayload"), json!([]), "AttributePayload` is not an object"),
        ("/Resources/thing/DependsOn".to_owned(), json!("x"), "`DependsOn`"),
        ("/Resources/thing/OverrideSettings".to_owned(), json!({"ThingTypeName": "MERGE"}), "`MERGE`"),
        ("/Resources/thing/OverrideSettings".to_owned(), json!({"ThingName": "FAIL"}), "`ThingName`"),
        (format!("{certificate}/CertificateId"), json!({"Ref": "SerialNumber"}), "CertificateId` is not"),
        (format!("{certificate}/CertificatePem"), json!("x"), "`CertificatePem`"),
        (format!("{certificate}/Status"), json!("REVOKED"), "`REVOKED`"),
        ("/Resources/p".to_owned(), policy(json!({})), "either `PolicyName` or `PolicyDocument`"),
        ("/Resources/p".to_owned(), policy(json!({"PolicyName": "a", "PolicyDocument": "{}"})), "either"),
        ("/DeviceConfiguration".to_owned(), json!("x"), "`DeviceConfiguration` is not an object"),
        (
            "/DeviceConfiguration".to_owned(),
            json!({"a": {"b": [{"Fn::Nope": 1}]}}),
            "`Fn::Nope` at `DeviceConfiguration.a.b`",
        ),
        ("/DeviceConfiguration".to_owned(), json!({"a": "x".repeat(11_000)}), "10240 are allowed"),
    ] {
        let error = Template::parse(&template(&[(&pointer, value)])).unwrap_err().to_string();
        assert!(error.contains(named), "{pointer}: {error}");
    }
    let many: Vec<_> = (0..11).map(|i| (format!("/Resources/p{i}"), policy(json!({"PolicyName": "a"})))).collect();
    let many: Vec<_> = many.iter().map(|(pointer, value)| (pointer.as_str(), value.clone())).collect();
    assert!(matches!(Template::parse(&template(&many)), Err(TemplateError::TooManyPolicies)));
    assert!(matches!(Template::parse("{"), Err(TemplateError::Malformed(_))));
}

#[test]
fn a_template_cannot_be_made_to_grow_without_bound() {
    let body =
        template(&[("/Resources/thing/Properties/ThingName", json!({"Fn::Sub": "${SerialNumber}".repeat(500)}))]);
    assert!(matches!(plan(&body, &[("SerialNumber", &"x".repeat(4096))]), Err(TemplateError::ValueTooLong)));
}
