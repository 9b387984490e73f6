//! The walk along the log, bundle by bundle, growing one tree from the entries and one from the level-0 tiles.
//!
//! As long as both agree there is nothing to explain. Where they differ, the first difference says what was done, and
//! the signed root which of the two was changed.

use super::super::bundle;
use super::super::hash::Hash;
use super::super::layout::{Content, Key, TILE_HEIGHT, TILE_WIDTH, Tile};
use super::super::store::{ReadError, ReadObject, read_tile};
use super::super::tree::Tree;
use super::checkpoints::Marks;
use super::compare::compare;
use super::content;
use super::report::{Class, FINDINGS_MAX, Finding, Report};

pub(super) struct Walk<'a> {
    read: &'a dyn ReadObject,
    /// Where the last stored bundle ends, in entries.
    stored: u64,
    marks: Marks<'a>,
    report: &'a mut Report,
    /// The tree over the entries; `None` once some are not in their places.
    entries: Option<Tree>,
    /// The tree over the leaf hashes in the tiles; `None` once some are missing.
    tiles: Option<Tree>,
    /// Differences between entries and tiles, with the tile's key: whose they are shows in the end.
    suspects: Vec<(Finding, String)>,
    /// Leaf hash of the entry before the next bundle, if known.
    prev: Option<Hash>,
    /// What moved the entries of the bundle before out of their places.
    shift: Option<Class>,
}

/// A bundle as found: its key, entries, their hashes, and whether bytes are left over.
struct Found<'a> {
    key: &'a str,
    entries: Vec<&'a [u8]>,
    leaves: Vec<Hash>,
    rest: bool,
}

impl<'a> Walk<'a> {
    pub(super) fn new(read: &'a dyn ReadObject, stored: u64, marks: Marks<'a>, report: &'a mut Report) -> Self {
        let (entries, tiles) = (Some(Tree::EMPTY), Some(Tree::EMPTY));
        Self { read, stored, marks, report, entries, tiles, suspects: Vec::new(), prev: Some(Hash::ZERO), shift: None }
    }

    pub(super) fn run(mut self, progress: &mut dyn FnMut(u64, u64)) -> Result<(), ReadError> {
        let size = self.report.size;
        self.pass_marks(0)?;
        for index in 0..size.div_ceil(TILE_WIDTH) {
            let Some(tile) = Tile::at(Content::Entries, index, size) else { break };
            if !self.bundle(tile)? {
                break;
            }
            self.closed_tiles()?;
            progress((index * TILE_WIDTH).saturating_add(u64::from(tile.width)), size);
        }
        self.open_tiles()?;
        for (finding, tile) in std::mem::take(&mut self.suspects) {
            let seq = finding.seq;
            let finding = if seq.is_some_and(|seq| self.marks.entry_is_sound(seq)) {
                let detail = "lists other leaf hashes than those of the entries, which are as signed".into();
                Finding { class: Class::Edited, seq, object: Some(tile), detail }
            } else {
                finding
            };
            self.report.add(finding);
        }
        self.marks.finish(self.report);
        Ok(())
    }

    fn find(&mut self, class: Class, seq: u64, object: impl Into<String>, detail: impl Into<String>) {
        self.report.add(Finding { class, seq: Some(seq), object: Some(object.into()), detail: detail.into() });
    }

