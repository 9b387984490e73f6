//! Intrinsic functions ("Intrinsic function reference", CloudFormation user guide), those that the CDK writes.

use super::Made;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

type Key = (String, String);

/// What is known by name.
pub(super) struct Scope {
    pseudo: BTreeMap<&'static str, String>,
    parameters: BTreeMap<String, String>,
    made: BTreeMap<Key, Made>,
    exports: BTreeMap<String, Export>,
}

/// What a stack exports under a name: its value as the template has it.
pub(super) struct Export {
    pub(super) stack: String,
    pub(super) template: Value,
    pub(super) value: Value,
}

impl Scope {
    pub(super) fn new(account: &str, region: &str, exports: BTreeMap<String, Export>) -> Self {
        let pseudo = [
            ("AWS::AccountId", account),
            ("AWS::Region", region),
            ("AWS::Partition", "aws"),
            ("AWS::URLSuffix", "amazonaws.com"),
        ];
        let pseudo = pseudo.into_iter().map(|(name, value)| (name, value.to_owned())).collect();
        Self { pseudo, parameters: BTreeMap::new(), made: BTreeMap::new(), exports }
    }

    pub(super) fn parameter(&mut self, name: &str, value: String) {
        self.parameters.insert(name.to_owned(), value);
    }

    pub(super) fn made(&mut self, stack: &str, id: &str, made: Made) {
        self.made.insert((stack.to_owned(), id.to_owned()), made);
    }

    pub(super) fn resolve(&self, stack: &str, template: &Value, value: &Value) -> Value {
        match value {
            Value::Array(items) => items
                .iter()
                .map(|item| self.resolve(stack, template, item))
                .filter(|item| *item != no_value())
                .collect(),
            Value::Object(members) => match function(members) {
                Some((name, argument)) => self.apply(stack, template, name, argument),
                None => {
                    let member = |(name, value): (&String, &Value)| {
                        let value = self.resolve(stack, template, value);
                        (value != no_value()).then(|| (name.clone(), value))
                    };
                    Value::Object(members.iter().filter_map(member).collect())
                }
            },
            plain => plain.clone(),
        }
    }

    fn apply(&self, stack: &str, template: &Value, name: &str, argument: &Value) -> Value {
        let text = |value: &Value| {
            let value = self.resolve(stack, template, value);
            value.as_str().map_or_else(|| value.to_string(), str::to_owned)
        };
        let list = |value: &Value| self.resolve(stack, template, value).as_array().cloned().unwrap_or_default();
        match name {
            "Ref" => self.reference(stack, template, argument.as_str().unwrap_or_default()),
            "Fn::GetAtt" => match attribute(argument) {
                Some((id, name)) => self.attribute(stack, &id, &name).into(),
                None => panic!("{stack}: `{argument}` is no attribute"),
            },
            "Fn::Join" => {
                let items = list(&argument[1]);
                let items: Vec<String> = items.iter().map(text).collect();
                items.join(argument[0].as_str().unwrap_or_default()).into()
            }
            "Fn::Split" => text(&argument[1]).split(argument[0].as_str().unwrap_or_default()).collect(),
            "Fn::Select" => {
                let place: usize = text(&argument[0]).parse().expect("a place in a list");
                list(&argument[1])[place].clone()
            }
            "Fn::Sub" => self.substitute(stack, template, argument).into(),
            "Fn::ImportValue" => {
                let name = text(argument);
                let export = self.exports.get(&name).unwrap_or_else(|| panic!("{stack}: nothing exports `{name}`"));
                self.resolve(&export.stack, &export.template, &export.value)
            }
            "Fn::GetAZs" => {
                ["a", "b", "c"].map(|zone| format!("{}{zone}", self.pseudo["AWS::Region"])).into_iter().collect()
            }
            "Fn::ToJsonString" => self.resolve(stack, template, argument).to_string().into(),
            "Fn::If" => {
                let condition = &template["Conditions"][argument[0].as_str().unwrap_or_default()];
                let place = if self.holds(stack, template, condition) { 1 } else { 2 };
                self.resolve(stack, template, &argument[place])
            }
            other => panic!("{stack}: the function `{other}` is not known here"),
        }
    }

    fn reference(&self, stack: &str, template: &Value, name: &str) -> Value {
        if name == "AWS::NoValue" {
            return no_value();
        }
        if name == "AWS::StackName" {
            return stack.into();
        }
        if let Some(value) = self.pseudo.get(name) {
            return value.clone().into();
        }
        if let Some(parameter) = template["Parameters"].get(name) {
            let default = || parameter.get("Default").cloned();
            let value = self.parameters.get(name).map(|value| value.clone().into()).or_else(default);
            return value.unwrap_or_else(|| panic!("{stack}: the parameter `{name}` has no value"));
        }
        self.known(stack, name).reference.clone().into()
    }

    fn attribute(&self, stack: &str, id: &str, name: &str) -> String {
        let made = self.known(stack, id);
        match made.attributes.get(name) {
            Some(value) => value.clone(),
            None if made.any => format!("{}.{name}", made.reference),
            None => panic!("{stack}: `{id}` has no attribute `{name}` here"),
        }
    }

