//! The files of a data directory that are the hub's own: identity, keys, credentials, and where it is running.

use super::system::System;
use marvain_domain::id::PersonId;
use marvain_hub::people::Secret;
use marvain_local::write_durably;
use serde::{Deserialize, Serialize};
use std::{
    fs, io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

/// Seed of the key that signs the audit log's checkpoints, in bytes.
const SEED_BYTES: usize = 32;

/// A file of the data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    /// Not readable or writable.
    #[error("cannot {what} `{}`", path.display())]
    Io {
        what: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// It does not hold what it should.
    #[error("`{}` is damaged: restore it from a backup", .0.display())]
    Damaged(PathBuf),
}

/// Which hub this is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Identity {
    /// Random; names the audit log.
    pub(crate) id: String,
    /// Whose the credential in the data directory is.
    pub(crate) owner: PersonId,
}

/// Paths within a data directory.
#[derive(Clone, Debug)]
pub(crate) struct DataDir(PathBuf);

impl DataDir {
    /// The directory, whose stores are open already; what is missing of its own is made for its owner alone.
    pub(crate) fn open(path: &Path) -> Result<Self, FileError> {
        for path in ["keys", "credentials", "run"].map(|name| path.join(name)) {
            let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&path);
            made.map_err(|source| FileError::Io { what: "make", path, source })?;
        }
        Ok(Self(path.to_owned()))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn iot(&self) -> PathBuf {
        self.0.join("iot")
    }

    pub(crate) fn running(&self) -> PathBuf {
        running(&self.0)
    }

    fn owner_token(&self) -> PathBuf {
        self.0.join("credentials").join("owner.token")
    }

    /// Which hub lives here; a new one of `owner` if nobody does.
    pub(crate) fn identity(&self, owner: &PersonId, system: &System) -> Result<Identity, FileError> {
        let path = self.0.join("identity.json");
        let fresh = || {
            let id = system.random::<8>().iter().map(|byte| format!("{byte:02x}")).collect();
            serde_json::to_vec(&Identity { id, owner: owner.clone() }).unwrap_or_default()
        };
        let bytes = read_or_create(&path, fresh)?;
        serde_json::from_slice(&bytes).map_err(|_| FileError::Damaged(path))
    }

    /// The seed of the audit log's key.
    pub(crate) fn seed(&self, system: &System) -> Result<[u8; SEED_BYTES], FileError> {
        let path = self.0.join("keys").join("audit.seed");
        let bytes = read_or_create(&path, || system.random::<SEED_BYTES>().to_vec())?;
        bytes.try_into().map_err(|_| FileError::Damaged(path))
    }

    /// The owner's token, which only the data directory's owner can read.
    pub(crate) fn owner(&self, system: &System) -> Result<Secret, FileError> {
        let fresh = || Secret::from_bytes(system.random()).reveal().as_bytes().to_vec();
        let path = self.owner_token();
        let bytes = read_or_create(&path, fresh)?;
        let text = String::from_utf8(bytes).map_err(|_| FileError::Damaged(path.clone()))?;
        if text.trim().is_empty() { Err(FileError::Damaged(path)) } else { Ok(Secret::presented(&text)) }
    }

    /// Says where the hub is running, for commands on the same machine.
    pub(crate) fn announce(&self, running: &impl Serialize) -> Result<(), FileError> {
        let path = self.running();
        let bytes = serde_json::to_vec(running).map_err(|_| FileError::Damaged(path.clone()))?;
        write(&path, &bytes)
    }

    /// The hub is running no more.
    pub(crate) fn retract(&self) -> Result<(), FileError> {
        remove(&self.running())
    }
}

/// The file in which a hub on `data` says where it is running.
pub(super) fn running(data: &Path) -> PathBuf {
    data.join("run").join("hub.json")
}

/// Removes a file that may be gone already.
pub(super) fn remove(path: &Path) -> Result<(), FileError> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => {
            Err(FileError::Io { what: "remove", path: path.to_owned(), source: e })
        }
        _ => Ok(()),
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    write_durably(path, bytes).map_err(|source| FileError::Io { what: "write", path: path.to_owned(), source })
}

fn read_or_create(path: &Path, fresh: impl FnOnce() -> Vec<u8>) -> Result<Vec<u8>, FileError> {
    match fs::read(path) {
        Ok(bytes) => Ok(bytes),
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            let bytes = fresh();
            write(path, &bytes)?;
            Ok(bytes)
        }
        Err(source) => Err(FileError::Io { what: "read", path: path.to_owned(), source }),
    }
}
