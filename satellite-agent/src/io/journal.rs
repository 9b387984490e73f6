//! The journal: one file of [`Fact`]s, durable one by one. It does not know what they mean.

use super::{
    files::{self, FileError, failed},
    frame::{self, Piece},
};
use crate::core::Fact;
use std::{
    fs::File,
    io::Write as _,
    path::{Path, PathBuf},
};

/// An open journal.
#[derive(Debug)]
pub(super) struct Journal {
    dir: PathBuf,
    /// The file of the journal's name; none when that is not certain any more. It has to be opened again then, before anything
    /// counts as remembered.
    file: Option<File>,
    bytes: u64,
}

/// What was in a journal, and what was broken in it.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) facts: Vec<Fact>,
    pub(super) fault: Option<String>,
}

fn encode(facts: &[Fact]) -> Vec<u8> {
    facts
        .iter()
        .filter_map(|fact| serde_json::to_vec(fact).ok().and_then(|json| frame::encode(&json)))
        .flatten()
        .collect()
}

fn decode(bytes: &[u8]) -> (Vec<Fact>, usize, bool) {
    let (mut facts, mut good, mut damaged) = (Vec::new(), 0, false);
    for piece in frame::pieces(bytes) {
        match piece {
            Piece::Frame { content, end, .. } => {
                good = end;
                match serde_json::from_slice(content) {
                    Ok(fact) => facts.push(fact),
                    Err(_) => damaged = true,
                }
            }
            Piece::Bad { torn, .. } => damaged |= !torn,
        }
    }
    (facts, good, damaged)
}

/// Opens or begins the file in `dir`, and gives its length.
fn open(dir: &Path) -> Result<(File, u64, Read), FileError> {
    let path = path(dir);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(failed("read", &path)(error)),
    };
    let (mut facts, good, damaged) = decode(&bytes);
    let mut fault = None;
    if damaged {
        let aside = files::keep_aside(&path)?;
        facts.push(Fact::Damaged);
        files::replace(&path, &encode(&facts))?;
        fault = Some(format!("the command journal was damaged; it is kept as `{}`", aside.display()));
    } else if good < bytes.len() {
        tracing::warn!(bytes = bytes.len() - good, "the journal's end was never finished and is cut off");
        let file = files::append_to(&path)?;
        file.set_len(good as u64).and_then(|()| file.sync_all()).map_err(failed("cut", &path))?;
    }
    let file = files::append_to(&path)?;
    files::sync_dir(dir)?;
    let bytes = file.metadata().map_err(failed("read", &path))?.len();
    Ok((file, bytes, Read { facts, fault }))
}

fn path(dir: &Path) -> PathBuf {
    dir.join("commands.journal")
}

impl Journal {
    /// Opens or begins the journal in `dir`. A fact whose writing a crash cut off was never acted upon, and goes. A damaged
    /// journal is kept aside; what can be read of it is kept, and [`Fact::Damaged`] with it.
    pub(super) fn open(dir: &Path) -> Result<(Self, Read), FileError> {
        let (file, bytes, read) = open(dir)?;
        Ok((Self { dir: dir.to_owned(), file: Some(file), bytes }, read))
    }

    /// The file, opened again if need be.
    fn take_file(&mut self) -> Result<File, FileError> {
        if let Some(file) = self.file.take() {
            return Ok(file);
        }
        let (file, bytes, read) = open(&self.dir)?;
        if let Some(fault) = read.fault {
            tracing::error!(fault, "damage found");
        }
        self.bytes = bytes;
        Ok(file)
    }

    /// Makes a fact durable.
    pub(super) fn remember(&mut self, fact: &Fact) -> Result<(), FileError> {
        let frame = encode(std::slice::from_ref(fact));
        let mut file = self.take_file()?;
        if let Err(error) = file.write_all(&frame).and_then(|()| file.sync_data()) {
            match file.set_len(self.bytes) {
                Ok(()) => self.file = Some(file),
                Err(cut) => tracing::error!(%cut, "half a fact may stay in the journal until it is opened again"),
            }
            return Err(failed("write", &path(&self.dir))(error));
        }
        self.bytes += frame.len() as u64;
        self.file = Some(file);
        Ok(())
    }

    /// Replaces all facts.
    pub(super) fn rewrite(&mut self, facts: &[Fact]) -> Result<(), FileError> {
        // Whatever comes of it, the file that was open may not be the one of that name any more.
        self.file = None;
        files::replace(&path(&self.dir), &encode(facts))?;
        self.file = Some(self.take_file()?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use marvain_domain::{Timestamp, id::ActionId};

    fn started(n: u64) -> Fact {
        Fact::Started { action: ActionId::derive(&[&n.to_string()]), expires_at: Timestamp::from_ms(n) }
    }

    #[test]
    fn facts_survive_and_a_torn_end_goes() {
        let dir = tempfile::tempdir().unwrap();
        let (mut journal, read) = Journal::open(dir.path()).unwrap();
        assert!(read.facts.is_empty() && read.fault.is_none());
        for n in 1..=3 {
            journal.remember(&started(n)).unwrap();
        }
        let path = dir.path().join("commands.journal");
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() - 5]).unwrap();
        let (mut journal, read) = Journal::open(dir.path()).unwrap();
        assert_eq!(read.facts, [started(1), started(2)]);
        assert!(read.fault.is_none());
        journal.remember(&started(4)).unwrap();
        journal.rewrite(&[started(2), started(4)]).unwrap();
        journal.remember(&started(5)).unwrap();
        assert_eq!(Journal::open(dir.path()).unwrap().1.facts, [started(2), started(4), started(5)]);
    }

    #[test]
    fn facts_go_to_the_file_of_that_name_or_nowhere() {
        let dir = tempfile::tempdir().unwrap();
        let (mut journal, _) = Journal::open(dir.path()).unwrap();
        journal.remember(&started(1)).unwrap();
        let (path, aside) = (dir.path().join("commands.journal"), dir.path().join("aside"));
        std::fs::rename(&path, &aside).unwrap();
        std::fs::create_dir(&path).unwrap();
        assert!(journal.rewrite(&[started(1)]).is_err());
        assert!(journal.remember(&started(2)).is_err(), "the file that was open has no name any more");
        std::fs::remove_dir(&path).unwrap();
        std::fs::rename(&aside, &path).unwrap();
        journal.remember(&started(3)).unwrap();
        assert_eq!(Journal::open(dir.path()).unwrap().1.facts, [started(1), started(3)]);
    }

    #[test]
    fn a_damaged_journal_is_kept_aside_and_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let (mut journal, _) = Journal::open(dir.path()).unwrap();
        for n in 1..=3 {
            journal.remember(&started(n)).unwrap();
        }
        let path = dir.path().join("commands.journal");
        let mut bytes = std::fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        let (_, read) = Journal::open(dir.path()).unwrap();
        assert_eq!(read.facts, [started(1), started(3), Fact::Damaged]);
        assert!(read.fault.unwrap().contains("commands.journal.corrupt"));
        assert_eq!(std::fs::read(dir.path().join("commands.journal.corrupt")).unwrap(), bytes);
        let again = Journal::open(dir.path()).unwrap().1;
        assert_eq!(again.facts, [started(1), started(3), Fact::Damaged], "damage is remembered until it is dealt with");
        assert!(again.fault.is_none());
    }
}