    /// Walks along one bundle; `false` if the log ends before it does.
    fn bundle(&mut self, tile: Tile) -> Result<bool, ReadError> {
        let first = tile.index * TILE_WIDTH;
        let end = first + u64::from(tile.width);
        let found = read_tile(self.read, tile)?;
        if found.is_none() && self.stored < end {
            let seq = self.stored.max(first);
            let detail =
                format!("the log ends before entry {seq}, its newest checkpoint is at size {}", self.report.size);
            self.find(Class::Truncated, seq, Key::Tile(tile).to_string(), detail);
            (self.entries, self.tiles) = (None, None);
            return Ok(false);
        }
        let due = self.leaf_tile(Tile { content: Content::Hashes { level: 0 }, ..tile })?;
        let leaves = match &found {
            Some((key, bytes)) => {
                let decoded = bundle::decode(bytes);
                let leaves = decoded.entries.iter().map(|entry| Hash::of_leaf(entry)).collect();
                let found = Found { key, entries: decoded.entries, leaves, rest: !decoded.rest.is_empty() };
                self.compare(&found, due.as_ref(), first, end);
                found.leaves
            }
            None => {
                self.find(
                    Class::Missing,
                    first,
                    Key::Tile(tile).to_string(),
                    "entries are missing, later ones are there",
                );
                self.prev = due.as_ref().and_then(|(_, hashes)| hashes.last().copied());
                Vec::new()
            }
        };
        if leaves.len() != usize::from(tile.width) {
            self.entries = None;
        }
        let due = due.map(|(_, hashes)| hashes).unwrap_or_default();
        for (at, seq) in (first..end).enumerate() {
            grow(&mut self.entries, leaves.get(at));
            grow(&mut self.tiles, due.get(at));
            self.pass_marks(seq + 1)?;
        }
        self.report.entries += leaves.len() as u64;
        Ok(true)
    }

    /// The key and hashes of a level-0 tile, if it is there and whole.
    fn leaf_tile(&mut self, tile: Tile) -> Result<Option<(String, Vec<Hash>)>, ReadError> {
        let first = tile.index * TILE_WIDTH;
        let Some((key, bytes)) = read_tile(self.read, tile)? else {
            self.find(Class::Missing, first, Key::Tile(tile).to_string(), "the leaf hashes are missing");
            return Ok(None);
        };
        match Hash::list(&bytes) {
            Some(hashes) if hashes.len() == usize::from(tile.width) => Ok(Some((key, hashes))),
            _ => {
                let detail = format!("has {} bytes, expected {} hashes", bytes.len(), tile.width);
                self.find(Class::Malformed, first, key, detail);
                Ok(None)
            }
        }
    }

    /// Compares a bundle with the leaf hashes `due` there, or, where both agree or there are none, checks what it says.
    fn compare(&mut self, found: &Found<'_>, due: Option<&(String, Vec<Hash>)>, first: u64, end: u64) {
        let difference = due.and_then(|(tile, due)| Some((tile, due, compare(&found.leaves, due)?)));
        let continues = |shift: Option<Class>, at, class| at == 0 && shift == Some(class);
        if let Some((tile, due, (at, class))) = difference {
            self.prev = due.last().copied();
            let seq = first + at as u64;
            let class = match class {
                Class::Edited if found.entries.get(at).is_some_and(|bytes| content::is_another(bytes, seq)) => {
                    Class::Reordered
                }
                Class::Edited | Class::Inserted if found.rest => Class::Malformed,
                Class::Dropped if at == found.leaves.len() && (found.rest || end == self.report.size) => {
                    Class::Truncated
                }
                class => class,
            };
            if !continues(self.shift, at, class) {
                self.suspect(class, seq, found, tile);
            }
            self.shift = matches!(class, Class::Dropped | Class::Inserted).then_some(class);
            if class == Class::Edited {
                let pairs = found.leaves.iter().zip(due).zip(first..).skip(at + 1);
                for (_, seq) in pairs.filter(|((leaf, due), _)| leaf != due) {
                    self.suspect(class, seq, found, tile);
                }
            }
            return;
        }
        let object = Some(found.key.to_owned());
        for finding in content::check(&found.entries, &found.leaves, first, self.prev) {
            let at_first = finding.seq == Some(first);
            if at_first && self.shift == Some(finding.class) {
                continue;
            }
            self.shift = matches!(finding.class, Class::Dropped | Class::Inserted).then_some(finding.class);
            self.report.add(Finding { object: object.clone(), ..finding });
        }
        let (count, width) = (found.leaves.len() as u64, end - first);
        if found.rest || count != width {
            let class = if found.rest && count >= width { Class::Inserted } else { Class::Truncated };
            let detail = format!("holds {count} whole entries{}", if found.rest { " and something else" } else { "" });
            self.find(class, first + count.min(width), found.key, detail);
        }
        self.prev = found.leaves.last().copied();
    }

