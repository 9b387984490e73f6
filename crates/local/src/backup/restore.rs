//! The way back: a data directory from a backup, there whole or not at all.

use super::{BackupError, Manifest, files, verify_backup};
use crate::data_dir::{self, Lock, VAULT, sync_directory};
use std::{
    fs,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

/// Makes a data directory, which must be empty or absent, from a backup. Verifies the backup first, and blocks.
/// `finish` may add to the copy before it becomes the data directory.
///
/// # Errors
/// [`BackupError`]; unless it is [`BackupError::Unsure`], the data directory is as it was.
pub fn restore(
    backup: &Path,
    directory: &Path,
    finish: impl FnOnce(&Path, &Manifest) -> io::Result<()>,
) -> Result<Manifest, BackupError> {
    if !data_dir::is_vacant(directory).map_err(BackupError::file(directory))? {
        return Err(BackupError::NotVacant(directory.into()));
    }
    let directory = absolute(directory)?;
    let (manifest, copy) = copy(backup, &directory, finish)?;
    fs::rename(&copy, &directory).map_err(BackupError::file(&directory))?;
    sync_parents(&[&directory])?;
    Ok(manifest)
}

/// Makes a data directory from a backup in place of the one that is there, which is kept as `aside`. Nobody may have
/// it open. Verifies the backup first, and blocks. `finish` may add to the copy before it becomes the data directory.
///
/// # Errors
/// [`BackupError`]; unless it is [`BackupError::Aside`] or [`BackupError::Unsure`], the data directory is as it was.
pub fn replace(
    backup: &Path,
    directory: &Path,
    aside: &Path,
    finish: impl FnOnce(&Path, &Manifest) -> io::Result<()>,
) -> Result<Manifest, BackupError> {
    if !data_dir::is_vacant(aside).map_err(BackupError::file(aside))? {
        return Err(BackupError::NotVacant(aside.into()));
    }
    let (directory, aside) = (absolute(directory)?, absolute(aside)?);
    let _lock = Lock::take(&directory)?;
    let (manifest, copy) = copy(backup, &directory, finish)?;
    swap(&copy, &directory, &aside, |from, to| fs::rename(from, to))?;
    sync_parents(&[&aside, &directory])?;
    Ok(manifest)
}

/// Moves `directory` to `aside` and `copy` to `directory`, or does nothing.
fn swap(
    copy: &Path,
    directory: &Path,
    aside: &Path,
    rename: impl Fn(&Path, &Path) -> io::Result<()>,
) -> Result<(), BackupError> {
    rename(directory, aside).map_err(BackupError::file(aside))?;
    rename(copy, directory).map_err(|error| match rename(aside, directory) {
        Ok(()) => BackupError::file(directory)(error),
        Err(source) => BackupError::Aside { aside: aside.into(), source },
    })
}

/// A verified copy of the backup beside the directory that it is for.
fn copy(
    backup: &Path,
    directory: &Path,
    finish: impl FnOnce(&Path, &Manifest) -> io::Result<()>,
) -> Result<(Manifest, PathBuf), BackupError> {
    let manifest = verify_backup(backup)?;
    let copy = data_dir::unfinished_beside(directory);
    // What a restore that was cut short has left.
    remove(&copy).map_err(BackupError::file(&copy))?;
    match fill(&copy, backup, &manifest, finish) {
        Ok(()) => Ok((manifest, copy)),
        Err(error) => {
            // Left behind it would only keep a hub from beginning anew, which is no reason to hide the error.
            remove(&copy).unwrap_or_default();
            Err(error)
        }
    }
}

fn fill(
    copy: &Path,
    backup: &Path,
    manifest: &Manifest,
    finish: impl FnOnce(&Path, &Manifest) -> io::Result<()>,
) -> Result<(), BackupError> {
    files::create_directory(copy)?;
    // It may be empty, and a manifest has files only.
    files::create_directory(&copy.join(VAULT))?;
    for file in &manifest.files {
        let from = backup.join(&file.path);
        if files::copy(backup, &from, copy)? != *file {
            return Err(BackupError::Differs(from));
        }
    }
    finish(copy, manifest).map_err(BackupError::file(copy))?;
    files::sync_directories(copy)
}

/// Removes a directory that may be absent.
fn remove(directory: &Path) -> io::Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn absolute(path: &Path) -> Result<PathBuf, BackupError> {
    std::path::absolute(path).map_err(BackupError::file(path))
}

/// Makes the new names durable; the last one is the data directory's. The data are in their place whether it succeeds or
/// not.
fn sync_parents(paths: &[&Path]) -> Result<(), BackupError> {
    paths.iter().try_for_each(|path| {
        let synced = sync_directory(path.parent().unwrap_or(Path::new("/")));
        synced.map_err(|source| BackupError::Unsure { path: paths.last().unwrap_or(path).into(), source })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    /// Swaps with a file system that refuses the renames with these numbers; says where the data are then.
    fn swapped(refused: &[u32]) -> (Result<(), BackupError>, [Option<String>; 3]) {
        let dir = tempfile::tempdir().unwrap();
        let [copy, directory, aside] = ["copy", "data", "aside"].map(|name| dir.path().join(name));
        for (path, text) in [(&copy, "new"), (&directory, "old")] {
            fs::create_dir(path).unwrap();
            fs::write(path.join("is"), text).unwrap();
        }
        let count = Cell::new(0);
        let done = swap(&copy, &directory, &aside, |from, to| {
            count.set(count.get() + 1);
            if refused.contains(&count.get()) { Err(io::Error::other("no")) } else { fs::rename(from, to) }
        });
        (done, [copy, directory, aside].map(|path| fs::read_to_string(path.join("is")).ok()))
    }

    #[test]
    fn a_swap_that_does_not_work_is_undone_or_says_where_the_data_are() {
        let at = |copy: &str, data: &str, aside: &str| {
            [copy, data, aside].map(|text| (!text.is_empty()).then(|| text.to_owned()))
        };
        let (done, places) = swapped(&[]);
        assert!(done.is_ok());
        assert_eq!(places, at("", "new", "old"));
        for refused in [1, 2] {
            let (done, places) = swapped(&[refused]);
            assert!(matches!(done, Err(BackupError::File { .. })), "{done:?}");
            assert_eq!(places, at("new", "old", ""));
        }
        let (done, places) = swapped(&[2, 3]);
        assert!(matches!(&done, Err(BackupError::Aside { aside, .. }) if aside.ends_with("aside")), "{done:?}");
        assert_eq!(places, at("new", "", "old"));
    }

    #[test]
    fn data_that_are_in_their_place_are_not_said_to_be_elsewhere() {
        let gone = sync_parents(&[Path::new("/"), Path::new("/no/such/data")]);
        assert!(matches!(&gone, Err(BackupError::Unsure { path, .. }) if path.ends_with("data")), "{gone:?}");
    }
}
