//! Reading the log's objects from wherever they are kept.
//!
//! The module does not know whether what it reads is genuine.

use super::layout::{Content, Key, TILE_WIDTH, Tile};
use super::{bundle, hash::HASH_BYTES};

/// An object or listing could not be read, which is not the same as its being absent.
#[derive(Debug, thiserror::Error)]
#[error("cannot read `{what}` from the audit vault")]
pub struct ReadError {
    /// The key or prefix.
    pub what: String,
    /// Why.
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// A source of objects: the files of a vault, a copy of them, a map in memory.
pub trait ReadObject {
    /// The object's bytes, `None` if there is no such object. Refuse what is larger than [`OBJECT_BYTES_MAX`].
    ///
    /// # Errors
    /// [`ReadError`] if there is one, or may be one, that cannot be read.
    fn read(&self, key: &str) -> Result<Option<Vec<u8>>, ReadError>;

    /// Calls `visit` with the key of every object that begins with `prefix`, each once, in any order. It may read objects meanwhile.
    ///
    /// # Errors
    /// [`ReadError`] if the listing is not complete.
    fn list(&self, prefix: &str, visit: &mut dyn FnMut(&str)) -> Result<(), ReadError>;
}

/// Largest object in bytes: a full bundle of entries of 65,535 bytes with their lengths.
pub const OBJECT_BYTES_MAX: usize = TILE_WIDTH as usize * (2 + u16::MAX as usize);

/// A tile's bytes and the key they were found under. Where a partial tile is absent, the full tile at its place is read
/// and cut (C2SP tlog-tiles, "Partial Tiles").
///
/// # Errors
/// [`ReadError`] of `read`.
pub fn read_tile(read: &dyn ReadObject, tile: Tile) -> Result<Option<(String, Vec<u8>)>, ReadError> {
    let key = Key::Tile(tile).to_string();
    if let Some(bytes) = read.read(&key)? {
        return Ok(Some((key, bytes)));
    }
    if tile == tile.full() {
        return Ok(None);
    }
    let key = Key::Tile(tile.full()).to_string();
    Ok(read.read(&key)?.map(|mut bytes| {
        bytes.truncate(bytes_of_first(&bytes, tile));
        (key, bytes)
    }))
}

/// How many bytes of a wider tile's `bytes` are `tile`'s items.
pub(super) fn bytes_of_first(bytes: &[u8], tile: Tile) -> usize {
    let width = usize::from(tile.width);
    match tile.content {
        Content::Hashes { .. } => width * HASH_BYTES,
        Content::Entries => bundle::decode(bytes).entries.iter().take(width).map(|entry| 2 + entry.len()).sum(),
    }
}
