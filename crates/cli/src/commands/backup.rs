//! `marvain backup`

use crate::{
    client::Client,
    error::{CliError, Exit},
    globals::{Globals, shown},
    output::{self, Output, progress},
};
use clap::Args;
use marvain_local::sync_directory;
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Deepest that a backup's directories may nest.
const DEPTH_MAX: usize = 16;

/// Make a backup while the hub runs.
#[derive(Args, Debug)]
pub(crate) struct Backup {
    /// Where to put it; it must not be there yet [default: where the hub keeps its backups]
    #[arg(long, value_name = "PATH")]
    out: Option<PathBuf>,
}

pub(super) async fn run(Backup { out: to }: Backup, globals: &Globals) -> Result<(), CliError> {
    let (client, out) = (Client::connect(globals)?, Output::new(globals));
    if let Some(to) = to.as_ref().filter(|to| fs::symlink_metadata(to).is_ok()) {
        return Err(CliError::new(Exit::Conflict, format!("`{}` is there already", shown(to)))
            .hint("nothing is overwritten: use another path for `--out`"));
    }
    let working = progress::spinner(globals, "backing up");
    let made = client.backup().await;
    working.finish_and_clear();
    let mut made = made?;
    // The hub chooses where it writes; whoever asks moves it with their own rights.
    if let Some(to) = to {
        relocate(&made.path, &to)
            .map_err(|e| CliError::failure(format!("the backup stays at `{}`", shown(&made.path))).because(e))?;
        made.path = to;
    }
    out.show(&made, output::operations::backup)
}

/// Renames, or copies to another file system and removes.
fn relocate(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            copy(from, to, DEPTH_MAX)?;
            sync_directory(&parent(to)?)?;
            // All of the copy is durable from here on.
            if from.is_dir() { fs::remove_dir_all(from) } else { fs::remove_file(from) }
        }
        renamed => renamed,
    }
}

/// Copies files and directories with their permissions; anything else is an error.
fn copy(from: &Path, to: &Path, depth: usize) -> io::Result<()> {
    let metadata = fs::symlink_metadata(from)?;
    if metadata.is_file() {
        fs::copy(from, to)?;
        return fs::File::open(to)?.sync_all();
    }
    if !metadata.is_dir() || depth == 0 {
        return Err(io::Error::other(format!("`{}` is no part of a backup", shown(from))));
    }
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        copy(&entry.path(), &to.join(entry.file_name()), depth - 1)?;
    }
    fs::set_permissions(to, metadata.permissions())?;
    sync_directory(to)
}

/// The directory that has `path` in it.
fn parent(path: &Path) -> io::Result<PathBuf> {
    let path = std::path::absolute(path)?;
    Ok(path.parent().unwrap_or(Path::new("/")).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backup_is_moved_whole() {
        let dir = tempfile::tempdir().unwrap();
        let from = dir.path().join("from");
        fs::create_dir_all(from.join("a/b")).unwrap();
        fs::write(from.join("a/b/c"), "c").unwrap();
        copy(&from, &dir.path().join("copied"), DEPTH_MAX).unwrap();
        assert_eq!(fs::read(dir.path().join("copied/a/b/c")).unwrap(), b"c");
        assert!(copy(&from, &dir.path().join("shallow"), 1).is_err());
        for (path, above) in [("/x", "/"), ("/x/y/", "/x")] {
            assert_eq!(parent(Path::new(path)).unwrap(), Path::new(above));
        }
        assert_eq!(parent(Path::new("x")).unwrap(), std::env::current_dir().unwrap());
        relocate(&from, &dir.path().join("to")).unwrap();
        assert!(!from.exists() && dir.path().join("to/a/b/c").exists());
    }
}
