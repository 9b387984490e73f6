//! Whatever byte of whatever object is changed is found.

use super::*;
use proptest::prelude::*;
use std::sync::LazyLock;

static LOG: LazyLock<Log> = LazyLock::new(|| Log::of(&[1, 3, 255, 257, 300]));

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn a_flip_of_any_byte_is_found(object: prop::sample::Index, byte: prop::sample::Index, mask in 1_u8..) {
        let mut vault = LOG.vault.clone();
        let key = object.get(&vault.0.keys().cloned().collect::<Vec<_>>()).clone();
        let bytes = vault.0.get_mut(&key).unwrap();
        let at = byte.index(bytes.len());
        bytes[at] ^= mask;
        let report = check(&vault, &[]);
        prop_assert!(!report.is_intact(), "{} byte {}", key, at);
        prop_assert!(report.findings.iter().any(|f| f.object.as_ref() == Some(&key)), "{} byte {}: {:?}", key, at, report.findings);
    }

    #[test]
    fn noise_for_any_object_is_found_and_ends_nothing(object: prop::sample::Index, noise: Vec<u8>) {
        let mut vault = LOG.vault.clone();
        let key = object.get(&vault.0.keys().cloned().collect::<Vec<_>>()).clone();
        vault.0.insert(key, noise);
        prop_assert!(!check(&vault, &[]).is_intact());
    }
}
