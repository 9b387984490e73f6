//! Checkpoints: the size and root of the log, signed by the hub (C2SP tlog-checkpoint in a C2SP signed-note, Ed25519).
//!
//! It knows one log and its public key, and makes what is to be signed; who holds the private key, and where, is not known
//! here. Other signatures on a note, such as witnesses' cosignatures, are left alone.

use super::entry::SEQ_MAX;
use super::hash::Hash;
use super::layout::Key;
use super::origin::{Origin, OriginError};
use ed25519_dalek::VerifyingKey;
use signed_note::{Note, Signature, StandardVerifier, VerificationError, Verifier as _, Verifiers};

/// Bytes of an Ed25519 public key (RFC 8032 §5.1.5).
pub const PUBLIC_KEY_BYTES: usize = 32;
/// Bytes of an Ed25519 signature (RFC 8032 §5.1.6).
pub const SIGNATURE_BYTES: usize = 64;

/// A checkpoint with a valid signature: the only way to get one is to verify it.
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

/// Why there is no verifier.
#[derive(Debug, thiserror::Error)]
pub enum VerifierError {
    /// Not a verifier key.
    #[error("`{text}` is no verifier key, which looks like `marvain.local/hub+c74f20a3+ARpc2QcU…`")]
    Text {
        /// The text, cut to 120 characters.
        text: String,
        /// Why.
        source: signed_note::VerifierError,
    },
    /// A verifier key of a log that cannot be.
    #[error(transparent)]
    Origin(#[from] OriginError),
    /// Not a point of the curve.
    #[error("the log's public key is no Ed25519 key")]
    PublicKey(#[source] ed25519_dalek::SignatureError),
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

/// A checkpoint that waits for its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsigned {
    checkpoint: Checkpoint,
    text: Vec<u8>,
}

impl Unsigned {
    /// The key of its object.
    pub fn key(&self) -> String {
        Key::Checkpoint(self.checkpoint.size).to_string()
    }

    /// What is to be signed, by Ed25519 without a prefix or context. At most some hundred bytes.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// Whether `checkpoint` says the same.
    pub fn is(&self, checkpoint: &Checkpoint) -> bool {
        self.checkpoint == *checkpoint
    }
}

/// A log's name and public key: what its checkpoints are made for, and verify with.
#[derive(Clone)]
pub struct Verifier {
    text: String,
    origin: Origin,
    key: StandardVerifier,
}

impl Verifier {
    /// The verifier of the log `origin` with this public key.
    ///
    /// # Errors
    /// [`VerifierError::PublicKey`].
    pub fn new(origin: &Origin, public_key: &[u8; PUBLIC_KEY_BYTES]) -> Result<Self, VerifierError> {
        let key = VerifyingKey::from_bytes(public_key).map_err(VerifierError::PublicKey)?;
        Self::parse(&signed_note::new_ed25519_verifier_key(origin.as_str(), &key))
    }

    /// Reads a verifier key ("vkey"), `{origin}+{key id}+{base64}`; white space around it is ignored.
    ///
    /// # Errors
    /// [`VerifierError`].
    pub fn parse(text: &str) -> Result<Self, VerifierError> {
        let text = text.trim();
        let key = StandardVerifier::new(text)
            .map_err(|source| VerifierError::Text { text: text.chars().take(120).collect(), source })?;
        let origin = key.name().parse()?;
        Ok(Self { text: text.into(), origin, key })
    }

    /// The log's name.
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The verifier key as text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The checkpoint of the log at `size` entries with this root, to be signed.
    ///
    /// # Errors
    /// [`CheckpointError::Malformed`] if it cannot be written.
    pub fn unsigned(&self, size: u64, root: Hash) -> Result<Unsigned, CheckpointError> {
        let checkpoint = tlog_tiles::Checkpoint::new(self.origin.as_str(), size, root.into(), "");
        let text = checkpoint.map_err(|_| CheckpointError::Malformed)?.to_bytes();
        Ok(Unsigned { checkpoint: Checkpoint { size, root }, text })
    }

    /// The signed note of a checkpoint: the same bytes for the same signature.
    ///
    /// # Errors
    /// [`CheckpointError::Signature`] if it is not the signature of this log's key, so that none is published that does not
    /// verify.
    pub fn signed(&self, unsigned: &Unsigned, signature: &[u8; SIGNATURE_BYTES]) -> Result<Vec<u8>, CheckpointError> {
        let signature = Signature::new(self.key.name().to_owned(), self.key.key_id(), signature.to_vec());
        let signature = signature.map_err(CheckpointError::Signature)?;
        let note = Note::new(&unsigned.text, &[signature]).map_err(CheckpointError::Signature)?;
        note.verify(self).map_err(CheckpointError::Signature)?;
        Ok(note.to_bytes())
    }

    /// The checkpoint in `note`, if the log's key signed it.
    ///
    /// # Errors
    /// [`CheckpointError`].
    pub fn verify(&self, note: &[u8]) -> Result<Checkpoint, CheckpointError> {
        let note = Note::from_bytes(note).map_err(CheckpointError::Signature)?;
        note.verify(self).map_err(CheckpointError::Signature)?;
        let parsed = tlog_tiles::Checkpoint::from_bytes(note.text()).map_err(|_| CheckpointError::Malformed)?;
        if parsed.origin() != self.origin.as_str() {
            let (found, expected) = (parsed.origin().to_owned(), self.origin.to_string());
            return Err(CheckpointError::Origin { found, expected });
        }
        if parsed.size() > SEQ_MAX {
            return Err(CheckpointError::Malformed);
        }
        Ok(Checkpoint { size: parsed.size(), root: (*parsed.hash()).into() })
    }
}

impl Verifiers for Verifier {
    fn verifier(&self, name: &str, id: u32) -> Result<&dyn signed_note::Verifier, VerificationError> {
        if name == self.key.name() && id == self.key.key_id() {
            Ok(&self.key)
        } else {
            Err(VerificationError::UnknownKey { name: name.to_owned(), id })
        }
    }
}
