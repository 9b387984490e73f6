//! The growing edge of the RFC 6962 tree: each hash is computed once, and full tiles are handed out as they close.
//!
//! It keeps the right edge alone, a few kilobytes however large the log, and does not know what the leaves mean.

use super::entry::SEQ_MAX;
use super::hash::Hash;
use super::layout::{Content, TILE_HEIGHT, TILE_WIDTH, Tile};

/// A Merkle tree, as much of it as growing needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    size: u64,
    /// By tile level: the hashes of the tiles not handed out yet, the open one last.
    levels: Vec<Vec<Hash>>,
    /// Roots of the perfect subtrees that make up the tree, widest first: one for each bit set in `size`.
    edge: Vec<Hash>,
}

/// Why hashes do not make a tree of a size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// The open tiles do not have the widths that the size says.
    #[error("the open tiles are not those of a tree of {size} entries")]
    Shape {
        /// The size in entries.
        size: u64,
    },
    /// The tree holds [`SEQ_MAX`] entries.
    #[error("the log is full at {SEQ_MAX} entries")]
    Full,
}

impl Tree {
    /// The tree without leaves.
    pub const EMPTY: Self = Self { size: 0, levels: Vec::new(), edge: Vec::new() };

    /// The tree of `size` leaves whose open tiles, by level from 0, list these hashes.
    ///
    /// # Errors
    /// [`TreeError::Shape`] if these are not the open tiles of such a tree.
    pub fn from_open(size: u64, open: Vec<Vec<Hash>>) -> Result<Self, TreeError> {
        let widths = open_widths(size);
        if size > SEQ_MAX || !open.iter().map(|hashes| hashes.len() as u64).eq(widths) {
            return Err(TreeError::Shape { size });
        }
        let mut edge = Vec::new();
        for hashes in open.iter().rev() {
            let mut rest = hashes.as_slice();
            // A tile of w hashes is the perfect subtrees of w's binary digits, widest first.
            while let Some(width) = rest.len().checked_ilog2() {
                let (subtree, tail) = rest.split_at(1 << width);
                edge.extend(subtree_root(subtree));
                rest = tail;
            }
        }
        Ok(Self { size, levels: open, edge })
    }

    /// How many leaves it has.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf.
    ///
    /// # Errors
    /// [`TreeError::Full`].
    pub fn push(&mut self, leaf: Hash) -> Result<(), TreeError> {
        if self.size >= SEQ_MAX {
            return Err(TreeError::Full);
        }
        self.push_item(0, leaf);
        let (mut hash, mut height) = (leaf, 0_u8);
        // Adding one carries through the trailing ones of the size, joining two subtrees at each.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.edge.pop() {
                hash = Hash::of_node(left, hash);
            }
            height += 1;
            if height.is_multiple_of(TILE_HEIGHT) {
                self.push_item(usize::from(height / TILE_HEIGHT), hash);
            }
        }
        self.edge.push(hash);
        self.size += 1;
        Ok(())
    }

    /// The root of the tree (RFC 6962 §2.1).
    pub fn root(&self) -> Hash {
        self.edge.iter().rev().copied().reduce(|right, left| Hash::of_node(left, right)).unwrap_or(Hash::EMPTY_ROOT)
    }

    /// The full tiles since the last call, and none twice.
    pub fn take_closed(&mut self) -> Vec<(Tile, Vec<Hash>)> {
        let (mut closed, size) = (Vec::new(), self.size);
        for (level, hashes) in (0_u8..).zip(&mut self.levels) {
            let full = hashes.len() - hashes.len() % TILE_WIDTH as usize;
            let first = ((size >> (level * TILE_HEIGHT)) - hashes.len() as u64) / TILE_WIDTH;
            let (tiles, open) = hashes.split_at(full);
            for (index, tile) in (first..).zip(tiles.chunks(TILE_WIDTH as usize)) {
                let content = Content::Hashes { level };
                closed.push((Tile { content, index, width: TILE_WIDTH as u16 }, tile.to_vec()));
            }
            *hashes = open.to_vec();
        }
        closed
    }

    /// The partial tiles at the right edge, once [`Tree::take_closed`] has handed out the full ones.
    pub fn open(&self) -> impl Iterator<Item = (Tile, &[Hash])> {
        (0_u8..).zip(&self.levels).filter_map(|(level, hashes)| {
            let index = (self.size >> (level * TILE_HEIGHT)) / TILE_WIDTH;
            let tile = Tile::at(Content::Hashes { level }, index, self.size)?;
            Some((tile, hashes.as_slice()))
        })
    }

    /// By level, the hashes of the open tiles: what [`Tree::from_open`] takes.
    pub(super) fn open_hashes(&self) -> &[Vec<Hash>] {
        &self.levels
    }

    fn push_item(&mut self, level: usize, hash: Hash) {
        if self.levels.len() <= level {
            self.levels.resize(level + 1, Vec::new());
        }
        if let Some(hashes) = self.levels.get_mut(level) {
            hashes.push(hash);
        }
    }
}

/// By level, how many hashes the open tile of a tree of `size` has, as many levels as the tree has.
pub(super) fn open_widths(size: u64) -> impl Iterator<Item = u64> {
    std::iter::successors(Some(size), |items| Some(items / TILE_WIDTH))
        .take_while(|items| *items > 0)
        .map(|items| items % TILE_WIDTH)
}

/// The root over a power of two of hashes.
fn subtree_root(hashes: &[Hash]) -> Option<Hash> {
    match hashes {
        [] => None,
        [one] => Some(*one),
        _ => {
            let (left, right) = hashes.split_at(hashes.len() / 2);
            Some(Hash::of_node(subtree_root(left)?, subtree_root(right)?))
        }
    }
}
