//! The rules of the tree that a machine can check: which crate knows which, where topic strings are, how long files get.
#![expect(clippy::unwrap_used, reason = "a test says what is wrong by failing")]

use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Who may know whom, as in ARCHITECTURE.md. Dependencies of tests are free.
const ARROWS: [(&str, &[&str]); 12] = [
    ("marvain-domain", &[]),
    ("marvain-topics", &["marvain-domain"]),
    ("marvain-iotcore", &[]),
    ("marvain-hub", &["marvain-domain", "marvain-topics"]),
    ("marvain-local", &["marvain-domain", "marvain-topics", "marvain-hub"]),
    ("marvain-aws", &["marvain-domain", "marvain-topics", "marvain-hub"]),
    ("marvain-lambdas", &["marvain-aws", "marvain-console", "marvain-domain", "marvain-hub", "marvain-topics"]),
    ("marvain-peers", &[]),
    ("marvain-console", &["marvain-domain", "marvain-topics", "marvain-hub"]),
    ("marvain-satellite", &["marvain-domain", "marvain-topics"]),
    (
        "marvain",
        &[
            "marvain-aws",
            "marvain-console",
            "marvain-domain",
            "marvain-hub",
            "marvain-iotcore",
            "marvain-local",
            "marvain-satellite",
            "marvain-topics",
        ],
    ),
    (
        "marvain-simulator",
        &["marvain-domain", "marvain-hub", "marvain-iotcore", "marvain-local", "marvain-satellite", "marvain-topics"],
    ),
];

/// Longest source file, in lines.
const FILE_LINES_MAX: usize = 500;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().parent().unwrap().to_owned()
}

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn crates_know_what_the_architecture_lets_them_know() {
    let arrows: BTreeMap<_, BTreeSet<_>> =
        ARROWS.iter().map(|(from, to)| (*from, to.iter().copied().collect())).collect();
    let metadata = metadata();
    let packages = metadata["packages"].as_array().unwrap();
    let names: BTreeSet<_> = packages.iter().map(|package| package["name"].as_str().unwrap()).collect();
    assert_eq!(names, arrows.keys().copied().collect(), "the table and the workspace name the same crates");
    for package in packages {
        let name = package["name"].as_str().unwrap();
        for dependency in package["dependencies"].as_array().unwrap() {
            let on = dependency["name"].as_str().unwrap();
            if dependency["kind"].is_null() && on.starts_with("marvain") {
                assert!(arrows[name].contains(on), "`{name}` must not know `{on}`");
            }
        }
    }
}

#[test]
fn the_satellite_links_neither_databases_nor_policy_engines() {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "-p", "marvain-satellite", "-e", "normal", "--prefix", "none"])
        .current_dir(root())
        .output()
        .unwrap();
    let tree = String::from_utf8(output.stdout).unwrap();
    assert!(tree.contains("rumqttc"), "{tree}");
    for heavy in ["rusqlite", "cedar-policy", "axum", "reqwest", "async-openai", "signed_note"] {
        assert!(!tree.lines().any(|line| line.starts_with(heavy)), "the satellite links {heavy}");
    }
}

#[test]
fn the_embedded_hub_builds_without_a_part_of_aws() {
    let tree = |features: &[&str]| {
        let output = Command::new(env!("CARGO"))
            .args(["tree", "--offline", "-p", "marvain", "-e", "normal", "--prefix", "none"])
            .args(features)
            .current_dir(root())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let is_of_aws = |line: &&str| {
        ["aws-sdk-", "aws-config", "aws-smithy-", "aws-runtime", "aws-sigv4", "marvain-aws"]
            .iter()
            .any(|name| line.starts_with(name))
    };
    assert!(
        tree(&["--features", "aws"]).lines().any(|line| line.starts_with("aws-sdk-")),
        "it is looked for under its name"
    );
    let default = tree(&[]);
    assert!(default.contains("rumqttc"), "{default}");
    assert_eq!(default.lines().find(is_of_aws), None);
}

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && !matches!(name, "target" | "node_modules") && !name.starts_with('.') {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

fn all_sources() -> Vec<(String, String)> {
    let mut found = Vec::new();
    sources(&root(), &mut found);
    assert!(found.len() > 50, "the sources are looked for in the wrong place");
    let relative = |path: &Path| path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
    found.iter().map(|path| (relative(path), fs::read_to_string(path).unwrap())).collect()
}

/// Shipped code: not tests, not this file.
fn is_shipped(path: &str) -> bool {
    !path.split('/').any(|part| matches!(part, "tests" | "tests.rs" | "benches" | "examples" | "conformance"))
        && !path.ends_with("_tests.rs")
        && !path.starts_with("crates/simulator/")
        && !path.starts_with("crates/peers/")
}

#[test]
fn topics_are_named_in_topics_alone() {
    for (path, text) in all_sources() {
        let exempt = path.starts_with("topics/") || path.starts_with("crates/iotcore/") || !is_shipped(&path);
        if exempt {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap();
            for stray in ["\"marvain/v1", "\"$aws/"] {
                assert!(!code.contains(stray), "{path}:{}: a topic string outside `topics`", number + 1);
            }
        }
    }
}

#[test]
fn no_file_holds_two_subjects() {
    for (path, text) in all_sources() {
        let lines = text.lines().count();
        assert!(lines <= FILE_LINES_MAX, "{path} has {lines} lines, more than {FILE_LINES_MAX}");
    }
}

#[test]
fn nothing_is_left_to_do() {
    for (path, text) in all_sources() {
        for mark in [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X"), concat!("#[ign", "ore]")] {
            if let Some((number, _)) = text.lines().enumerate().find(|(_, line)| line.contains(mark)) {
                panic!("{path}:{}: {mark}", number + 1);
            }
        }
    }
}
