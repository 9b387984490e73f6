//! Proofs that a person can keep: that an entry is in the log.
//!
//! They are made from a log's tiles; checking one needs the proof and the verifier key, and no log.

use super::bundle;
use super::checkpoint::{CheckpointError, Verifier};
use super::entry::{Entry, EntryError};
use super::hash::{HASH_BYTES, Hash};
use super::layout::{Content, Key, TILE_HEIGHT, Tile};
use super::recover::{RecoverError, checkpoint_at};
use super::store::{ReadError, ReadObject, read_tile};
use serde::{Deserialize, Serialize};
use std::cell::RefCell;

/// That an entry is in the log (RFC 6962 §2.1.1).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InclusionProof {
    /// The entry.
    pub entry: Entry,
    /// The audit path, from the entry's sibling up.
    pub path: Vec<Hash>,
    /// The signed checkpoint it is proved against.
    pub checkpoint: String,
}

/// Why a log gives no proof.
#[derive(Debug, thiserror::Error)]
pub enum ProveError {
    /// A checkpoint, or the vault, failed.
    #[error("the audit log gives no proof")]
    Log(#[from] RecoverError),
    /// The vault failed.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The entry is not in the log at that size.
    #[error("entry {seq} is not in the log of {size} entries")]
    Seq {
        /// The entry's sequence number.
        seq: u64,
        /// The log's size in entries.
        size: u64,
    },
    /// The entry's bundle is damaged.
    #[error("entry {0} cannot be read from its bundle; run `marvain audit verify`")]
    Entry(u64, #[source] Option<EntryError>),
    /// The tiles are missing, cut short or not what the checkpoint signed.
    #[error("the log's tiles do not prove it; run `marvain audit verify`")]
    Tiles(#[source] tlog_tiles::Error),
    /// The tiles gave a path that does not hold.
    #[error("the log's tiles do not prove it; run `marvain audit verify`")]
    Unsound(#[source] ProofError),
}

/// Why a proof does not hold.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// A checkpoint does not verify.
    #[error("the proof's checkpoint does not verify")]
    Checkpoint(#[from] CheckpointError),
    /// The entry has no canonical form.
    #[error("the proof's entry is malformed")]
    Entry(#[from] EntryError),
    /// The path does not lead from the one to the other.
    #[error("the proof does not hold")]
    Path(#[from] tlog_tiles::Error),
}

impl InclusionProof {
    /// Proves that entry `seq` is in the log as published at `size`.
    ///
    /// # Errors
    /// [`ProveError`] if there is no such entry or published size, or the log is damaged there.
    pub fn of(read: &dyn ReadObject, verifier: &Verifier, seq: u64, size: u64) -> Result<Self, ProveError> {
        let tile = Tile::bundle(seq, size).ok_or(ProveError::Seq { seq, size })?;
        let root = checkpoint_at(read, verifier, size)?.root();
        let missing = || RecoverError::Missing(Key::Tile(tile).to_string());
        let (_, bytes) = read_tile(read, tile)?.ok_or_else(missing)?;
        let within = usize::try_from(seq % super::layout::TILE_WIDTH).unwrap_or(usize::MAX);
        let decoded = bundle::decode(&bytes);
        let entry = decoded.entries.get(within).ok_or(ProveError::Entry(seq, None))?;
        let entry = Entry::parse(entry).map_err(|source| ProveError::Entry(seq, Some(source)))?;
        let path = with_tiles(read, size, root, |hashes| tlog_tiles::prove_record(size, seq, hashes))?;
        let proof = Self { entry, path, checkpoint: note(read, size)? };
        proof.check(verifier).map_err(ProveError::Unsound)?;
        Ok(proof)
    }

    /// Checks the proof: the log of this verifier key holds this entry.
    ///
    /// # Errors
    /// [`ProofError`] if it does not hold.
    pub fn check(&self, verifier: &Verifier) -> Result<(), ProofError> {
        let checkpoint = verifier.verify(self.checkpoint.as_bytes())?;
        let leaf = Hash::of_leaf(&self.entry.to_canonical()?);
        let (size, root) = (checkpoint.size(), checkpoint.root().into());
        Ok(tlog_tiles::check_record(&path_of(&self.path), size, root, self.entry.seq, leaf.into())?)
    }
}

fn path_of(path: &[Hash]) -> Vec<tlog_tiles::Hash> {
    path.iter().copied().map(Into::into).collect()
}

fn note(read: &dyn ReadObject, size: u64) -> Result<String, ProveError> {
    let key = Key::Checkpoint(size).to_string();
    let bytes = read.read(&key)?.ok_or_else(|| RecoverError::Missing(key.clone()))?;
    Ok(String::from_utf8(bytes).map_err(|_| RecoverError::Malformed(key))?)
}

/// The log's tiles as `tlog_tiles` reads them. It does not check every tile against the root when several subtrees share
/// one, so a finished proof is checked before it is given out.
struct Tiles<'a> {
    read: &'a dyn ReadObject,
    /// `tlog_tiles` has no error of the reader's own to pass on.
    failed: RefCell<Option<ReadError>>,
}

fn with_tiles(
    read: &dyn ReadObject,
    size: u64,
    root: Hash,
    prove: impl FnOnce(&tlog_tiles::TileHashReader<'_>) -> Result<Vec<tlog_tiles::Hash>, tlog_tiles::Error>,
) -> Result<Vec<Hash>, ProveError> {
    let tiles = Tiles { read, failed: RefCell::new(None) };
    let path = prove(&tlog_tiles::TileHashReader::new(size, root.into(), &tiles));
    match (path, tiles.failed.into_inner()) {
        (_, Some(failed)) => Err(failed.into()),
        (Err(e), None) => Err(ProveError::Tiles(e)),
        (Ok(path), None) => Ok(path.into_iter().map(Into::into).collect()),
    }
}

impl tlog_tiles::TileReader for Tiles<'_> {
    fn height(&self) -> u8 {
        TILE_HEIGHT
    }

    fn read_tiles(&self, tiles: &[tlog_tiles::Tile]) -> Result<Vec<Vec<u8>>, tlog_tiles::Error> {
        let one = |tile: &tlog_tiles::Tile| {
            let width = u16::try_from(tile.width()).map_err(|_| tlog_tiles::Error::InvalidTile)?;
            let tile = Tile { content: Content::Hashes { level: tile.level() }, index: tile.level_index(), width };
            let found = read_tile(self.read, tile).unwrap_or_else(|e| {
                self.failed.replace(Some(e));
                None
            });
            let bytes = found.map(|(_, bytes)| bytes).unwrap_or_default();
            let whole = bytes.len() == usize::from(width) * HASH_BYTES;
            if whole { Ok(bytes) } else { Err(tlog_tiles::Error::InvalidTile) }
        };
        tiles.iter().map(one).collect()
    }

    fn save_tiles(&self, _: &[tlog_tiles::Tile], _: &[Vec<u8>]) {}
}
