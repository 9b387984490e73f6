//! Every payload of the table has an example, a valid schema that the example fits, and code that reads or writes it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on says why")]

use marvain_topics::{
    CHANNELS,
    channel::{Party, Payload},
    render::schema::schema,
    wire::{
        Commands, ConfigDesired, EventPayload, Lifecycle, PresenceDocuments, PresenceState, ReportPayload,
        ShadowDocument, ShadowState, TelemetryPayload, WireError,
        provisioning::{CreateFromCsr, Created, Provision, Provisioned, Refused},
    },
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use std::{collections::BTreeMap, fs, path::Path};

fn example(payload: Payload) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/{}.json", payload.name()));
    serde_json::from_slice(&fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))).unwrap()
}

fn validator(payload: Payload) -> jsonschema::Validator {
    jsonschema::draft202012::meta::validate(&schema(payload)).unwrap_or_else(|e| panic!("{payload:?}: {e}"));
    jsonschema::draft202012::new(&schema(payload)).unwrap()
}

fn written(payload: impl Serialize) -> Value {
    serde_json::to_value(payload).unwrap()
}

/// What the hub makes of it, written again; null for what only the broker writes.
fn hub_reads(payload: Payload, bytes: &[u8]) -> Option<Result<Value, WireError>> {
    Some(match payload {
        Payload::Transcript | Payload::Observation | Payload::Suppressed => EventPayload::parse(bytes).map(written),
        Payload::Telemetry => TelemetryPayload::parse(bytes).map(written),
        Payload::Report => ReportPayload::parse(bytes).map(written),
        Payload::PresenceDocuments => PresenceDocuments::parse(bytes).map(|_| Value::Null),
        Payload::Lifecycle => Lifecycle::parse(bytes).map(|_| Value::Null),
        _ => return None,
    })
}

#[test]
fn every_example_fits_its_schema() {
    for payload in Payload::ALL {
        let (validator, example) = (validator(*payload), example(*payload));
        let errors: Vec<_> = validator.iter_errors(&example).map(|e| format!("{}: {e}", e.instance_path)).collect();
        assert!(errors.is_empty(), "{payload:?}: {errors:?}");
        assert!(example.to_string().len() <= payload.bytes_max());
    }
}

#[test]
fn what_the_hub_receives_is_read_and_written_back_unchanged() {
    for channel in CHANNELS.iter().filter(|channel| channel.party == Party::Hub) {
        let example = example(channel.payload);
        let read = hub_reads(channel.payload, example.to_string().as_bytes());
        match read.unwrap_or_else(|| panic!("nothing reads {:?}", channel.payload)).unwrap() {
            Value::Null => {}
            written => assert_eq!(written, example, "{:?}", channel.payload),
        }
    }
}

#[test]
fn schema_and_parser_ask_for_the_same_fields() {
    for payload in Payload::ALL {
        let (validator, example) = (validator(*payload), example(*payload));
        for name in example.as_object().unwrap().keys() {
            let mut without = example.clone();
            without.as_object_mut().unwrap().remove(name);
            let Some(read) = hub_reads(*payload, without.to_string().as_bytes()) else { continue };
            assert_eq!(validator.is_valid(&without), read.is_ok(), "{payload:?} without {name}: {read:?}");
        }
    }
}

fn read<T: DeserializeOwned>(payload: Payload) -> T {
    serde_json::from_value(example(payload)).unwrap_or_else(|e| panic!("{payload:?}: {e}"))
}

#[test]
fn the_satellite_reads_what_it_receives() {
    let commands: ShadowDocument<ShadowState<Commands>> = read(Payload::CommandsAccepted);
    let delta: ShadowDocument<Commands> = read(Payload::CommandsDelta);
    assert_eq!((commands.version, commands.state.desired.as_ref()), (delta.version, Some(&delta.state)));
    assert_eq!(delta.state.len(), 1);

    let config: ShadowDocument<ShadowState<ConfigDesired>> = read(Payload::ConfigAccepted);
    assert_eq!(config.state.desired, Some(ConfigDesired { privacy: false }));
    let delta: ShadowDocument<ConfigDesired> = read(Payload::ConfigDelta);
    assert!(delta.state.privacy);

    let presence: ShadowDocument<PresenceState> = read(Payload::PresenceAccepted);
    let reported = presence.state.reported.unwrap();
    assert_eq!(reported.capabilities.len(), 2);
    assert_eq!(json!({"state": {"reported": reported}}), example(Payload::PresenceUpdate));
}

#[test]
fn a_device_with_a_claim_writes_and_reads_fleet_provisioning() {
    let request = example(Payload::CreateFromCsr);
    let csr = request.get("certificateSigningRequest").unwrap().as_str().unwrap().to_owned();
    assert_eq!(serde_json::to_value(CreateFromCsr { certificate_signing_request: csr }).unwrap(), request);

    let created: Created = read(Payload::Created);
    let parameters = BTreeMap::from([
        (marvain_topics::table::PARAMETER_SERIAL.to_owned(), "den".to_owned()),
        (marvain_topics::table::PARAMETER_CODE.to_owned(), "7KQ2-M9XD".to_owned()),
    ]);
    let request = Provision { certificate_ownership_token: created.certificate_ownership_token, parameters };
    assert_eq!(serde_json::to_value(request).unwrap(), example(Payload::Provision));

    assert_eq!(read::<Provisioned>(Payload::Provisioned).thing_name, "den");
    assert_eq!(read::<Refused>(Payload::Refused).status_code, 403);
}
