//! The suite of the port [`Signer`].

use super::Storage;
use crate::port::{SIGNED_BYTES_MAX, Signer, SignerError};
use futures_util::future::join_all;
use marvain_domain::audit::{Hash, Origin, Verifier};

/// Runs the suite; `fresh` makes storage for one scenario, with a key of its own.
///
/// # Panics
/// At the first thing that is not as the port's documentation has it.
pub async fn signer<S>(fresh: impl AsyncFn() -> S)
where
    S: Storage<Adapter: Signer>,
{
    checkpoints_verify(&fresh().await.open().await).await;
    the_key_stays(&fresh().await, &fresh().await).await;
    texts_are_bounded(&fresh().await.open().await).await;
}

fn origin() -> Origin {
    "marvain.test/signer".parse().unwrap()
}

async fn verifier(signer: &impl Signer) -> Verifier {
    Verifier::new(&origin(), &signer.public_key().await.unwrap()).unwrap()
}

/// The note of a checkpoint, which [`Verifier::signed`] makes of nothing but a signature that verifies.
async fn note(signer: &impl Signer, verifier: &Verifier, size: u64) -> Vec<u8> {
    let unsigned = verifier.unsigned(size, Hash::of_leaf(&size.to_be_bytes())).unwrap();
    verifier.signed(&unsigned, &signer.sign(unsigned.text()).await.unwrap()).unwrap()
}

async fn checkpoints_verify(signer: &impl Signer) {
    let verifier = verifier(signer).await;
    let sizes = [1, 255, 256, 1_000_000];
    let notes = join_all(sizes.map(|size| note(signer, &verifier, size))).await;
    for (size, note) in sizes.iter().zip(&notes) {
        assert_eq!(verifier.verify(note).unwrap().size(), *size);
    }
    // Once more: other bytes perhaps, good all the same.
    let again = note(signer, &verifier, sizes[0]).await;
    assert_eq!(verifier.verify(&again).unwrap(), verifier.verify(&notes[0]).unwrap());
}

async fn the_key_stays<S: Storage<Adapter: Signer>>(storage: &S, other: &S) {
    let signer = storage.open().await;
    let before = verifier(&signer).await;
    let signed = note(&signer, &before, 7).await;
    drop(signer);

    let signer = storage.open().await;
    let after = verifier(&signer).await;
    assert_eq!(after.as_str(), before.as_str());
    assert_eq!(after.verify(&signed).unwrap().size(), 7);
    assert_eq!(before.verify(&note(&signer, &after, 8).await).unwrap().size(), 8);
    let stranger = verifier(&other.open().await).await;
    assert!(stranger.verify(&signed).is_err(), "two logs do not share a key");
}

async fn texts_are_bounded(signer: &impl Signer) {
    signer.sign(&vec![b'a'; SIGNED_BYTES_MAX]).await.unwrap();
    match signer.sign(&vec![b'a'; SIGNED_BYTES_MAX + 1]).await {
        Err(SignerError::Long(bytes)) => assert_eq!(bytes, SIGNED_BYTES_MAX + 1),
        result => panic!("a longer text must be refused, not {result:?}"),
    }
}
