//! Files that are there whole or not at all, readable by their owner only.

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

/// A file and its path could not be worked with.
#[derive(Debug, thiserror::Error)]
#[error("cannot {what} `{}`", path.display())]
pub struct FileError {
    /// What was tried.
    pub what: &'static str,
    /// With which file.
    pub path: PathBuf,
    /// Why not.
    pub source: io::Error,
}

/// Names what was tried with which file.
pub(crate) fn failed(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FileError {
    move |source| FileError { what, path: path.to_owned(), source }
}

/// Makes a directory and its parents, mode 0700.
pub(crate) fn make_dir(path: &Path) -> Result<(), FileError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed("make", path))
}

/// Makes the names in a directory durable.
pub(crate) fn sync_dir(path: &Path) -> Result<(), FileError> {
    File::open(path).and_then(|dir| dir.sync_all()).map_err(failed("sync", path))
}

/// Opens a new or old file for appending, mode 0600.
pub(crate) fn append_to(path: &Path) -> Result<File, FileError> {
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(0o600).open(path).map_err(failed("open", path))
}

/// Replaces `path` by a file with this content, mode 0600, durably: after a crash the old or the new one is there.
pub(crate) fn replace(path: &Path, content: &[u8]) -> Result<(), FileError> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let new = path.with_file_name(name);
    let mut options = OpenOptions::new();
    let mut write = || {
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(content)?;
        file.sync_all()?;
        std::fs::rename(&new, path)
    };
    write().map_err(failed("write", path))?;
    path.parent().map_or(Ok(()), sync_dir)
}

/// Puts a damaged file out of the way, under a name that is free; answers the name.
pub(crate) fn keep_aside(path: &Path) -> Result<PathBuf, FileError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut aside = path.with_file_name(format!("{name}.corrupt"));
    let mut n = 1_u32;
    while aside.exists() {
        n = n.saturating_add(1);
        aside = path.with_file_name(format!("{name}.{n}.corrupt"));
    }
    std::fs::copy(path, &aside).and_then(|_| File::open(&aside)?.sync_all()).map_err(failed("keep aside", path))?;
    Ok(aside)
}
