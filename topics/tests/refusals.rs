//! What is wrong with a payload is said with the field and the limit. The bad payloads lie in `fixtures/bad`.

use marvain_topics::{
    channel::SHADOW_BYTES_MAX,
    wire::{EventPayload, Lifecycle, PAYLOAD_BYTES_MAX, PresenceDocuments, ReportPayload, TelemetryPayload, WireError},
};
use serde_json::json;
use std::{collections::BTreeSet, fs, path::Path};

type Parse = fn(&[u8]) -> Result<(), WireError>;

const EVENT: Parse = |bytes| EventPayload::parse(bytes).map(drop);
const TELEMETRY: Parse = |bytes| TelemetryPayload::parse(bytes).map(drop);
const REPORT: Parse = |bytes| ReportPayload::parse(bytes).map(drop);
const PRESENCE: Parse = |bytes| PresenceDocuments::parse(bytes).map(drop);
const LIFECYCLE: Parse = |bytes| Lifecycle::parse(bytes).map(drop);
const EVERY: [Parse; 5] = [EVENT, TELEMETRY, REPORT, PRESENCE, LIFECYCLE];

const CASES: &[(&str, Parse, &str)] = &[
    ("event-array", EVENT, "`.`: invalid type: sequence, expected a map at line 1 column 0"),
    ("event-at-absurd", EVENT, "`at`: `…` is no RFC 3339 time between 1970 and 9999"),
    ("event-at-number", EVENT, "`at`: invalid type: integer `…`, expected a string"),
    ("event-details-list", EVENT, "`details`: invalid type: sequence, expected a map"),
    ("event-id-empty", EVENT, "`id` must be 1 to 64 bytes"),
    ("event-id-long", EVENT, "`id` must be 1 to 64 bytes"),
    (
        "event-kind-unknown",
        EVENT,
        "`kind`: unknown variant `…`, expected one of `transcript`, `observation`, `suppressed`",
    ),
    ("event-malformed", EVENT, "`.`: EOF while parsing a value at line 2 column 0"),
    ("event-text-missing", EVENT, "`.`: missing field `text`"),
    ("event-text-number", EVENT, "`text`: invalid type: integer `…`, expected a string"),
    ("event-trailing", EVENT, "`.`: trailing characters at line 1 column 114"),
    ("event-version-2", EVENT, "`v` is 2, not 1"),
    ("event-version-absurd", EVENT, "`v`: invalid type: floating point `…`, expected u8"),
    ("event-version-missing", EVENT, "`.`: missing field `v`"),
    ("event-version-text", EVENT, "`v`: invalid type: string `…`, expected u8"),
    ("lifecycle-timestamp-text", LIFECYCLE, "`timestamp`: invalid type: string `…`, expected u64 at line 3 column 20"),
    ("presence-capabilities-many", PRESENCE, "`capabilities` must be at most 32"),
    (
        "presence-capability-name",
        PRESENCE,
        "`current.state.reported.capabilities[0].name`: `…` is no capability name: use 1 to 48 of a-z, 0-9, `_`, `-` and `.`, beginning with a letter at line 14 column 27",
    ),
    ("presence-software-long", PRESENCE, "`software` must be at most 64 bytes"),
    (
        "report-action-not-an-id",
        REPORT,
        "`action`: `…` is no action id: it should look like `act_` and 26 characters of 0-9 and a-v",
    ),
    ("report-error-number", REPORT, "`error`: invalid type: integer `…`, expected a string"),
    ("report-state-not-its-own", REPORT, "`state` must be acknowledged, succeeded, failed, rejected or expired"),
    (
        "report-state-unknown",
        REPORT,
        "`state`: unknown variant `…`, expected one of `proposed`, `awaiting_approval`, `allowed`, `approved`, `dispatched`, `acknowledged`, `succeeded`, `failed`, `rejected`, `expired`, `timed_out`, `canceled`",
    ),
    ("telemetry-name-empty", TELEMETRY, "`readings.name` must be 1 to 64 bytes"),
    ("telemetry-readings-many", TELEMETRY, "`readings` must be 1 to 32 values"),
    ("telemetry-readings-none", TELEMETRY, "`readings` must be 1 to 32 values"),
    ("telemetry-unit-long", TELEMETRY, "`readings.unit` must be at most 16 bytes"),
    ("telemetry-value-huge", TELEMETRY, "`.`: number out of range at line 1 column 85"),
    ("telemetry-value-text", TELEMETRY, "`readings[1].value`: invalid type: string `…`, expected f64"),
];

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/bad")
}

#[test]
fn every_bad_payload_is_refused_for_its_reason() {
    for (name, parse, expected) in CASES {
        let bytes = fs::read(folder().join(format!("{name}.json"))).unwrap();
        let error = parse(&bytes).expect_err(name).to_string();
        assert_eq!(&error, expected, "{name}");
    }
}

