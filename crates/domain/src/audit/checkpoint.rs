//! Checkpoints: the size and root of the log, signed by the hub (C2SP tlog-checkpoint in a C2SP signed-note, Ed25519).
//!
//! It knows one log and one key. Other signatures on a note, such as witnesses' cosignatures, are left alone.

use super::entry::SEQ_MAX;
use super::hash::Hash;
use ed25519_dalek::{Signer as _, SigningKey};
use signed_note::{Note, StandardVerifier, VerifierList};

/// Signature type of Ed25519 in a note's key (C2SP signed-note, "Signatures").
const ALG_ED25519: u8 = 1;

/// A checkpoint with a valid signature: the only way to get one is to sign or to verify it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    size: u64,
    root: Hash,
}

/// Why there is no checkpoint.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The text is no signed note, or has no valid signature of the log's key.
    #[error("the checkpoint is not signed by the log's key")]
    Signature(#[source] signed_note::NoteError),
    /// Signed, but not a checkpoint.
    #[error("the signed text is no checkpoint of at most {SEQ_MAX} entries")]
    Malformed,
    /// The checkpoint of another log.
    #[error("the checkpoint is of the log `{found}`, expected `{expected}`")]
    Origin {
        /// The log it is of.
        found: String,
        /// The log of the key.
        expected: String,
    },
}

/// Why a text is no key.
#[derive(Debug, thiserror::Error)]
pub enum LogKeyError {
    /// The origin cannot be a key name.
    #[error("`{0}` is no origin of a log: it must not be empty or contain `+`, spaces or control characters")]
    Origin(String),
    /// Not a verifier key.
    #[error("`{text}` is no verifier key, which looks like `marvain.local/hub+c74f20a3+ARpc2QcU…`")]
    Verifier {
        /// The text, cut to 120 characters.
        text: String,
        /// Why.
        source: signed_note::VerifierError,
    },
}

impl Checkpoint {
    /// How many entries the log had.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The root of the tree over them.
    pub const fn root(&self) -> Hash {
        self.root
    }
}

/// The key that signs a log's checkpoints, under the log's name.
pub struct LogKey {
    origin: String,
    key: SigningKey,
}

impl LogKey {
    /// The key of the log `origin` (`marvain.local/{hub id}`) from the 32 bytes of an Ed25519 seed (RFC 8032 §5.1.5).
    ///
    /// # Errors
    /// [`LogKeyError::Origin`].
    pub fn new(origin: &str, seed: &[u8; 32]) -> Result<Self, LogKeyError> {
        if !signed_note::is_key_name_valid(origin) || origin.chars().any(char::is_control) {
            return Err(LogKeyError::Origin(origin.into()));
        }
        Ok(Self { origin: origin.into(), key: SigningKey::from_bytes(seed) })
    }

    /// What others verify with: the verifier key ("vkey"), `{origin}+{key id}+{base64}`.
    pub fn verifier_key(&self) -> String {
        signed_note::new_ed25519_verifier_key(&self.origin, &self.key.verifying_key())
    }

    /// The signed note of the log at `size` entries with this root. The same arguments give the same bytes.
    ///
    /// # Errors
    /// [`CheckpointError::Signature`] if the note cannot be made.
    pub fn sign(&self, size: u64, root: Hash) -> Result<Vec<u8>, CheckpointError> {
        let checkpoint = tlog_tiles::Checkpoint::new(&self.origin, size, root.into(), "");
        let text = checkpoint.map_err(|_| CheckpointError::Malformed)?.to_bytes();
        let mut note = Note::new(&text, &[]).map_err(CheckpointError::Signature)?;
        note.add_sigs(&[self]).map_err(CheckpointError::Signature)?;
        Ok(note.to_bytes())
    }
}

impl signed_note::Signer for LogKey {
    fn name(&self) -> &str {
        &self.origin
    }

    fn key_id(&self) -> u32 {
        let mut key = vec![ALG_ED25519];
        key.extend_from_slice(self.key.verifying_key().as_bytes());
        signed_note::key_id(&self.origin, &key)
    }

    fn sign(&self, text: &[u8]) -> Result<Vec<u8>, ed25519_dalek::SignatureError> {
        Ok(self.key.try_sign(text)?.to_vec())
    }
}

/// The public half of a [`LogKey`].
pub struct Verifier {
    text: String,
    origin: String,
    known: VerifierList,
}

impl Verifier {
    /// Reads a verifier key; white space around it is ignored.
    ///
    /// # Errors
    /// [`LogKeyError::Verifier`].
    pub fn parse(text: &str) -> Result<Self, LogKeyError> {
        let text = text.trim();
        let verifier = StandardVerifier::new(text)
            .map_err(|source| LogKeyError::Verifier { text: text.chars().take(120).collect(), source })?;
        let origin = signed_note::Verifier::name(&verifier).to_owned();
        Ok(Self { text: text.into(), origin, known: VerifierList::new(vec![Box::new(verifier)]) })
    }

    /// The log's name.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The verifier key as text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The checkpoint in `note`, if the log's key signed it.
    ///
    /// # Errors
    /// [`CheckpointError`].
    pub fn verify(&self, note: &[u8]) -> Result<Checkpoint, CheckpointError> {
        let note = Note::from_bytes(note).map_err(CheckpointError::Signature)?;
        note.verify(&self.known).map_err(CheckpointError::Signature)?;
        let parsed = tlog_tiles::Checkpoint::from_bytes(note.text()).map_err(|_| CheckpointError::Malformed)?;
        if parsed.origin() != self.origin {
            let (found, expected) = (parsed.origin().to_owned(), self.origin.clone());
            return Err(CheckpointError::Origin { found, expected });
        }
        if parsed.size() > SEQ_MAX {
            return Err(CheckpointError::Malformed);
        }
        Ok(Checkpoint { size: parsed.size(), root: (*parsed.hash()).into() })
    }
}
