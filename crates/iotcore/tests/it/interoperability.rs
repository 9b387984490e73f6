//! `docs/interoperability.md` names the test of each behaviour: the tests are there.

use std::path::Path;

/// The texts of all files below a folder.
fn sources(folder: &Path) -> String {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let texts = entries.map(|path| match path.extension() {
        _ if path.is_dir() => sources(&path),
        Some(kind) if kind == "rs" => std::fs::read_to_string(path).unwrap(),
        _ => String::new(),
    });
    texts.collect()
}

#[test]
fn the_tests_it_names_exist() {
    let sources = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it"));
    let rows = include_str!("../../docs/interoperability.md").lines().filter(|line| line.starts_with("| "));
    let rows: Vec<_> = rows.filter(|row| !row.starts_with("| behaviour |")).collect();
    assert!(rows.len() > 25, "{}", rows.len());
    for row in rows {
        let tests = row.trim_end_matches([' ', '|']).rsplit("| ").next().unwrap();
        for test in tests.split(", ") {
            let name = test.trim_matches('`').rsplit("::").next().unwrap();
            assert!(sources.contains(&format!("async fn {name}(")), "{test} of {row}");
        }
    }
}
