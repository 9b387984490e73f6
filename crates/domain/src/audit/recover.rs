//! Going on after a restart: the tail of a log from its objects.
//!
//! It reads the right edge alone and checks it against the checkpoint; whether the rest is sound, [`super::verify`] says.

use super::append::{Tail, TailError, open_tiles};
use super::checkpoint::{Checkpoint, CheckpointError, Verifier};
use super::hash::Hash;
use super::layout::{Content, Key, Tile};
use super::store::{ReadError, ReadObject, read_tile};

/// Why a log cannot be continued.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// The vault failed.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// An object is not there.
    #[error("the audit log cannot be continued: `{0}` is missing; run `marvain audit verify`")]
    Missing(String),
    /// A tile does not hold hashes.
    #[error("the audit log cannot be continued: `{0}` is malformed; run `marvain audit verify`")]
    Malformed(String),
    /// A checkpoint does not verify.
    #[error("the audit log cannot be continued: `{key}` does not verify; run `marvain audit verify`")]
    Checkpoint {
        /// The checkpoint's key.
        key: String,
        /// Why.
        source: CheckpointError,
    },
    /// The open tiles contradict each other.
    #[error("the audit log cannot be continued; run `marvain audit verify`")]
    Tail(#[from] TailError),
    /// The open tiles are not what was signed.
    #[error(
        "the audit log cannot be continued: its tiles are not what the checkpoint at size {0} signed; run `marvain audit verify`"
    )]
    Root(u64),
}

/// The checkpoint published at `size`.
///
/// # Errors
/// [`RecoverError`] if there is none, or it does not verify.
pub fn checkpoint_at(read: &dyn ReadObject, verifier: &Verifier, size: u64) -> Result<Checkpoint, RecoverError> {
    let key = Key::Checkpoint(size).to_string();
    let note = read.read(&key)?.ok_or_else(|| RecoverError::Missing(key.clone()))?;
    match verifier.verify(&note) {
        Ok(checkpoint) if checkpoint.size() == size => Ok(checkpoint),
        Ok(_) => Err(RecoverError::Malformed(key)),
        Err(source) => Err(RecoverError::Checkpoint { key, source }),
    }
}

/// The tail of the log at `checkpoint`, from which appending goes on.
///
/// # Errors
/// [`RecoverError`] if the right edge of the log is not there or not what was signed.
pub fn tail_from(read: &dyn ReadObject, checkpoint: &Checkpoint) -> Result<Tail, RecoverError> {
    let size = checkpoint.size();
    let hashes = |tile: Tile| {
        let bytes = required(read, tile)?;
        Hash::list(&bytes).ok_or_else(|| RecoverError::Malformed(Key::Tile(tile).to_string()))
    };
    let mut open = Vec::new();
    for tile in open_tiles(size) {
        open.push(tile.map_or(Ok(Vec::new()), hashes)?);
    }
    let bundle = match Tile::at(Content::Entries, size / super::layout::TILE_WIDTH, size) {
        Some(tile) => required(read, tile)?,
        None => Vec::new(),
    };
    let last_tile =
        Tile::bundle(size.saturating_sub(1), size).map(|t| Tile { content: Content::Hashes { level: 0 }, ..t });
    let last = match last_tile {
        Some(tile) => hashes(tile)?.last().copied().unwrap_or(Hash::ZERO),
        None => Hash::ZERO,
    };
    let tail = Tail::new(size, open, last, bundle)?;
    if tail.root() == checkpoint.root() { Ok(tail) } else { Err(RecoverError::Root(size)) }
}

fn required(read: &dyn ReadObject, tile: Tile) -> Result<Vec<u8>, RecoverError> {
    match read_tile(read, tile)? {
        Some((_, bytes)) => Ok(bytes),
        None => Err(RecoverError::Missing(Key::Tile(tile).to_string())),
    }
}
