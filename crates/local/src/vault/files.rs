//! The vault's files, for callers that may wait.

use marvain_domain::audit::store::OBJECT_BYTES_MAX;
use marvain_hub::port::{Put, is_vault_segment};
use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, ErrorKind, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

/// Where objects are written before they get their key. No key has a `~`.
const UNFINISHED: &str = "~unfinished";

pub(super) struct Files {
    root: PathBuf,
    written: AtomicU64,
}

impl Files {
    /// Opens the directory; what a crash has left unfinished goes.
    pub(super) fn open(root: &Path) -> io::Result<Self> {
        let unfinished = root.join(UNFINISHED);
        DirBuilder::new().recursive(true).mode(0o700).create(&unfinished)?;
        for entry in fs::read_dir(&unfinished)? {
            fs::remove_file(entry?.path())?;
        }
        Ok(Self { root: root.to_owned(), written: AtomicU64::new(0) })
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Writes an object; none if there is another with other bytes.
    pub(super) fn put(&self, path: &Path, bytes: &[u8]) -> io::Result<Option<Put>> {
        if bytes.len() > OBJECT_BYTES_MAX {
            return Err(too_large(bytes.len() as u64));
        }
        let place = self.root.join(path);
        let put = match self.get(path)? {
            Some(there) if there == bytes => Some(Put::Same),
            Some(_) => None,
            None => self.write(&place, bytes)?,
        };
        if put.is_some() {
            // Also for an object that was there: whoever linked it may have crashed before this.
            self.sync_directories(path)?;
        }
        Ok(put)
    }

    /// Writes a file beside the objects and links it to its place, which fails if somebody was faster.
    fn write(&self, place: &Path, bytes: &[u8]) -> io::Result<Option<Put>> {
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        let unfinished = self.root.join(UNFINISHED).join(number.to_string());
        let linked = finish(&unfinished, bytes).and_then(|()| {
            if let Some(parent) = place.parent() {
                DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
            }
            fs::hard_link(&unfinished, place)
        });
        match fs::remove_file(&unfinished) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        match linked {
            Ok(()) => Ok(Some(Put::Written)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                Ok((read(place)?.as_deref() == Some(bytes)).then_some(Put::Same))
            }
            Err(error) => Err(error),
        }
    }

    fn sync_directories(&self, path: &Path) -> io::Result<()> {
        path.ancestors().skip(1).try_for_each(|directory| File::open(self.root.join(directory))?.sync_all())
    }

    pub(super) fn get(&self, path: &Path) -> io::Result<Option<Vec<u8>>> {
        read(&self.root.join(path))
    }

    /// The first `limit` keys after `after` that begin with `prefix`, in the order of their bytes.
    pub(super) fn list(&self, prefix: &str, after: &str, limit: usize) -> io::Result<Vec<String>> {
        // Whole segments of the prefix are directories; only the deepest of them has to be walked.
        let directory = prefix.rfind('/').and_then(|end| prefix.get(..=end)).unwrap_or_default();
        let mut keys = Vec::new();
        if directory.split_terminator('/').all(is_vault_segment) {
            self.walk(directory, &|key| key > after && key.starts_with(prefix), after, limit, &mut keys)?;
        }
        Ok(keys)
    }

    /// Walks a directory, which is empty or ends in `/`, but none that has nothing after `after`.
    fn walk(
        &self,
        directory: &str,
        is_wanted: &dyn Fn(&str) -> bool,
        after: &str,
        limit: usize,
        keys: &mut Vec<String>,
    ) -> io::Result<()> {
        let entries = match fs::read_dir(self.root.join(directory)) {
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(()),
            entries => entries?,
        };
        let mut below = Vec::new();
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let Some(name) = name.to_str().filter(|name| is_vault_segment(name)) else { continue };
            let end = if entry.file_type()?.is_dir() { "/" } else { "" };
            below.push(format!("{directory}{name}{end}"));
        }
        // With the slash of a directory this is the order of the keys below them.
        below.sort_unstable();
        for path in below {
            if keys.len() >= limit {
                break;
            }
            if !path.ends_with('/') {
                keys.extend(Some(path).filter(|key| is_wanted(key)));
            } else if path.as_str() > after || after.starts_with(&path) {
                self.walk(&path, is_wanted, after, limit, keys)?;
            }
        }
        Ok(())
    }
}

fn finish(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.set_permissions(fs::Permissions::from_mode(0o444))?;
    file.sync_all()
}

fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
        file => file?,
    };
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Ok(None);
    }
    let limit = OBJECT_BYTES_MAX as u64;
    if metadata.len() > limit {
        return Err(too_large(metadata.len()));
    }
    let mut bytes = Vec::new();
    file.take(limit).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

fn too_large(bytes: u64) -> io::Error {
    io::Error::new(ErrorKind::FileTooLarge, format!("an object of {bytes} bytes; the vault takes {OBJECT_BYTES_MAX}"))
}
