//! Entries, drafts, keys and checkpoints: one spelling each, everything else refused.

use super::super::checkpoint::{CheckpointError, VerifierError};
use super::super::entry::{ENTRY_BYTES_MAX, Entry, EntryError};
use super::super::{Origin, bundle, draft::DraftError};
use super::*;
use crate::{AuditDraft, Principal};
use proptest::prelude::*;
use serde_json::{Value, json};

fn with_data(data: Value) -> Result<Draft, DraftError> {
    Draft::new(Timestamp::EPOCH, "system", Vec::new(), "test.done", data)
}

#[test]
fn only_the_canonical_form_is_an_entry() {
    let text = String::from_utf8(draft(1).at(1, Hash::ZERO).to_canonical().unwrap()).unwrap();
    let parse = |text: &str| Entry::parse(text.as_bytes());
    assert!(parse(&text).is_ok());
    assert!(matches!(parse(&text.replacen(':', ": ", 1)), Err(EntryError::NotCanonical)));
    assert!(matches!(parse(&text.replace(".251Z", ".2510Z")), Err(EntryError::NotCanonical)));
    assert!(matches!(parse(&text.replace("ü", "\\u00fc")), Err(EntryError::NotCanonical)));
    assert!(matches!(parse(&text.replacen(r#""n":1"#, r#""n":1.0"#, 1)), Err(EntryError::NotCanonical)));
    assert!(matches!(parse(&text.replace(r#""v":1"#, r#""v":2"#)), Err(EntryError::Version(2))));
    assert!(matches!(parse(&text.replace(r#""v":1"#, r#""v":1,"w":1"#)), Err(EntryError::Json(_))));
    assert!(matches!(parse(&text.replace(r#""v":1"#, r#""v":1,"v":1"#)), Err(EntryError::Json(_))));
    assert!(matches!(parse(&text.replace(r#","v":1"#, "")), Err(EntryError::Json(_))));
    assert!(matches!(parse(&text.replace("000\"", "00\"")), Err(EntryError::Json(_))));
    assert!(matches!(Entry::parse(&vec![b' '; ENTRY_BYTES_MAX + 1]), Err(EntryError::Long(_))));
}

#[test]
fn a_draft_fits_into_the_log_at_any_place_or_is_refused() {
    let long = |bytes: usize| with_data(Value::String("x".repeat(bytes)));
    let room = (1..ENTRY_BYTES_MAX).rev().find(|bytes| long(*bytes).is_ok()).unwrap();
    assert!(matches!(long(room + 1), Err(DraftError::Long { bytes }) if bytes == ENTRY_BYTES_MAX + 1));
    let last = long(room).unwrap().at(super::super::entry::SEQ_MAX, Hash::ZERO).to_canonical().unwrap();
    assert_eq!(last.len(), ENTRY_BYTES_MAX);

    let nested = |levels: usize| (0..levels).fold(json!(1), |inner, _| json!([inner]));
    assert!(with_data(nested(32)).is_ok());
    assert_eq!(with_data(nested(33)), Err(DraftError::Deep));
    assert!(with_data(json!({ "n": [-9_007_199_254_740_991_i64, 9_007_199_254_740_991_u64, 1e300] })).is_ok());
    assert!(matches!(with_data(json!([9_007_199_254_740_993_u64])), Err(DraftError::Inexact(_))));
    assert!(matches!(with_data(json!(u64::MAX)), Err(DraftError::Inexact(_))));
    assert!(matches!(with_data(json!(i64::MIN)), Err(DraftError::Inexact(_))));
    assert!(Draft::new(Timestamp::EPOCH, "", Vec::new(), "x", Value::Null).is_err());
    assert!(Draft::new(Timestamp::EPOCH, "system", Vec::new(), "", Value::Null).is_err());
    let json = serde_json::to_string(&draft(3)).unwrap();
    assert_eq!(serde_json::from_str::<Draft>(&json).unwrap(), draft(3));
    assert!(serde_json::from_str::<Draft>(&json.replace("satellite:kitchen", "")).is_err());
}

#[test]
fn what_a_decision_wants_recorded_becomes_a_draft() {
    let anna: Principal = "person:anna".parse().unwrap();
    let kitchen: Principal = "satellite:kitchen".parse().unwrap();
    let decided = AuditDraft {
        at: Timestamp::from_ms(5),
        actor: kitchen,
        on_behalf_of: vec![anna],
        kind: "action.proposed".into(),
        data: json!({ "id": "act_1" }),
    };
    let entry = Draft::try_from(decided).unwrap().at(9, Hash::ZERO);
    assert_eq!((entry.actor.as_str(), entry.on_behalf_of), ("satellite:kitchen", vec!["person:anna".to_owned()]));
    assert_eq!((entry.seq, entry.time, entry.kind.as_str()), (9, Timestamp::from_ms(5), "action.proposed"));
}

#[test]
fn a_checkpoint_is_of_one_log_and_one_key() {
    let note = sign(7, 3, Hash::ZERO);
    let checkpoint = verifier().verify(&note).unwrap();
    assert_eq!((checkpoint.size(), checkpoint.root()), (3, Hash::ZERO));
    assert!(verifier().unsigned(3, Hash::ZERO).unwrap().is(&checkpoint));
    assert!(!verifier().unsigned(4, Hash::ZERO).unwrap().is(&checkpoint));
    for stranger in [verifier_of(ORIGIN, 8), verifier_of("marvain.local/other", 7)] {
        assert!(stranger.verify(&note).is_err());
    }
    assert!(verifier().verify(&sign(7, 1 << 53, Hash::ZERO)).is_err());
    for bad in ["", "a b", "a+b", "a\nb", "a\u{1}b", &"a".repeat(256)] {
        assert!(bad.parse::<Origin>().is_err(), "{bad:?}");
    }
    for bad in ["", "x", "a+b+c", &verifier().as_str().replace("marvain", "Marvain")] {
        assert!(Verifier::parse(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn a_signature_that_does_not_verify_makes_no_note() {
    let unsigned = verifier().unsigned(3, Hash::ZERO).unwrap();
    let right = LogKey::from_seed(&[7; 32]).sign(unsigned.text());
    assert_eq!(verifier().signed(&unsigned, &right).unwrap(), sign(7, 3, Hash::ZERO));
    let stranger = LogKey::from_seed(&[8; 32]).sign(unsigned.text());
    let of_another = LogKey::from_seed(&[7; 32]).sign(verifier().unsigned(4, Hash::ZERO).unwrap().text());
    for wrong in [stranger, of_another, [0; 64]] {
        assert!(matches!(verifier().signed(&unsigned, &wrong), Err(CheckpointError::Signature(_))));
    }
    // The second coordinate of no point of the curve (RFC 8032 §5.1.3).
    let mut no_point = [0; 32];
    no_point[0] = 2;
    assert!(matches!(Verifier::new(verifier().origin(), &no_point), Err(VerifierError::PublicKey(_))));
}

#[test]
fn a_bundle_is_taken_apart_as_far_as_it_goes() {
    let mut bytes = Vec::new();
    assert!(bundle::push(&mut bytes, b"one") && bundle::push(&mut bytes, b"") && bundle::push(&mut bytes, b"two"));
    assert_eq!(bytes, b"\0\x03one\0\0\0\x03two");
    assert!(!bundle::push(&mut bytes, &vec![0; 65_536]));
    let decoded = bundle::decode(&bytes[..bytes.len() - 1]);
    assert_eq!((decoded.entries, decoded.rest), (vec![&b"one"[..], b""], &b"\0\x03tw"[..]));
}

proptest! {
    #[test]
    fn keys_read_back(level in 0..8_u8, index: u64, width in 1..=256_u16, size: u64, noise in "[a-z0-9/.x]{0,30}") {
        use super::super::layout::Content;
        let content = if level == 7 { Content::Entries } else { Content::Hashes { level } };
        for key in [Key::Tile(Tile { content, index, width }), Key::Checkpoint(size), Key::Verifier] {
            prop_assert_eq!(key.to_string().parse(), Ok(key));
        }
        for text in [format!("tile/{noise}"), format!("tile/0/{noise}"), format!("checkpoint/{noise}"), noise] {
            if let Ok(key) = text.parse::<Key>() {
                prop_assert_eq!(key.to_string(), text);
            }
        }
    }

    #[test]
    fn entries_with_any_number_read_back(float: f64, integer in -9_007_199_254_740_991_i64..9_007_199_254_740_992) {
        let entry = with_data(json!({ "f": float, "i": integer })).unwrap().at(0, Hash::ZERO);
        let bytes = entry.to_canonical().unwrap();
        prop_assert_eq!(Entry::parse(&bytes).unwrap(), entry);
    }
}