    fn suspect(&mut self, class: Class, seq: u64, found: &Found<'_>, tile: &str) {
        if self.suspects.len() >= FINDINGS_MAX {
            self.report.findings_left_out += 1;
            return;
        }
        let detail = match class {
            Class::Dropped => "entries were taken out here",
            Class::Inserted => "entries were put in here",
            Class::Reordered => "the entry here belongs elsewhere",
            Class::Truncated => "the bundle ends before this entry",
            Class::Malformed => "the bundle cannot be read from here",
            _ => "the entry here is not the one of its leaf hash",
        };
        let finding = Finding { class, seq: Some(seq), object: Some(found.key.into()), detail: detail.into() };
        self.suspects.push((finding, tile.into()));
    }

    fn pass_marks(&mut self, size: u64) -> Result<(), ReadError> {
        if !self.marks.due(size) {
            return Ok(());
        }
        let (entries, tiles) = (self.entries.as_ref().map(Tree::root), self.tiles.as_ref().map(Tree::root));
        self.marks.pass(size, entries, tiles, self.report)
    }

    fn closed_tiles(&mut self) -> Result<(), ReadError> {
        let entries = self.entries.as_mut().map(Tree::take_closed);
        let tiles = self.tiles.as_mut().map(Tree::take_closed);
        self.upper_tiles(tiles, entries)
    }

    fn open_tiles(&mut self) -> Result<(), ReadError> {
        let open = |tree: &Tree| tree.open().map(|(tile, hashes)| (tile, hashes.to_vec())).collect();
        let (tiles, entries) = (self.tiles.as_ref().map(open), self.entries.as_ref().map(open));
        self.upper_tiles(tiles, entries)
    }

    /// Checks the tiles above level 0: each must follow from the tiles below it, or from the entries.
    fn upper_tiles(
        &mut self,
        tiles: Option<Vec<(Tile, Vec<Hash>)>>,
        entries: Option<Vec<(Tile, Vec<Hash>)>>,
    ) -> Result<(), ReadError> {
        let (either, other) = if tiles.is_some() { (tiles, entries) } else { (entries, None) };
        let other = other.unwrap_or_default();
        for (tile, hashes) in either.unwrap_or_default() {
            let Content::Hashes { level: level @ 1.. } = tile.content else { continue };
            let seq_of = |at: usize| (tile.index * TILE_WIDTH + at as u64) << (level * TILE_HEIGHT);
            let Some((key, bytes)) = read_tile(self.read, tile)? else {
                self.find(Class::Missing, seq_of(0), Key::Tile(tile).to_string(), "the tile is missing");
                continue;
            };
            let follows = |hashes: &[Hash]| Hash::concat(hashes) == bytes;
            if follows(&hashes) || other.iter().any(|(at, hashes)| *at == tile && follows(hashes)) {
                continue;
            }
            match Hash::list(&bytes) {
                Some(found) if found.len() == hashes.len() => {
                    let at = found.iter().zip(&hashes).take_while(|(found, due)| found == due).count();
                    let below = seq_of(at)..seq_of(at + 1);
                    // A change below was said there, more precisely.
                    if !self.report.findings.iter().any(|finding| finding.seq.is_some_and(|seq| below.contains(&seq))) {
                        self.find(
                            Class::Edited,
                            below.start,
                            key,
                            format!("hash {at} is not that of the tile below it"),
                        );
                    }
                }
                _ => self.find(Class::Malformed, seq_of(0), key, format!("has {} bytes", bytes.len())),
            }
        }
        Ok(())
    }
}

/// Adds a leaf; a tree without the leaf that is due is given up.
fn grow(tree: &mut Option<Tree>, leaf: Option<&Hash>) {
    *tree = tree.take().zip(leaf).and_then(|(mut tree, leaf)| tree.push(*leaf).is_ok().then_some(tree));
}
