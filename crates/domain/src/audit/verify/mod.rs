//! Verifying a whole log offline: everything is recomputed from the entry bundles and held against what is stored,
//! what was signed, and what the verifier was told before.
//!
//! Who changes an entry alone is given away by the level-0 tile, whose leaf hashes also tell edit, drop, insertion and
//! swap apart; who recomputes the tiles, by the checkpoint; who signs anew, by an older checkpoint, in the log or kept
//! elsewhere. Memory is bounded: one bundle, its tiles, the tree's edge, and eight bytes a checkpoint.
//! It does not judge what entries say, nor whether their times ascend.

mod checkpoints;
mod compare;
mod content;
mod partial;
mod report;
mod walk;

pub use report::{Class, FINDINGS_MAX, Finding, Report};

use super::checkpoint::{Checkpoint, Verifier};
use super::hash::Hash;
use super::layout::{Content, Key, TILE_WIDTH};
use super::store::{ReadError, ReadObject};

/// Verifies the log in `read` with the key that the caller has from elsewhere, and against the `trusted` checkpoints
/// that the caller kept: without any, a rollback to an earlier signed state or a wholly re-signed history cannot be
/// told from the truth. `progress` is called with the entries done and their total.
///
/// # Errors
/// [`ReadError`] if the vault fails. Whatever is wrong with the log itself is in the report.
pub fn verify(
    read: &dyn ReadObject,
    verifier: &Verifier,
    trusted: &[Checkpoint],
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Report, ReadError> {
    let mut report = Report {
        size: 0,
        root: Hash::EMPTY_ROOT,
        checkpoints: 0,
        entries: 0,
        findings: Vec::new(),
        findings_left_out: 0,
    };
    let survey = survey(read, &mut report)?;
    let published = checkpoints::newest(read, verifier, &survey.sizes, &mut report)?;
    if let Some(newest) = published {
        (report.size, report.root) = (newest.size(), newest.root());
    }
    check_key(read, verifier, &mut report)?;
    let marks = checkpoints::Marks::new(read, verifier, survey.sizes, trusted, &mut report);
    walk::Walk::new(read, survey.stored, marks, &mut report).run(progress)?;
    partial::check(read, &mut report)?;
    if survey.stored > report.size {
        let (size, beyond) = (report.size, survey.stored - report.size);
        let detail = format!("{beyond} entries are stored beyond the newest checkpoint, at size {size}");
        report.add(Finding { class: Class::Unpublished, seq: Some(size), object: None, detail });
    }
    Ok(report)
}

/// What the vault holds.
struct Survey {
    /// The sizes of the checkpoints, ascending.
    sizes: Vec<u64>,
    /// Where the last of the entry bundles ends, in entries.
    stored: u64,
}

fn survey(read: &dyn ReadObject, report: &mut Report) -> Result<Survey, ReadError> {
    let mut survey = Survey { sizes: Vec::new(), stored: 0 };
    read.list("", &mut |key| match key.parse() {
        Ok(Key::Checkpoint(size)) => survey.sizes.push(size),
        Ok(Key::Tile(tile)) if tile.content == Content::Entries => {
            let end = tile.index.saturating_mul(TILE_WIDTH).saturating_add(u64::from(tile.width));
            survey.stored = survey.stored.max(end);
        }
        Ok(_) => {}
        Err(e) => {
            let object = Some(key.to_owned());
            report.add(Finding { class: Class::Inserted, seq: None, object, detail: e.to_string() });
        }
    })?;
    survey.sizes.sort_unstable();
    Ok(survey)
}

fn check_key(read: &dyn ReadObject, verifier: &Verifier, report: &mut Report) -> Result<(), ReadError> {
    let key = Key::Verifier.to_string();
    let (class, detail) = match read.read(&key)? {
        None if report.size == 0 => return Ok(()),
        None => (Class::Missing, "the log's verifier key is missing"),
        Some(text) if text.strip_suffix(b"\n") == Some(verifier.as_str().as_bytes()) => return Ok(()),
        Some(_) => (Class::Edited, "the log's verifier key is not the one that it is verified with"),
    };
    report.add(Finding { class, seq: None, object: Some(key), detail: detail.into() });
    Ok(())
}
