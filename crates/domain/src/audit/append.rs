//! Planning an append: from the log's tail and new drafts to the objects that must be written, in their order.
//!
//! The same tail, drafts and public key give the same bytes, so a plan that was cut short is completed by repeating it.
//! The module writes and signs nothing, and does not know which drafts are already recorded: the tail's size says.

use super::bundle;
use super::checkpoint::{CheckpointError, Unsigned, Verifier};
use super::draft::Draft;
use super::entry::{Entry, EntryError};
use super::hash::Hash;
use super::layout::{Content, Key, TILE_HEIGHT, TILE_WIDTH, Tile};
use super::tree::{Tree, TreeError, open_widths};
use serde::{Deserialize, Serialize};

/// Most drafts in one plan, which holds all their entries and tiles in memory.
pub const PLAN_DRAFTS_MAX: usize = 16 * TILE_WIDTH as usize;

/// What appending needs of the log so far: its open tiles and open entry bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Fields", into = "Fields")]
pub struct Tail {
    tree: Tree,
    last: Hash,
    bundle: Vec<u8>,
}

/// A [`Tail`] as it is serialised.
#[derive(Serialize, Deserialize)]
struct Fields {
    size: u64,
    last: Hash,
    open: Vec<Vec<Hash>>,
    bundle: String,
}

/// Why parts do not make a tail.
#[derive(Debug, thiserror::Error)]
pub enum TailError {
    /// The open tiles are not those of that size.
    #[error("the audit log's tail is inconsistent")]
    Tree(#[from] TreeError),
    /// The open entry bundle does not hold the entries that the open tile has the hashes of.
    #[error("the open entry bundle of the audit log does not match its hashes")]
    Bundle,
}

impl Tail {
    /// The tail of a log without entries.
    pub const EMPTY: Self = Self { tree: Tree::EMPTY, last: Hash::ZERO, bundle: Vec::new() };

    /// The tail of a log of `size` entries with these open tiles (by level from 0), the leaf hash of the last entry
    /// and the bytes of the open entry bundle.
    ///
    /// # Errors
    /// [`TailError`] if they do not belong together.
    pub fn new(size: u64, open: Vec<Vec<Hash>>, last: Hash, bundle: Vec<u8>) -> Result<Self, TailError> {
        let decoded = bundle::decode(&bundle);
        let leaves = open.first().map_or(&[][..], Vec::as_slice);
        let matches = decoded.entries.iter().map(|entry| Hash::of_leaf(entry)).eq(leaves.iter().copied());
        let last_matches = match leaves.last() {
            Some(leaf) => *leaf == last,
            None => size > 0 || last == Hash::ZERO,
        };
        if !decoded.rest.is_empty() || !matches || !last_matches {
            return Err(TailError::Bundle);
        }
        Ok(Self { tree: Tree::from_open(size, open)?, last, bundle })
    }

    /// How many entries the log has: the next entry's sequence number.
    pub const fn size(&self) -> u64 {
        self.tree.size()
    }

    /// The root of the tree.
    pub fn root(&self) -> Hash {
        self.tree.root()
    }

    /// Leaf hash of the last entry, [`Hash::ZERO`] if there is none.
    pub const fn last(&self) -> Hash {
        self.last
    }
}

impl TryFrom<Fields> for Tail {
    type Error = TailError;
    fn try_from(fields: Fields) -> Result<Self, TailError> {
        let bundle = hex::decode(&fields.bundle).map_err(|_| TailError::Bundle)?;
        Self::new(fields.size, fields.open, fields.last, bundle)
    }
}

impl From<Tail> for Fields {
    fn from(tail: Tail) -> Self {
        let open = tail.tree.open_hashes().to_vec();
        Self { size: tail.tree.size(), last: tail.last, open, bundle: hex::encode(tail.bundle) }
    }
}

/// What an append comes to.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The new entries, in the order of the drafts.
    pub entries: Vec<Entry>,
    /// Keys and bytes to be written, in this order: the verifier key (first append alone), entries, tiles.
    /// Each write must be durable before the checkpoint is written, and must succeed if the same bytes are there.
    pub objects: Vec<(String, Vec<u8>)>,
    /// The checkpoint to be signed, and written last; none if there is nothing to write.
    pub checkpoint: Option<Unsigned>,
    /// The tail once all of them are written.
    pub tail: Tail,
}

