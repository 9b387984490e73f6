//! Checking superseded partial tiles: each must be the beginning of the tile that the log has at its place now.
//!
//! That one may be gone is not a finding: C2SP tlog-tiles ("Partial Tiles") lets them be deleted.

use super::super::bundle;
use super::super::hash::HASH_BYTES;
use super::super::layout::{Content, Key, TILE_HEIGHT, TILE_WIDTH, Tile};
use super::super::store::{ReadError, ReadObject, bytes_of_first, read_tile};
use super::report::{Class, Finding, Report};

/// Checks all of them in a log of the report's size.
pub(super) fn check(read: &dyn ReadObject, report: &mut Report) -> Result<(), ReadError> {
    let mut failed = None;
    let mut current = None;
    read.list("tile/", &mut |key| {
        if let (None, Ok(Key::Tile(tile))) = (&failed, key.parse())
            && let Err(e) = check_one(read, key, tile, &mut current, report)
        {
            failed = Some(e);
        }
    })?;
    failed.map_or(Ok(()), Err)
}

fn check_one(
    read: &dyn ReadObject,
    key: &str,
    old: Tile,
    current: &mut Option<(Tile, String, Vec<u8>)>,
    report: &mut Report,
) -> Result<(), ReadError> {
    let Some(new) = Tile::at(old.content, old.index, report.size).filter(|new| old.width < new.width) else {
        return Ok(());
    };
    if current.as_ref().is_none_or(|(tile, ..)| *tile != new) {
        *current = read_tile(read, new)?.map(|(key, bytes)| (new, key, bytes));
    }
    let Some((_, new_key, new_bytes)) = current.as_ref().filter(|(tile, key, _)| !is_reported(report, tile, key))
    else {
        return Ok(());
    };
    let Some(old_bytes) = read.read(key)? else { return Ok(()) };
    let due = new_bytes.get(..bytes_of_first(new_bytes, old)).unwrap_or(new_bytes);
    if old_bytes == due {
        return Ok(());
    }
    let (level, at) = match old.content {
        Content::Entries => (0, common(&bundle::decode(&old_bytes).entries, &bundle::decode(due).entries)),
        Content::Hashes { level } => {
            let (old, due): (Vec<_>, Vec<_>) =
                (old_bytes.chunks(HASH_BYTES).collect(), due.chunks(HASH_BYTES).collect());
            (level, common(&old, &due))
        }
    };
    let seq = (old.index * TILE_WIDTH + at) << (level * TILE_HEIGHT);
    let detail = format!("item {at} is not that of `{new_key}`");
    report.add(Finding { class: Class::Edited, seq: Some(seq), object: Some(key.to_owned()), detail });
    Ok(())
}

/// Whether what is wrong with the tile of now was said before: of itself, or of a bundle whose entries moved into it.
fn is_reported(report: &Report, tile: &Tile, key: &str) -> bool {
    report.findings.iter().any(|finding| {
        let shifts = tile.content == Content::Entries && matches!(finding.class, Class::Dropped | Class::Inserted);
        finding.object.as_deref() == Some(key) || shifts && finding.seq.is_some_and(|seq| seq / TILE_WIDTH < tile.index)
    })
}

/// How many items both begin with.
fn common<T: PartialEq>(one: &[T], other: &[T]) -> u64 {
    one.iter().zip(other).take_while(|(one, other)| one == other).count() as u64
}
