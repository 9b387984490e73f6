//! Backup of a data directory while it is in use, and the way back.
//!
//! The databases and the vault are cut at one instant: their writers are held for as long as it takes to begin a read
//! in each and to list the vault, milliseconds, and copied afterwards. That matters, because a delivery moves from the
//! queues into the ledger and on into other queues: of two copies made one after the other, either could miss it. It
//! also keeps the vault between what the ledger knows to be sealed and what the ledger has given a place, so that
//! sealing after a restore writes the very bytes that are there. Everything else in the directory is copied after that
//! instant, other `*.db` through SQLite: effects that the ledger believes done are in them.
//!
//! No file that SQLite has open is opened by other means here: closing it would drop SQLite's locks (POSIX `fcntl`).

mod cut;
mod files;
mod manifest;
mod restore;

pub use manifest::{BackupFile, Manifest, verify_backup};
pub use restore::{replace, restore};

use crate::{LocalStores, OpenError, StoreError, data_dir};
use cut::Cut;
use marvain_domain::Timestamp;
use std::{
    io,
    path::{Path, PathBuf},
};

/// Why a backup, its verification or a restore did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The file system refused.
    #[error("cannot read or write `{}`", path.display())]
    File {
        /// Which file or directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A database could not be copied.
    #[error("cannot copy the database `{}`", path.display())]
    Database {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
    /// A database could not be brought to rest.
    #[error("cannot hold the databases for a moment")]
    Store(#[from] StoreError),
    /// The data directory cannot be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// There is something at the destination.
    #[error("`{}` is not empty: nothing was written", .0.display())]
    NotVacant(PathBuf),
    /// The destination lies in the data directory.
    #[error("`{}` lies inside of the data directory: give a place outside of it", .0.display())]
    Inside(PathBuf),
    /// A link or a device, which cannot be backed up.
    #[error("`{}` is neither file nor directory: move it out of the data directory", .0.display())]
    Strange(PathBuf),
    /// No backup, or one that was never finished.
    #[error("`{}` is no complete backup: it has no manifest.json", .0.display())]
    Incomplete(PathBuf),
    /// The manifest is not one.
    #[error("`{}` cannot be understood", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// The manifest has more files than can be read again.
    #[error("`{}` has {bytes} bytes, more than the {bytes_max} that a manifest may have", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// The largest.
        bytes_max: u64,
    },
    /// The manifest is of a later format, or names files outside of the backup.
    #[error("`{}` is no manifest that this program can use", .0.display())]
    Unusable(PathBuf),
    /// A file of the manifest is missing, or one is there that the manifest does not have, or bytes differ.
    #[error("`{}` is not as the backup's manifest has it", .0.display())]
    Differs(PathBuf),
    /// The data directory was moved aside, and then neither the backup nor it could take its place.
    #[error("the data are in `{}` and cannot be moved back: rename it by hand", aside.display())]
    Aside {
        /// Where the data are.
        aside: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The backup has taken the data's place, and the file system does not promise to keep it so.
    #[error("`{}` is restored, but may not be after a power failure", path.display())]
    Unsure {
        /// The data directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl BackupError {
    fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        |source| Self::File { path, source }
    }

    fn database(path: impl Into<PathBuf>) -> impl FnOnce(rusqlite::Error) -> Self {
        let path = path.into();
        |source| Self::Database { path, source }
    }
}

impl LocalStores {
    /// Copies the data directory to `destination`, which must be empty or absent and outside of it, while it is in use.
    /// The backup is complete once its manifest is there, which is written last.
    ///
    /// # Errors
    /// [`BackupError`]; what was written until then stays and is no backup.
    pub async fn backup(&self, destination: &Path, now: Timestamp) -> Result<Manifest, BackupError> {
        let (directory, destination) = (self.directory().to_owned(), destination.to_owned());
        let prepare = (directory.clone(), destination.clone());
        blocking(move || files::prepare(&prepare.0, &prepare.1)).await?;
        let cut = self.cut().await?;
        // The copying goes on when nobody waits for it any more; nobody may swap the directory under it.
        let lock = self.lock();
        blocking(move || {
            let _lock = lock;
            let mut copied = cut.copy_to(&directory, &destination)?;
            copied.extend(files::copy_rest(&directory, &destination, &copied)?);
            files::sync_directories(&destination)?;
            manifest::write(&destination, now, copied)
        })
        .await
    }

    /// The instant that the backup is of.
    async fn cut(&self) -> Result<Cut, BackupError> {
        let stores = [self.ledger.store(), self.queues.store(), self.recall.store(), self.telemetry.store()];
        let mut held = Vec::new();
        for store in stores {
            held.push(store.hold().await?);
        }
        let databases = stores.iter().filter_map(|store| store.path().map(Path::to_owned)).collect();
        let vault = self.vault.root().to_owned();
        let cut = blocking(move || Cut::make(databases, &vault)).await;
        drop(held);
        cut
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BackupError> + Send + 'static,
) -> Result<T, BackupError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| StoreError::Closed)?
}

fn sync(directory: &Path) -> Result<(), BackupError> {
    data_dir::sync_directory(directory).map_err(BackupError::file(directory))
}
