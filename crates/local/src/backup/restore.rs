//! The way back: a data directory from a backup, there whole or not at all.

use super::{BackupError, Manifest, files, sync, verify_backup};
use crate::data_dir::{self, Lock, VAULT};
use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

/// Makes a data directory, which must be empty or absent, from a backup. Verifies the backup first, and blocks.
///
/// # Errors
/// [`BackupError`]; the data directory is as it was.
pub fn restore(backup: &Path, directory: &Path) -> Result<Manifest, BackupError> {
    if !data_dir::is_vacant(directory).map_err(BackupError::file(directory))? {
        return Err(BackupError::NotVacant(directory.into()));
    }
    let directory = absolute(directory)?;
    let (manifest, copy) = copy(backup, &directory)?;
    rename(&copy, &directory)?;
    Ok(manifest)
}

/// Makes a data directory from a backup in place of the one that is there, which is kept as `aside`. Nobody may have
/// it open. Verifies the backup first, and blocks.
///
/// # Errors
/// [`BackupError`]; the data directory is as it was.
pub fn replace(backup: &Path, directory: &Path, aside: &Path) -> Result<Manifest, BackupError> {
    if !data_dir::is_vacant(aside).map_err(BackupError::file(aside))? {
        return Err(BackupError::NotVacant(aside.into()));
    }
    let (directory, aside) = (absolute(directory)?, absolute(aside)?);
    let _lock = Lock::take(&directory)?;
    let (manifest, copy) = copy(backup, &directory)?;
    rename(&directory, &aside)?;
    if let Err(error) = rename(&copy, &directory) {
        rename(&aside, &directory)?;
        return Err(error);
    }
    Ok(manifest)
}

/// A verified copy of the backup beside the directory that it is for.
fn copy(backup: &Path, directory: &Path) -> Result<(Manifest, PathBuf), BackupError> {
    let manifest = verify_backup(backup)?;
    let copy = data_dir::unfinished_beside(directory);
    match fs::remove_dir_all(&copy) {
        // What a restore that was cut short has left.
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(BackupError::file(copy)(error)),
        _ => files::create_directory(&copy)?,
    }
    // It may be empty, and a manifest has files only.
    files::create_directory(&copy.join(VAULT))?;
    for file in &manifest.files {
        let from = backup.join(&file.path);
        if files::copy(backup, &from, &copy)? != *file {
            return Err(BackupError::Differs(from));
        }
    }
    files::sync_directories(&copy)?;
    Ok((manifest, copy))
}

fn absolute(path: &Path) -> Result<PathBuf, BackupError> {
    std::path::absolute(path).map_err(BackupError::file(path))
}

fn rename(from: &Path, to: &Path) -> Result<(), BackupError> {
    fs::rename(from, to).map_err(BackupError::file(to))?;
    sync(to.parent().unwrap_or(Path::new("/")))
}
