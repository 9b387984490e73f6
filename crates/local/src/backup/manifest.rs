//! The manifest: which files a backup has, with their hashes. A backup without one was never finished.

use super::{BackupError, files};
use crate::data_dir::write_durably;
use marvain_domain::Timestamp;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeSet,
    fs::File,
    io::{ErrorKind, Read},
    path::{Component, Path, PathBuf},
};

/// Its name.
pub(super) const MANIFEST: &str = "manifest.json";
/// The format that this program writes and reads.
const FORMAT: u32 = 1;
/// Longest manifest, in bytes: some six million files.
const MANIFEST_BYTES_MAX: u64 = 1 << 30;

/// What a backup consists of.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Of the backup; 1.
    pub format: u32,
    /// When it was made.
    pub at: Timestamp,
    /// Its files, by path.
    pub files: Vec<BackupFile>,
}

/// A file of a backup.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupFile {
    /// Relative to the backup, as in the data directory.
    pub path: PathBuf,
    /// Length.
    pub bytes: u64,
    /// Hex SHA-256.
    pub sha256: String,
}

pub(super) fn write(destination: &Path, at: Timestamp, mut files: Vec<BackupFile>) -> Result<Manifest, BackupError> {
    files.sort_unstable();
    let manifest = Manifest { format: FORMAT, at, files };
    let path = destination.join(MANIFEST);
    let text = encode(&manifest, &path, MANIFEST_BYTES_MAX)?;
    write_durably(&path, &text).map_err(BackupError::file(path))?;
    Ok(manifest)
}

/// A manifest that can be read again.
fn encode(manifest: &Manifest, path: &Path, bytes_max: u64) -> Result<Vec<u8>, BackupError> {
    let text = serde_json::to_vec(manifest).map_err(|source| BackupError::Manifest { path: path.into(), source })?;
    within(text.len() as u64, path, bytes_max)?;
    Ok(text)
}

fn within(bytes: u64, path: &Path, bytes_max: u64) -> Result<(), BackupError> {
    if bytes <= bytes_max { Ok(()) } else { Err(BackupError::TooLarge { path: path.into(), bytes, bytes_max }) }
}

/// Checks that a backup is complete and has the bytes that it was written with. Reads all of it, and blocks.
///
/// # Errors
/// [`BackupError`] with the first file that is not as it should be.
pub fn verify_backup(backup: &Path) -> Result<Manifest, BackupError> {
    let manifest = read(backup)?;
    let known: BTreeSet<&Path> = manifest.files.iter().map(|file| file.path.as_path()).collect();
    for path in files::list(backup)? {
        let is_known = path.strip_prefix(backup).is_ok_and(|path| known.contains(path) || path == Path::new(MANIFEST));
        if !is_known {
            return Err(BackupError::Differs(path));
        }
    }
    for file in &manifest.files {
        let path = backup.join(&file.path);
        match files::describe(backup, &path) {
            Ok(found) if found == *file => {}
            Err(BackupError::File { source, .. }) if source.kind() != ErrorKind::NotFound => {
                return Err(BackupError::File { path, source });
            }
            _ => return Err(BackupError::Differs(path)),
        }
    }
    Ok(manifest)
}

fn read(backup: &Path) -> Result<Manifest, BackupError> {
    let path = backup.join(MANIFEST);
    let file = match File::open(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(BackupError::Incomplete(backup.into())),
        file => file.map_err(BackupError::file(&path))?,
    };
    within(file.metadata().map_err(BackupError::file(&path))?.len(), &path, MANIFEST_BYTES_MAX)?;
    let mut text = Vec::new();
    file.take(MANIFEST_BYTES_MAX).read_to_end(&mut text).map_err(BackupError::file(&path))?;
    let manifest: Manifest =
        serde_json::from_slice(&text).map_err(|source| BackupError::Manifest { path: path.clone(), source })?;
    let stays_inside = |file: &BackupFile| file.path.components().all(|part| matches!(part, Component::Normal(_)));
    if manifest.format == FORMAT && manifest.files.iter().all(stays_inside) {
        Ok(manifest)
    } else {
        Err(BackupError::Unusable(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_manifest_is_written_that_could_not_be_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(MANIFEST);
        let manifest = Manifest { format: FORMAT, at: Timestamp::EPOCH, files: vec![] };
        let text = encode(&manifest, &path, MANIFEST_BYTES_MAX).unwrap();
        let bytes = text.len() as u64;
        assert!(encode(&manifest, &path, bytes).is_ok());
        let refused = encode(&manifest, &path, bytes - 1);
        assert!(matches!(refused, Err(BackupError::TooLarge { .. })), "{refused:?}");
        File::create(&path).unwrap().set_len(MANIFEST_BYTES_MAX + 1).unwrap();
        let refused = read(dir.path());
        assert!(matches!(refused, Err(BackupError::TooLarge { .. })), "{refused:?}");
    }
}
