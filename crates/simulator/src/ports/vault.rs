//! A vault in memory, and the same behind a line that fails.

use super::simulated;
use crate::{options::Plant, shared::Shared};
use async_trait::async_trait;
use marvain_domain::audit::{ReadError, ReadObject};
use marvain_hub::port::{Put, Vault, VaultError, VaultKey};
use parking_lot::Mutex;
use std::{collections::BTreeMap, sync::Arc};

/// Write-once objects in memory. Clones are the same vault.
#[derive(Clone, Default)]
pub struct MemoryVault(Arc<Mutex<BTreeMap<String, Vec<u8>>>>);

#[async_trait]
impl Vault for MemoryVault {
    async fn put_once(&self, key: &str, bytes: &[u8]) -> Result<Put, VaultError> {
        VaultKey::parse(key)?;
        match self.0.lock().entry(key.to_owned()) {
            std::collections::btree_map::Entry::Vacant(place) => {
                place.insert(bytes.to_vec());
                Ok(Put::Written)
            }
            std::collections::btree_map::Entry::Occupied(there) if there.get() == bytes => Ok(Put::Same),
            std::collections::btree_map::Entry::Occupied(_) => Err(VaultError::Different(key.to_owned())),
        }
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, VaultError> {
        VaultKey::parse(key)?;
        Ok(self.0.lock().get(key).cloned())
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, VaultError> {
        let objects = self.0.lock();
        Ok(objects
            .range(prefix.to_owned()..)
            .map(|(key, _)| key)
            .take_while(|key| key.starts_with(prefix))
            .cloned()
            .collect())
    }
}

impl ReadObject for MemoryVault {
    fn read(&self, key: &str) -> Result<Option<Vec<u8>>, ReadError> {
        Ok(self.0.lock().get(key).cloned())
    }

    fn list(&self, prefix: &str, visit: &mut dyn FnMut(&str)) -> Result<(), ReadError> {
        let keys: Vec<String> = self.0.lock().keys().filter(|key| key.starts_with(prefix)).cloned().collect();
        keys.iter().for_each(|key| visit(key));
        Ok(())
    }
}

pub(crate) struct SimVault {
    pub(crate) inner: MemoryVault,
    pub(crate) shared: Shared,
}

impl SimVault {
    async fn reach(&self) -> Result<(), VaultError> {
        self.shared.boundary().await;
        if self.shared.strikes(|weather| weather.vault_down) {
            return Err(VaultError::Unavailable(simulated("away")));
        }
        Ok(())
    }
}

#[async_trait]
impl Vault for SimVault {
    async fn put_once(&self, key: &str, bytes: &[u8]) -> Result<Put, VaultError> {
        self.reach().await?;
        if self.shared.planted(Plant::VaultForgets, 50) {
            return Ok(Put::Written);
        }
        let put = self.inner.put_once(key, bytes).await?;
        self.shared.boundary().await;
        if self.shared.strikes(|weather| weather.vault_down) {
            return Err(VaultError::Unavailable(simulated("answer lost")));
        }
        Ok(put)
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, VaultError> {
        self.reach().await?;
        self.inner.get(key).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, VaultError> {
        self.reach().await?;
        Vault::list(&self.inner, prefix).await
    }
}
