//! What the templates give functions is what functions take: the handler and the environment of each, of both stages that
//! `scripts/cdk` synthesises.

use marvain_lambdas::{Function, settings::Settings};
use marvain_peers::cloudformation::{Made, Stacks};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

#[test]
fn every_function_is_deployed_and_takes_the_environment_that_its_template_gives_it() {
    for stage in ["dev", "prod"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cdk/out/synth").join(stage);
        assert!(folder.exists(), "{} is missing: `scripts/cdk` makes it", folder.display());
        let mut stacks = Stacks::read(&folder, "123456789012", "eu-central-1");
        stacks.parameter("IotEndpoint", "x-ats.iot.eu-central-1.amazonaws.com");
        let mut found = BTreeSet::new();
        for resource in stacks.in_order() {
            if resource.kind == "AWS::Lambda::Function" {
                let properties = stacks.properties(&resource);
                let name = properties["FunctionName"].as_str().unwrap();
                let variables: BTreeMap<String, String> =
                    serde_json::from_value(properties["Environment"]["Variables"].clone()).unwrap();
                let settings = Settings::parse(|name| variables.get(name).cloned());
                assert!(settings.is_ok(), "{stage}: {name}: {settings:?}");
                let handler = properties["Handler"].as_str().unwrap();
                assert!(name.ends_with(&format!("-{handler}")), "{stage}: {name} is `{handler}`");
                found.insert(Function::from_name(handler).unwrap().name());
            }
            let made = Made::not(&resource);
            stacks.made(&resource, made);
        }
        assert_eq!(found, Function::ALL.into_iter().map(Function::name).collect(), "{stage}");
    }
}
