//! The audit log's objects as files: a vault, a copy of one, an export.
//!
//! Symbolic links are never followed and nothing but regular files is read, each of a bounded size: a copy that somebody
//! hands over may hold anything.

use marvain_domain::audit::{ReadError, ReadObject, store::OBJECT_BYTES_MAX};
use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
};

/// Deepest that directories may nest: more than any key of a log.
const DEPTH_MAX: usize = 16;

/// A directory of objects.
pub(crate) struct FileObjects {
    root: PathBuf,
}

impl FileObjects {
    /// The objects below `root`.
    ///
    /// # Errors
    /// If it is no directory that can be read.
    pub(crate) fn open(root: &Path) -> io::Result<Self> {
        // A log that is not there must not look like an empty one.
        fs::read_dir(root)?;
        Ok(Self { root: root.to_owned() })
    }

    /// The file of `key`; none if there is none, an error if it is anything but a regular file below real directories.
    fn find(&self, key: &str) -> io::Result<Option<PathBuf>> {
        let mut path = self.root.clone();
        let mut segments = key.split('/').peekable();
        while let Some(segment) = segments.next() {
            if segment.is_empty() || matches!(segment, "." | "..") || segment.contains('\0') {
                return Err(io::Error::other("it is no key of an object"));
            }
            path.push(segment);
            let kind = match fs::symlink_metadata(&path) {
                Ok(metadata) => metadata.file_type(),
                Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                    return Ok(None);
                }
                Err(e) => return Err(e),
            };
            let last = segments.peek().is_none();
            match (last, kind.is_file(), kind.is_dir()) {
                (true, true, _) | (false, _, true) => {}
                (true, _, true) | (false, true, _) => return Ok(None),
                _ => return Err(io::Error::other("it is neither a regular file nor a directory")),
            }
        }
        Ok(Some(path))
    }

    fn bytes(&self, key: &str) -> io::Result<Option<Vec<u8>>> {
        let Some(path) = self.find(key)? else { return Ok(None) };
        let mut bytes = Vec::new();
        File::open(path)?.take(OBJECT_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
        if bytes.len() > OBJECT_BYTES_MAX {
            return Err(io::Error::other(format!("it has more than {OBJECT_BYTES_MAX} bytes")));
        }
        Ok(Some(bytes))
    }

    fn walk(&self, prefix: &str, visit: &mut dyn FnMut(&str)) -> io::Result<()> {
        let mut open = vec![fs::read_dir(&self.root)?];
        let mut names: Vec<String> = Vec::new();
        while let Some(directory) = open.last_mut() {
            let Some(entry) = directory.next().transpose()? else {
                open.pop();
                names.pop();
                continue;
            };
            names.push(entry.file_name().to_string_lossy().into_owned());
            if entry.file_type()?.is_dir() {
                if open.len() >= DEPTH_MAX {
                    return Err(io::Error::other(format!("`{}` is too deep", names.join("/"))));
                }
                open.push(fs::read_dir(entry.path())?);
                continue;
            }
            let key = names.join("/");
            if key.starts_with(prefix) {
                visit(&key);
            }
            names.pop();
        }
        Ok(())
    }
}

impl ReadObject for FileObjects {
    fn read(&self, key: &str) -> Result<Option<Vec<u8>>, ReadError> {
        self.bytes(key).map_err(|e| ReadError { what: key.to_owned(), source: e.into() })
    }

    fn list(&self, prefix: &str, visit: &mut dyn FnMut(&str)) -> Result<(), ReadError> {
        self.walk(prefix, visit).map_err(|e| ReadError { what: prefix.to_owned(), source: e.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn objects(dir: &Path) -> FileObjects {
        fs::create_dir_all(dir.join("tile/0")).unwrap();
        fs::write(dir.join("key"), "k").unwrap();
        fs::write(dir.join("tile/0/000"), "t").unwrap();
        FileObjects::open(dir).unwrap()
    }

    #[test]
    fn objects_are_found_by_key_and_listed_by_prefix() {
        let dir = tempfile::tempdir().unwrap();
        let objects = objects(dir.path());
        assert_eq!(objects.read("tile/0/000").unwrap().unwrap(), b"t");
        for absent in ["tile", "tile/0/001", "tile/9/000", "key/x"] {
            assert!(objects.read(absent).unwrap().is_none(), "{absent}");
        }
        let list = |prefix: &str| {
            let mut keys = Vec::new();
            objects.list(prefix, &mut |key| keys.push(key.to_owned())).unwrap();
            keys.sort();
            keys
        };
        assert_eq!(list(""), ["key", "tile/0/000"]);
        assert_eq!(list("tile/"), ["tile/0/000"]);
        assert!(FileObjects::open(&dir.path().join("nowhere")).is_err());
    }

    #[test]
    fn nothing_outside_is_read_and_nothing_without_bound() {
        let dir = tempfile::tempdir().unwrap();
        let objects = objects(dir.path());
        fs::write(dir.path().join("secret"), "s").unwrap();
        symlink(dir.path().join("secret"), dir.path().join("tile/0/001")).unwrap();
        symlink(dir.path(), dir.path().join("tile/1")).unwrap();
        for bad in ["../secret", "tile/../secret", "", "/key", "tile//000", "tile/0/001", "tile/1/key"] {
            assert!(objects.read(bad).is_err(), "{bad}");
        }
        let big = File::create(dir.path().join("tile/0/002")).unwrap();
        big.set_len(OBJECT_BYTES_MAX as u64 + 1).unwrap();
        assert!(objects.read("tile/0/002").is_err());
        let mut deep = dir.path().to_owned();
        deep.extend(std::iter::repeat_n("d", DEPTH_MAX + 1));
        fs::create_dir_all(deep).unwrap();
        assert!(objects.list("", &mut |_| ()).is_err());
    }
}
