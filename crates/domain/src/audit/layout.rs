//! Names of the log's objects in the vault, after C2SP tlog-tiles ("Parameters", "Merkle Tree", "Log Entries").
//!
//! Every object is written once. So where C2SP has one `checkpoint` that is replaced, there is one under
//! `checkpoint/{size}` for each published size, and C2SP's is the newest of them; partial tiles stay.
//! The module does not know what the objects hold.

use std::{fmt, str::FromStr};

/// Hashes in a full tile, and entries in a full bundle.
pub const TILE_WIDTH: u64 = 256;
/// Levels of the tree within one level of tiles: log2 of [`TILE_WIDTH`].
pub const TILE_HEIGHT: u8 = 8;
/// Greatest level of tiles: the root of 2^53 entries lies within the seventh level.
pub const TILE_LEVEL_MAX: u8 = 6;
/// Prefix of the keys of all checkpoints.
const CHECKPOINTS: &str = "checkpoint/";

/// What a tile lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Content {
    /// Entries: an entry bundle.
    Entries,
    /// Hashes of subtrees over 256^level entries each.
    Hashes {
        /// 0 for leaf hashes.
        level: u8,
    },
}

/// A tile or entry bundle: items `index * 256` to `index * 256 + width` of its level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tile {
    /// What it lists.
    pub content: Content,
    /// Which tile of its level, from 0.
    pub index: u64,
    /// How many items, 1 to 256. Less than 256 in a partial tile.
    pub width: u16,
}

impl Tile {
    /// The entry bundle that holds entry `seq` in a log of `size` entries; `None` if the log does not hold it.
    pub fn bundle(seq: u64, size: u64) -> Option<Self> {
        Self::at(Content::Entries, seq / TILE_WIDTH, size).filter(|_| seq < size)
    }

    /// Tile `index` as a log of `size` entries has it; `None` if the log does not reach there.
    pub fn at(content: Content, index: u64, size: u64) -> Option<Self> {
        let level = match content {
            Content::Entries => 0,
            Content::Hashes { level } => u32::from(level),
        };
        let items = size.checked_shr(level * u32::from(TILE_HEIGHT)).unwrap_or(0);
        let width = items.saturating_sub(index.checked_mul(TILE_WIDTH)?).min(TILE_WIDTH);
        u16::try_from(width).ok().filter(|width| *width > 0).map(|width| Self { content, index, width })
    }

    /// The full tile at the same place.
    #[must_use]
    pub const fn full(self) -> Self {
        Self { width: TILE_WIDTH as u16, ..self }
    }
}

/// The key of one object of the log.
///
/// ```
/// use marvain_domain::audit::layout::{Content, Key, Tile};
/// let tile = Tile { content: Content::Hashes { level: 0 }, index: 1_234_067, width: 256 };
/// assert_eq!(Key::Tile(tile).to_string(), "tile/0/x001/x234/067");
/// let bundle = Tile { content: Content::Entries, index: 0, width: 7 };
/// assert_eq!(Key::Tile(bundle).to_string(), "tile/entries/000.p/7");
/// assert_eq!(Key::Checkpoint(7).to_string(), "checkpoint/00000000000000000007");
/// assert_eq!("tile/entries/000.p/7".parse(), Ok(Key::Tile(bundle)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    /// The verifier key of the checkpoints, as C2SP signed-note writes it ("vkey"), and a newline.
    Verifier,
    /// The checkpoint of the log at this size, in entries.
    Checkpoint(u64),
    /// A tile or an entry bundle.
    Tile(Tile),
}

/// The text is no key of an object of the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no object of an audit log")]
pub struct KeyError(String);

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tile = match self {
            Self::Verifier => return f.write_str("key"),
            Self::Checkpoint(size) => return write!(f, "{CHECKPOINTS}{size:020}"),
            Self::Tile(tile) => tile,
        };
        match tile.content {
            Content::Entries => f.write_str("tile/entries/")?,
            Content::Hashes { level } => write!(f, "tile/{level}/")?,
        }
        let mut unit = 1_u64;
        while tile.index / unit >= 1000 {
            unit *= 1000;
        }
        while unit > 1 {
            write!(f, "x{:03}/", tile.index / unit % 1000)?;
            unit /= 1000;
        }
        write!(f, "{:03}", tile.index % 1000)?;
        if u64::from(tile.width) < TILE_WIDTH { write!(f, ".p/{}", tile.width) } else { Ok(()) }
    }
}

impl FromStr for Key {
    type Err = KeyError;
    fn from_str(text: &str) -> Result<Self, KeyError> {
        let key = if text == "key" {
            Some(Self::Verifier)
        } else if let Some(size) = text.strip_prefix(CHECKPOINTS) {
            size.parse().ok().map(Self::Checkpoint)
        } else {
            text.strip_prefix("tile/").and_then(parse_tile).map(Self::Tile)
        };
        // One spelling an object: what does not come back as it was written is refused.
        key.filter(|key| key.to_string() == text).ok_or_else(|| KeyError(text.chars().take(80).collect()))
    }
}

fn parse_tile(text: &str) -> Option<Tile> {
    let (content, path) = text.split_once('/')?;
    let content = match content {
        "entries" => Content::Entries,
        level => Content::Hashes { level: level.parse().ok().filter(|level| *level <= TILE_LEVEL_MAX)? },
    };
    let (path, width) = match path.split_once(".p/") {
        Some((path, width)) => (path, width.parse().ok().filter(|width| (1..256).contains(width))?),
        None => (path, 256),
    };
    let index = path.split('/').try_fold(0_u64, |index, part| {
        let digits: u64 = part.trim_start_matches('x').parse().ok().filter(|digits| *digits < 1000)?;
        index.checked_mul(1000)?.checked_add(digits)
    })?;
    Some(Tile { content, index, width })
}
