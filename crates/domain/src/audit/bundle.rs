//! Entry bundles: each entry after its length in two bytes, big-endian (C2SP tlog-tiles, "Log Entries").
//!
//! The module does not know what an entry says.

use super::layout::TILE_WIDTH;

/// Most entries read from one bundle: twice what belongs there, so that insertions can still be told apart.
pub const BUNDLE_ENTRIES_MAX: usize = 2 * TILE_WIDTH as usize;

/// Adds `entry` to a bundle; `false`, and nothing added, if it is longer than 65,535 bytes.
pub fn push(bundle: &mut Vec<u8>, entry: &[u8]) -> bool {
    let Ok(length) = u16::try_from(entry.len()) else { return false };
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(entry);
    true
}

/// A bundle, taken apart as far as that goes.
#[derive(Debug, PartialEq, Eq)]
pub struct Decoded<'a> {
    /// The entries in order.
    pub entries: Vec<&'a [u8]>,
    /// Bytes left over at the end: an entry cut short, or what follows entry [`BUNDLE_ENTRIES_MAX`].
    pub rest: &'a [u8],
}

/// Takes `bytes` apart.
pub fn decode(bytes: &[u8]) -> Decoded<'_> {
    let (mut entries, mut rest) = (Vec::new(), bytes);
    while entries.len() < BUNDLE_ENTRIES_MAX {
        let Some((length, tail)) = rest.split_first_chunk() else { break };
        let Some((entry, tail)) = tail.split_at_checked(usize::from(u16::from_be_bytes(*length))) else { break };
        entries.push(entry);
        rest = tail;
    }
    Decoded { entries, rest }
}
