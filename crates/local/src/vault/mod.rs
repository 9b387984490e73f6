//! The port `Vault` on files that are written once and read-only from then on.
//!
//! An object appears under its key whole and durable, by a link to a finished file: there is no moment at which a part
//! of it can be seen, and no way to replace it. It does not know what objects say. One key cannot be the beginning of
//! another's path (`a` and `a/b`), as in any file system.

mod files;

use crate::store::OpenError;
use async_trait::async_trait;
use files::Files;
use marvain_domain::audit::store::{ReadError, ReadObject};
use marvain_hub::port::{Put, Vault, VaultError, VaultKey};
use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Write-once objects in a directory.
#[derive(Clone)]
pub struct FileVault {
    files: Arc<Files>,
}

impl FileVault {
    /// Opens the directory, creating it if it is not there.
    ///
    /// # Errors
    /// [`OpenError`] if it cannot be used.
    pub fn open(root: &Path) -> Result<Self, OpenError> {
        Ok(Self { files: Arc::new(Files::open(root).map_err(OpenError::file(root))?) })
    }

    /// The first `limit` keys after `after`, in order. What comes before is not walked.
    ///
    /// # Errors
    /// [`VaultError::Unavailable`] if the file system refuses.
    pub async fn page(&self, after: Option<&str>, limit: usize) -> Result<Vec<String>, VaultError> {
        let after = after.unwrap_or_default().to_owned();
        self.run(move |files| files.list("", &after, limit).map_err(unavailable)).await
    }

    pub(crate) fn root(&self) -> &Path {
        self.files.root()
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Files) -> Result<T, VaultError> + Send + 'static,
    ) -> Result<T, VaultError> {
        let files = Arc::clone(&self.files);
        let done = tokio::task::spawn_blocking(move || work(&files)).await;
        done.map_err(|error| VaultError::Unavailable(Box::new(error)))?
    }
}

#[async_trait]
impl Vault for FileVault {
    async fn put_once(&self, key: &str, bytes: &[u8]) -> Result<Put, VaultError> {
        let path = path(key)?;
        let (key, bytes) = (key.to_owned(), bytes.to_vec());
        self.run(move |files| match files.put(&path, &bytes).map_err(unavailable)? {
            Some(put) => Ok(put),
            None => Err(VaultError::Different(key)),
        })
        .await
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, VaultError> {
        let path = path(key)?;
        self.run(move |files| files.get(&path).map_err(unavailable)).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, VaultError> {
        let prefix = prefix.to_owned();
        self.run(move |files| files.list(&prefix, "", usize::MAX).map_err(unavailable)).await
    }
}

impl ReadObject for FileVault {
    fn read(&self, key: &str) -> Result<Option<Vec<u8>>, ReadError> {
        let error = |source| ReadError { what: key.to_owned(), source };
        let path = path(key).map_err(|source| error(source.into()))?;
        self.files.get(&path).map_err(|source| error(source.into()))
    }

    fn list(&self, prefix: &str, visit: &mut dyn FnMut(&str)) -> Result<(), ReadError> {
        let error = |source: io::Error| ReadError { what: prefix.to_owned(), source: source.into() };
        self.files.list(prefix, "", usize::MAX).map_err(error)?.iter().for_each(|key| visit(key));
        Ok(())
    }
}

/// The path of an object below the vault's root. What is no key has none, so that nothing leads out of it.
fn path(key: &str) -> Result<PathBuf, VaultError> {
    Ok(PathBuf::from(VaultKey::parse(key)?.as_str()))
}

fn unavailable(error: io::Error) -> VaultError {
    VaultError::Unavailable(Box::new(error))
}