/// Why drafts cannot be appended.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// More than [`PLAN_DRAFTS_MAX`].
    #[error("{0} entries are more than one append takes: {PLAN_DRAFTS_MAX}")]
    Many(usize),
    /// A draft has no canonical form.
    #[error("an audit entry cannot be written")]
    Entry(#[from] EntryError),
    /// The log is full.
    #[error("the audit log cannot grow")]
    Tree(#[from] TreeError),
    /// The checkpoint cannot be written.
    #[error("the audit log's checkpoint cannot be made")]
    Checkpoint(#[from] CheckpointError),
}

/// Plans the append of `drafts` to the log with this `tail`, whose checkpoints verify with `verifier`. Without drafts there is nothing to write.
///
/// # Errors
/// [`AppendError`].
pub fn plan(tail: &Tail, drafts: &[Draft], verifier: &Verifier) -> Result<Plan, AppendError> {
    if drafts.len() > PLAN_DRAFTS_MAX {
        return Err(AppendError::Many(drafts.len()));
    }
    let entries = Vec::with_capacity(drafts.len());
    let mut plan = Plan { entries, objects: Vec::new(), checkpoint: None, tail: tail.clone() };
    if drafts.is_empty() {
        return Ok(plan);
    }
    let old_size = tail.size();
    if old_size == 0 {
        plan.objects.push((Key::Verifier.to_string(), format!("{}\n", verifier.as_str()).into_bytes()));
    }
    let Plan { entries, objects, checkpoint, tail: Tail { tree, last, bundle } } = &mut plan;
    for draft in drafts {
        let entry = draft.at(tree.size(), *last);
        let bytes = entry.to_canonical()?;
        if !bundle::push(bundle, &bytes) {
            return Err(EntryError::Long(bytes.len()).into());
        }
        *last = Hash::of_leaf(&bytes);
        tree.push(*last)?;
        entries.push(entry);
        if tree.size().is_multiple_of(TILE_WIDTH) {
            let tile =
                Tile { content: Content::Entries, index: tree.size() / TILE_WIDTH - 1, width: TILE_WIDTH as u16 };
            objects.push((Key::Tile(tile).to_string(), std::mem::take(bundle)));
        }
    }
    if let Some(tile) = Tile::at(Content::Entries, tree.size() / TILE_WIDTH, tree.size()) {
        objects.push((Key::Tile(tile).to_string(), bundle.clone()));
    }
    for (tile, hashes) in tree.take_closed() {
        objects.push((Key::Tile(tile).to_string(), Hash::concat(&hashes)));
    }
    for (tile, hashes) in tree.open().filter(|(tile, _)| changed(*tile, old_size)) {
        objects.push((Key::Tile(tile).to_string(), Hash::concat(hashes)));
    }
    *checkpoint = Some(verifier.unsigned(tree.size(), tree.root())?);
    Ok(plan)
}

/// Whether a tile at the right edge differs from what the log had at `old_size`.
fn changed(tile: Tile, old_size: u64) -> bool {
    Tile::at(tile.content, tile.index, old_size) != Some(tile)
}

/// By level, the open tiles of a log of `size` entries: `None` where the last tile is full.
pub(super) fn open_tiles(size: u64) -> Vec<Option<Tile>> {
    (0_u8..)
        .zip(open_widths(size))
        .map(|(level, _)| {
            let index = (size >> (level * TILE_HEIGHT)) / TILE_WIDTH;
            Tile::at(Content::Hashes { level }, index, size)
        })
        .collect()
}
