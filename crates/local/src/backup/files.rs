//! Walking, copying and hashing files.

use super::{BackupError, cut::Snapshot, manifest::BackupFile, sync};
use crate::data_dir::{self, LOCK, VAULT};
use sha2::{Digest, Sha256};
use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, FileTypeExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// Makes sure that there is an empty directory to write to, and that it is no part of what is to be copied.
pub(super) fn prepare(directory: &Path, destination: &Path) -> Result<(), BackupError> {
    if !data_dir::is_vacant(destination).map_err(BackupError::file(destination))? {
        return Err(BackupError::NotVacant(destination.into()));
    }
    let real = |path: &Path| path.canonicalize().map_err(BackupError::file(path));
    let absolute = std::path::absolute(destination).map_err(BackupError::file(destination))?;
    if let Some(there) = absolute.ancestors().find(|path| path.exists())
        && real(there)?.starts_with(real(directory)?)
    {
        return Err(BackupError::Inside(destination.into()));
    }
    create_directory(destination)
}

/// Copies what is in the data directory and not copied yet: other databases by SQLite, files as they are.
pub(super) fn copy_rest(
    directory: &Path,
    destination: &Path,
    copied: &[BackupFile],
) -> Result<Vec<BackupFile>, BackupError> {
    let is_wanted = |path: &Path| !is_passing(path) && copied.iter().all(|file| file.path != path);
    let mut rest = Vec::new();
    for path in list_except(directory, &directory.join(VAULT))? {
        if !path.strip_prefix(directory).is_ok_and(is_wanted) {
            continue;
        }
        rest.push(if path.extension().is_some_and(|extension| extension == "db") {
            Snapshot::make(path)?.copy_to(directory, destination)?
        } else {
            copy(directory, &path, destination)?
        });
    }
    Ok(rest)
}

/// Files that mean something to running processes only: SQLite's companions, locks, what is being written.
fn is_passing(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    name == LOCK
        || is_unfinished(path)
        || [".db-wal", ".db-shm", ".db-journal", ".lock"].iter().any(|end| name.ends_with(end))
}

/// Is it something that is being written? The path is that below the directory that is copied.
pub(super) fn is_unfinished(path: &Path) -> bool {
    path.components().any(|part| {
        let name = part.as_os_str().to_string_lossy();
        name.starts_with('~') || name.ends_with(".unfinished")
    })
}

/// All files below a directory.
pub(super) fn list(directory: &Path) -> Result<Vec<PathBuf>, BackupError> {
    list_except(directory, Path::new(""))
}

fn list_except(directory: &Path, except: &Path) -> Result<Vec<PathBuf>, BackupError> {
    let mut files = Vec::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).map_err(BackupError::file(&directory))? {
            let entry = entry.map_err(BackupError::file(&directory))?;
            let path = entry.path();
            let kind = entry.file_type().map_err(BackupError::file(&path))?;
            if path == except || kind.is_socket() {
                continue;
            } else if kind.is_dir() {
                directories.push(path);
            } else if kind.is_file() {
                files.push(path);
            } else {
                return Err(BackupError::Strange(path));
            }
        }
    }
    Ok(files)
}

/// Where the copy of a file belongs; makes the directory for it.
pub(super) fn place(from: &Path, file: &Path, to: &Path) -> Result<PathBuf, BackupError> {
    let place = to.join(file.strip_prefix(from).map_err(|_| BackupError::Inside(file.into()))?);
    if let Some(parent) = place.parent() {
        create_directory(parent)?;
    }
    Ok(place)
}

/// Copies a file, mode included, to the same place below another directory.
pub(super) fn copy(from: &Path, file: &Path, to: &Path) -> Result<BackupFile, BackupError> {
    let place = place(from, file, to)?;
    fs::copy(file, &place).map_err(BackupError::file(file))?;
    File::open(&place).and_then(|copy| copy.sync_all()).map_err(BackupError::file(&place))?;
    describe(to, &place)
}

/// What a manifest says of a file.
pub(super) fn describe(root: &Path, file: &Path) -> Result<BackupFile, BackupError> {
    let mut hash = Sha256::new();
    let bytes =
        File::open(file).and_then(|mut file| io::copy(&mut file, &mut hash)).map_err(BackupError::file(file))?;
    let path = file.strip_prefix(root).map_err(|_| BackupError::Inside(file.into()))?.to_owned();
    Ok(BackupFile { path, bytes, sha256: hex::encode(hash.finalize()) })
}

pub(super) fn create_private(path: &Path) -> Result<(), BackupError> {
    let options = &mut OpenOptions::new();
    options.write(true).create_new(true).mode(0o600).open(path).map(drop).map_err(BackupError::file(path))
}

pub(super) fn create_directory(path: &Path) -> Result<(), BackupError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(BackupError::file(path))
}

/// Makes the names in all directories durable.
pub(super) fn sync_directories(directory: &Path) -> Result<(), BackupError> {
    sync(directory)?;
    for entry in fs::read_dir(directory).map_err(BackupError::file(directory))? {
        let path = entry.map_err(BackupError::file(directory))?.path();
        if path.is_dir() {
            sync_directories(&path)?;
        }
    }
    Ok(())
}
