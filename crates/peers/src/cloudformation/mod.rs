//! Synthesised CloudFormation, read for what it says: the resources of several stacks in the order in which they can be made, and
//! their properties with every intrinsic function resolved against what has been made so far.
//!
//! Whoever makes the resources is the caller; this knows templates ("Template reference", "Intrinsic function reference" of the
//! CloudFormation user guide) and no service. What it does not know it refuses by name, so that no property is passed over.

mod resolve;
#[cfg(test)]
mod tests;

use resolve::{Export, Scope};
use serde_json::{Map, Value};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// One resource of a template.
#[derive(Clone, Debug)]
pub struct Resource {
    /// The stack that it is in.
    pub stack: String,
    /// Its logical id there.
    pub id: String,
    /// Its type, such as `AWS::SQS::Queue`.
    pub kind: String,
    /// As the template has it, next to `Properties`: `DeletionPolicy` and so on.
    pub whole: Value,
}

/// What a made resource is known by.
#[derive(Clone, Debug, Default)]
pub struct Made {
    /// What `Ref` gives.
    pub reference: String,
    /// What `Fn::GetAtt` gives, by attribute.
    pub attributes: BTreeMap<String, String>,
    /// Does it have any attribute that is asked for? Its value is made up then.
    pub any: bool,
}

impl Made {
    /// Known by this, without attributes.
    pub fn new(reference: impl Into<String>) -> Self {
        Self { reference: reference.into(), ..Self::default() }
    }

    /// Known by a name that nobody uses: for what is not made, and which others only refer to.
    pub fn not(resource: &Resource) -> Self {
        Self { any: true, ..Self::new(format!("{}.{}", resource.stack, resource.id)) }
    }

    /// With an attribute.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.attributes.insert(name.to_owned(), value.into());
        self
    }
}

/// Several stacks, and what of them is made.
pub struct Stacks {
    templates: BTreeMap<String, Value>,
    scope: Scope,
}

impl Stacks {
    /// Reads every `*.template.json` of a folder that the CDK has synthesised into, except for nested assets.
    ///
    /// # Panics
    /// If there is none, or one cannot be read.
    pub fn read(folder: &Path, account: &str, region: &str) -> Self {
        let mut templates = BTreeMap::new();
        for entry in fs::read_dir(folder).expect("the folder of the synthesised templates") {
            let path = entry.expect("an entry of the folder").path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if let Some(stack) = name.strip_suffix(".template.json") {
                let text = fs::read_to_string(&path).expect("a template");
                templates.insert(stack.to_owned(), serde_json::from_str(&text).expect("a template in JSON"));
            }
        }
        assert!(!templates.is_empty(), "no template in `{}`", folder.display());
        let scope = Scope::new(account, region, exports(&templates));
        Self { templates, scope }
    }

    /// Says what a parameter that has no default is.
    pub fn parameter(&mut self, name: &str, value: impl Into<String>) {
        self.scope.parameter(name, value.into());
    }

    /// All resources, each after those that its properties refer to, in its own stack or in others.
    ///
    /// # Panics
    /// If they refer to each other in a circle.
    pub fn in_order(&self) -> Vec<Resource> {
        let exports = exports(&self.templates);
        let mut waiting = BTreeMap::new();
        for (stack, template) in &self.templates {
            for (id, whole) in object(&template["Resources"]) {
                let mut needs = BTreeSet::new();
                resolve::references(stack, whole, &exports, &mut needs);
                resolve::depends_on(stack, whole, &mut needs);
                let kind = whole["Type"].as_str().expect("a type").to_owned();
                let resource = Resource { stack: stack.clone(), id: id.clone(), kind, whole: whole.clone() };
                waiting.insert((stack.clone(), id.clone()), (resource, needs));
            }
        }
        // Parameters and the like are no resources.
        let known: BTreeSet<_> = waiting.keys().cloned().collect();
        let mut done = BTreeSet::new();
        let mut order = Vec::new();
        while !waiting.is_empty() {
            let ready: Vec<_> = waiting
                .iter()
                .filter(|(_, (_, needs))| needs.iter().all(|need| done.contains(need) || !known.contains(need)))
                .map(|(key, _)| key.clone())
                .collect();
            assert!(!ready.is_empty(), "a circle among {:?}", waiting.keys());
            for key in ready {
                order.extend(waiting.remove(&key).map(|(resource, _)| resource));
                done.insert(key);
            }
        }
        order
    }

    /// A resource's properties, resolved.
    ///
    /// # Panics
    /// If they refer to what is not made yet, or use a function that is not known here.
    pub fn properties(&self, resource: &Resource) -> Value {
        let template = &self.templates[&resource.stack];
        self.scope.resolve(&resource.stack, template, &resource.whole["Properties"])
    }

    /// Says what a resource is known by from now on.
    pub fn made(&mut self, resource: &Resource, made: Made) {
        self.scope.made(&resource.stack, &resource.id, made);
    }

    /// All outputs of all stacks, resolved, by name.
    ///
    /// # Panics
    /// As [`properties`](Self::properties).
    pub fn outputs(&self) -> BTreeMap<String, String> {
        let mut outputs = BTreeMap::new();
        for (stack, template) in &self.templates {
            for (name, output) in object(&template["Outputs"]) {
                let value = self.scope.resolve(stack, template, &output["Value"]);
                outputs.extend(value.as_str().map(|value| (name.clone(), value.to_owned())));
            }
        }
        outputs
    }
}

/// What the stacks export, by name.
fn exports(templates: &BTreeMap<String, Value>) -> BTreeMap<String, Export> {
    let mut exports = BTreeMap::new();
    for (stack, template) in templates {
        for (_, output) in object(&template["Outputs"]) {
            if let Some(name) = output["Export"]["Name"].as_str() {
                let (stack, template, value) = (stack.clone(), template.clone(), output["Value"].clone());
                exports.insert(name.to_owned(), Export { stack, template, value });
            }
        }
    }
    exports
}

/// The members of an object; none of anything else.
fn object(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}
