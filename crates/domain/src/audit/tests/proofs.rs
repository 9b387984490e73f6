//! Proofs hold without the log, and hold for nothing but what they were made for.

use super::super::proof::{InclusionProof, ProveError};
use super::*;

const SIZES: [u64; 6] = [1, 2, 200, 256, 257, 600];

#[test]
fn every_entry_is_proved_at_every_published_size_and_nothing_else_is() {
    let log = Log::of(&SIZES);
    for size in SIZES {
        for seq in [0, 1, 100, 199, 255, 256, 511, 599].into_iter().filter(|seq| *seq < size) {
            let proof = InclusionProof::of(&log.vault, &verifier(), seq, size).unwrap();
            let kept = serde_json::to_string_pretty(&proof).unwrap();
            let proof: InclusionProof = serde_json::from_str(&kept).unwrap();
            proof.check(&verifier()).unwrap();
            let mut edited = proof.clone();
            edited.entry.kind = "event.forged".into();
            assert!(edited.check(&verifier()).is_err());
            let mut moved = proof.clone();
            moved.entry.seq = size;
            assert!(moved.check(&verifier()).is_err());
            let mut short = proof.clone();
            assert_eq!(short.path.pop().is_none(), size == 1);
            assert_eq!(short.check(&verifier()).is_ok(), size == 1);
        }
    }
    let of = |seq, size| InclusionProof::of(&log.vault, &verifier(), seq, size);
    assert!(matches!(of(600, 600), Err(ProveError::Seq { seq: 600, size: 600 })));
    assert!(matches!(of(5, 300), Err(ProveError::Log(_))));
}

#[test]
fn a_damaged_tile_gives_no_proof() {
    let log = Log::of(&SIZES);
    for tile in ["tile/0/000", "tile/1/000.p/2", "tile/0/002.p/88"] {
        let mut damaged = log.vault.clone();
        damaged.0.get_mut(tile).unwrap()[40] ^= 1;
        let proof = InclusionProof::of(&damaged, &verifier(), 3, 600);
        assert!(matches!(proof, Err(ProveError::Tiles(_) | ProveError::Unsound(_))), "{tile}");
        damaged.0.remove(tile);
        assert!(InclusionProof::of(&damaged, &verifier(), 3, 600).is_err(), "{tile}");
    }
}

#[test]
fn a_vault_that_fails_is_told_from_a_damaged_log() {
    struct Failing(Memory);
    impl ReadObject for Failing {
        fn read(&self, key: &str) -> Result<Option<Vec<u8>>, ReadError> {
            if key.starts_with("tile/0") {
                return Err(ReadError { what: key.into(), source: "the disk is gone".into() });
            }
            self.0.read(key)
        }
        fn list(&self, prefix: &str, visit: &mut dyn FnMut(&str)) -> Result<(), ReadError> {
            self.0.list(prefix, visit)
        }
    }
    let failing = Failing(Log::of(&SIZES).vault);
    assert!(matches!(InclusionProof::of(&failing, &verifier(), 3, 600), Err(ProveError::Read(_))));
    assert!(verify(&failing, &verifier(), &[], &mut |_, _| {}).is_err());
}
