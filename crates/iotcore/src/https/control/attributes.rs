//! Attributes in requests. API Reference, `AttributePayload`.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::attributes::check;
use crate::error::Error;
use crate::limits::ATTRIBUTES_MAX;

/// Attributes that are allowed, each by itself.
#[derive(Default, Deserialize)]
#[serde(try_from = "Unchecked")]
pub(super) struct AttributePayload {
    attributes: BTreeMap<String, String>,
    merge: bool,
}

#[derive(Deserialize)]
struct Unchecked {
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    #[serde(default)]
    merge: bool,
}

impl TryFrom<Unchecked> for AttributePayload {
    type Error = String;

    fn try_from(Unchecked { attributes, merge }: Unchecked) -> Result<Self, String> {
        for (name, value) in &attributes {
            check(name, value).map_err(|reason| format!("the attribute `{name}` is not allowed: {reason}"))?;
        }
        Ok(Self { attributes, merge })
    }
}

impl AttributePayload {
    /// The attributes of what had those of `present`: merged, they replace those of their names, and an empty one removes it.
    pub(super) fn over(self, present: BTreeMap<String, String>) -> Result<BTreeMap<String, String>, Error> {
        let mut attributes = if self.merge { present } else { BTreeMap::new() };
        attributes.extend(self.attributes);
        attributes.retain(|_, value| !(self.merge && value.is_empty()));
        if attributes.len() > ATTRIBUTES_MAX {
            return Err(Error::LimitExceeded { what: "attributes", max: ATTRIBUTES_MAX as u64 });
        }
        Ok(attributes)
    }

    /// The attributes of what is created.
    pub(super) fn of_new(self) -> Result<BTreeMap<String, String>, Error> {
        self.over(BTreeMap::new())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn over(payload: serde_json::Value, present: &[(&str, &str)]) -> Result<BTreeMap<String, String>, Error> {
        let payload: AttributePayload = serde_json::from_value(payload).unwrap();
        payload.over(present.iter().map(|(name, value)| (String::from(*name), String::from(*value))).collect())
    }

    #[test]
    fn attributes_replace_or_are_merged() {
        let present = [("a", "1"), ("b", "2")];
        for (payload, expected) in [
            (json!({}), json!({})),
            (json!({"attributes": {"b": "", "c": "3"}}), json!({"b": "", "c": "3"})),
            (json!({"attributes": {"b": "", "c": "3"}, "merge": true}), json!({"a": "1", "c": "3"})),
        ] {
            assert_eq!(json!(over(payload.clone(), &present).unwrap()), expected, "{payload}");
        }
    }

    #[test]
    fn there_is_a_limit_for_what_is_left() {
        let many: BTreeMap<_, _> = (0..=ATTRIBUTES_MAX).map(|number| (format!("n{number}"), "v")).collect();
        assert!(over(json!({"attributes": many}), &[]).is_err());
        assert!(serde_json::from_value::<AttributePayload>(json!({"attributes": {"a b": ""}})).is_err());
    }
}