/// Refusals go into the audit log, which cannot forget.
#[test]
fn what_was_said_is_in_no_refusal() {
    let words = [
        "the safe opens with 4711",
        "\"the safe\", expected 4711",
        "` is no safe 4711`, expected `the safe` is no `4711",
        "safe_4711",
    ];
    let shapes = [
        json!({"v": 1, "id": "a", "at": "@", "kind": "transcript", "text": "x"}),
        json!({"v": 1, "id": "a", "at": "2026-11-22T09:39:11Z", "kind": "@", "text": "x"}),
        json!({"v": 1, "id": "a", "at": "2026-11-22T09:39:11Z", "kind": "transcript", "text": ["@"]}),
        json!({"v": 1, "id": "a", "at": "2026-11-22T09:39:11Z", "kind": "observation", "name": "x", "details": "@"}),
        json!({"v": 1, "id": "a", "at": "2026-11-22T09:39:11Z", "readings": "@"}),
        json!({"v": 1, "id": "a", "at": "2026-11-22T09:39:11Z", "readings": [{"name": "x", "value": "@"}]}),
        json!({"v": 1, "action": "@", "state": "failed", "at": "2026-11-22T09:39:11Z"}),
        json!({"v": "@"}),
        json!({"current": {"version": 1, "state": {"reported": {"software": "1", "capabilities": [
            {"name": "@", "kind": "builtin"}]}}}}),
        json!({"current": {"version": 1, "state": {"reported": {"software": "1", "capabilities": [
            {"name": "a", "kind": "builtin", "args": {"@": "@"}}]}}}}),
        json!({"current": {"version": 1, "state": {"reported": {"software": "1", "capabilities": [
            {"name": "a", "kind": "builtin", "@": 1}]}}}}),
        json!({"timestamp": "@"}),
        json!("@"),
    ];
    for shape in &shapes {
        for word in words {
            let quoted = json!(word).to_string();
            let payload = shape.to_string().replace("@", &quoted[1..quoted.len() - 1]);
            // Cut short, it is no JSON.
            for payload in [payload.as_str(), &payload[..payload.len() - 1]] {
                for error in EVERY.iter().filter_map(|parse| parse(payload.as_bytes()).err()) {
                    let told = format!("{error} {error:?}");
                    assert!(!told.contains("safe") && !told.contains("4711"), "{payload}: {told}");
                }
            }
        }
    }
    let key = br#"{"v": 1, "details": {"the safe 4711": 1e999}}"#;
    assert_eq!(EventPayload::parse(key).unwrap_err().to_string(), "`.`: number out of range at line 1 column 43");
}

#[test]
fn every_bad_payload_has_a_case() {
    let files: BTreeSet<_> =
        fs::read_dir(folder()).unwrap().map(|f| f.unwrap().file_name().into_string().unwrap()).collect();
    let cases: BTreeSet<_> = CASES.iter().map(|(name, ..)| format!("{name}.json")).collect();
    assert_eq!(files, cases);
}

#[test]
fn no_parser_takes_what_is_not_one_json_text() {
    for parse in EVERY {
        assert!(matches!(parse(b""), Err(WireError::Empty)));
        assert!(matches!(parse(b"{\"id\": \"\xff\"}"), Err(WireError::NotUtf8(8))));
        for bad in [" ", "null", "7", "[]", "{", "{}{}", "{\"v\":1,}", "\u{feff}{}"] {
            assert!(matches!(parse(bad.as_bytes()), Err(WireError::Field { .. })), "{bad}");
        }
        let deep = "[".repeat(1000);
        assert!(matches!(parse(deep.as_bytes()), Err(WireError::Field { .. })));
    }
}

#[test]
fn size_is_bounded_before_anything_is_parsed() {
    let event = |bytes: usize| {
        let empty = r#"{"v":1,"id":"a","at":"2026-11-22T09:39:11.250Z","kind":"transcript","text":""}"#;
        empty.replace("\"\"", &format!("\"{}\"", "x".repeat(bytes - empty.len())))
    };
    assert!(EventPayload::parse(event(PAYLOAD_BYTES_MAX).as_bytes()).is_ok());
    let error = EventPayload::parse(event(PAYLOAD_BYTES_MAX + 1).as_bytes()).unwrap_err();
    assert_eq!(error.to_string(), "the payload has 16385 bytes, more than 16384");
    for parse in EVERY {
        assert!(matches!(parse(&vec![b' '; 128 * 1024 + 1]), Err(WireError::TooLarge { .. })));
    }
}

#[test]
fn a_full_shadow_with_metadata_is_read() {
    let description = "x".repeat(200);
    let capability = |i| json!({"name": format!("c{i}"), "kind": "builtin", "description": description});
    let metadata = |_| json!({"name": {"timestamp": 1}, "kind": {"timestamp": 1}, "description": {"timestamp": 1}});
    let side = json!({
        "version": 1,
        "state": {"reported": {"software": "1", "capabilities": (0..30).map(capability).collect::<Vec<_>>()}},
        "metadata": {"reported": {"capabilities": (0..30).map(metadata).collect::<Vec<_>>()}},
    });
    assert!(side["state"].to_string().len() <= SHADOW_BYTES_MAX);
    let documents = json!({"previous": side, "current": side}).to_string();
    assert!(documents.len() > PAYLOAD_BYTES_MAX);
    assert!(PresenceDocuments::parse(documents.as_bytes()).is_ok());
}

#[test]
fn unknown_fields_are_let_through() {
    let newer = br#"{"v":1,"id":"a","at":"2026-11-22T09:39:11Z","kind":"suppressed","mood":"fine"}"#;
    assert_eq!(EventPayload::parse(newer).unwrap().id, "a");
}
