//! The committed renderings are what the tables say, and AWS would take them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says why")]

use marvain_topics::{
    RULES,
    render::{self, policy::POLICY_BYTES_MAX, rules::sql, template::TEMPLATE_BYTES_MAX},
};
use serde_json::Value;
use std::{collections::BTreeSet, fs, path::Path};

/// Longest SQL statement of a rule, in bytes ("AWS IoT Core endpoints and quotas", rules engine: 256 KB).
const SQL_BYTES_MAX: usize = 256 * 1024;
/// Longest name of a rule, in bytes ("CreateTopicRule").
const RULE_NAME_BYTES_MAX: usize = 128;

fn committed(path: &str) -> Value {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    if path == render::ASYNCAPI_PATH {
        serde_yaml_ng::from_str(&text).unwrap()
    } else {
        serde_json::from_str(&text).unwrap()
    }
}

/// Where `committed` first differs from `rendered`, as a JSON pointer.
fn difference(at: &str, committed: &Value, rendered: &Value) -> Option<String> {
    match (committed, rendered) {
        (Value::Object(old), Value::Object(new)) if old.keys().eq(new.keys()) => {
            new.iter().find_map(|(name, value)| difference(&format!("{at}/{name}"), old.get(name)?, value))
        }
        (Value::Array(old), Value::Array(new)) if old.len() == new.len() => {
            old.iter().zip(new).enumerate().find_map(|(i, (old, new))| difference(&format!("{at}/{i}"), old, new))
        }
        _ => (committed != rendered).then(|| format!("{at}: {committed} is not {rendered}")),
    }
}

#[test]
fn committed_renderings_are_fresh() {
    for (path, value) in render::all() {
        let stale = difference("", &committed(path), &value);
        assert_eq!(stale, None, "{path} is stale: run scripts/render");
    }
}

#[test]
fn nothing_lies_among_the_renderings_that_is_not_rendered() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("rendered");
    let files = fs::read_dir(folder).unwrap().map(|f| format!("rendered/{}", f.unwrap().file_name().display()));
    let rendered: BTreeSet<_> = render::all().into_iter().map(|(path, _)| path.to_owned()).collect();
    for file in files {
        assert!(rendered.contains(&file), "{file}");
    }
}

#[test]
fn renderings_are_inside_the_limits_of_aws() {
    for policy in [render::policy::satellite(), render::policy::claim()] {
        assert!(policy.to_string().len() <= POLICY_BYTES_MAX, "{} bytes", policy.to_string().len());
    }
    let template = serde_json::to_string_pretty(&render::template::template()).unwrap();
    assert!(template.len() <= TEMPLATE_BYTES_MAX);
    for rule in RULES {
        assert!(sql(&rule).len() <= SQL_BYTES_MAX);
        assert!(rule.name.len() <= RULE_NAME_BYTES_MAX);
    }
}

/// All that `$ref` refers to, anywhere in `value`.
fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(Value::as_str));
            fields.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[test]
fn the_asyncapi_document_refers_to_what_it_has() {
    let document = committed(render::ASYNCAPI_PATH);
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 100);
    for reference in found {
        assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
    }
}