    fn known(&self, stack: &str, id: &str) -> &Made {
        let made = self.made.get(&(stack.to_owned(), id.to_owned()));
        made.unwrap_or_else(|| panic!("{stack}: `{id}` is not made yet"))
    }

    fn substitute(&self, stack: &str, template: &Value, argument: &Value) -> String {
        let (text, own) = match argument {
            Value::Array(parts) => (parts[0].as_str().unwrap_or_default(), &parts[1]),
            other => (other.as_str().unwrap_or_default(), &Value::Null),
        };
        let mut result = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            result.push_str(before);
            let (name, after) = after.split_once('}').expect("a variable that ends");
            rest = after;
            if let Some(literal) = name.strip_prefix('!') {
                result.push_str(&format!("${{{literal}}}"));
                continue;
            }
            let value = match (own.get(name), name.split_once('.')) {
                (Some(value), _) => self.resolve(stack, template, value),
                (None, Some((id, attribute))) => self.attribute(stack, id, attribute).into(),
                (None, None) => self.reference(stack, template, name),
            };
            result.push_str(value.as_str().unwrap_or_default());
        }
        result.push_str(rest);
        result
    }

    fn holds(&self, stack: &str, template: &Value, condition: &Value) -> bool {
        let Some((name, argument)) = condition.as_object().and_then(function) else {
            panic!("{stack}: `{condition}` is no condition")
        };
        let all = || argument.as_array().into_iter().flatten();
        match name {
            "Fn::Equals" => {
                let resolved = |place: usize| self.resolve(stack, template, &argument[place]);
                resolved(0) == resolved(1)
            }
            "Fn::Not" => !self.holds(stack, template, &argument[0]),
            "Fn::And" => all().all(|condition| self.holds(stack, template, condition)),
            "Fn::Or" => all().any(|condition| self.holds(stack, template, condition)),
            "Condition" => self.holds(stack, template, &template["Conditions"][argument.as_str().unwrap_or_default()]),
            other => panic!("{stack}: the condition `{other}` is not known here"),
        }
    }
}

/// What stands for `AWS::NoValue` until it is dropped; no template has it.
fn no_value() -> Value {
    "\u{0}no value".into()
}

/// The function that an object calls, if it is one.
fn function(members: &Map<String, Value>) -> Option<(&str, &Value)> {
    let (name, argument) = members.iter().next()?;
    let is_call = members.len() == 1 && (name == "Ref" || name == "Condition" || name.starts_with("Fn::"));
    is_call.then_some((name.as_str(), argument))
}

/// The resource and the attribute that `Fn::GetAtt` names.
fn attribute(argument: &Value) -> Option<(String, String)> {
    match argument {
        Value::Array(parts) => Some((parts.first()?.as_str()?.to_owned(), parts.get(1)?.as_str()?.to_owned())),
        other => other.as_str()?.split_once('.').map(|(id, name)| (id.to_owned(), name.to_owned())),
    }
}

/// Adds what `value` refers to, in its own stack and, by what is exported, in others.
pub(super) fn references(stack: &str, value: &Value, exports: &BTreeMap<String, Export>, found: &mut BTreeSet<Key>) {
    let own = |id: &str| (stack.to_owned(), id.to_owned());
    match value {
        Value::Array(items) => items.iter().for_each(|item| references(stack, item, exports, found)),
        Value::Object(members) => {
            match function(members) {
                Some(("Ref", name)) => {
                    // Pseudo parameters are not made by anybody.
                    found.extend(name.as_str().filter(|name| !name.contains("::")).map(own));
                }
                Some(("Fn::GetAtt", argument)) => found.extend(attribute(argument).map(|(id, _)| own(&id))),
                Some(("Fn::Sub", argument)) => {
                    let text = argument.as_str().or_else(|| argument[0].as_str()).unwrap_or_default();
                    let variables = text.split("${").skip(1).filter_map(|rest| rest.split_once('}'));
                    let names = variables.filter_map(|(name, _)| name.split('.').next());
                    let given = |name: &&str| argument[1].get(*name).is_none();
                    found.extend(
                        names.filter(|name| !name.contains("::") && !name.starts_with('!')).filter(given).map(own),
                    );
                }
                Some(("Fn::ImportValue", name)) => {
                    let exported = name.as_str().and_then(|name| exports.get(name));
                    if let Some(Export { stack, value, .. }) = exported {
                        references(stack, value, &BTreeMap::new(), found);
                    }
                }
                _ => {}
            }
            members.values().for_each(|member| references(stack, member, exports, found));
        }
        _ => {}
    }
}

/// Adds what `DependsOn` names.
pub(super) fn depends_on(stack: &str, whole: &Value, found: &mut BTreeSet<Key>) {
    let named = match &whole["DependsOn"] {
        Value::Array(items) => items.clone(),
        Value::Null => Vec::new(),
        one => vec![one.clone()],
    };
    found.extend(named.iter().filter_map(Value::as_str).map(|id| (stack.to_owned(), id.to_owned())));
}
