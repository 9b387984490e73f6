//! The hub: its ports, its settings, and how it reads records.

use crate::{
    changes::Stored,
    entity::Entity,
    port::{
        Bus, Fleet, Index, Key, Ledger, LedgerError, Model, Page, Push, Query, Recall, Record, Signer, SignerError,
        Telemetry, Vault,
    },
};
use marvain_domain::{
    audit::{Origin, Tail, Verifier},
    id::AgentId,
    policy::Policies,
};
use std::sync::Arc;
use tokio::sync::{Mutex, OnceCell, RwLock};

/// All that a hub is composed of.
#[derive(Clone)]
pub struct Ports {
    /// Facts.
    pub ledger: Arc<dyn Ledger>,
    /// Memories to be found.
    pub recall: Arc<dyn Recall>,
    /// Proposals.
    pub model: Arc<dyn Model>,
    /// Effects.
    pub bus: Arc<dyn Bus>,
    /// Certificates.
    pub fleet: Arc<dyn Fleet>,
    /// People's devices.
    pub push: Arc<dyn Push>,
    /// The audit log.
    pub vault: Arc<dyn Vault>,
    /// Readings over time.
    pub telemetry: Arc<dyn Telemetry>,
    /// The audit log's key.
    pub signer: Arc<dyn Signer>,
}

/// What distinguishes one hub from another.
pub struct Settings {
    /// The hub's own persona, who proposes.
    pub agent: AgentId,
    /// IANA time zone that the household lives by.
    pub time_zone: String,
    /// The name of the audit log, which its checkpoints begin with.
    pub log_origin: Origin,
}

/// The hub.
pub struct Hub {
    pub(crate) ports: Ports,
    pub(crate) settings: Settings,
    /// None until somebody asks what may be: parsing takes longer than the rest of a function's start.
    pub(crate) policies: RwLock<Option<CachedPolicies>>,
    /// The right edge of the audit log. Whoever seals holds it.
    pub(crate) tail: Mutex<Option<Tail>>,
    /// What checkpoints verify with, once the signer was asked for its public key.
    verifier: OnceCell<Verifier>,
}

/// Parsed policies and the version of the record that they were parsed from; 0 for the default set.
#[derive(Clone)]
pub(crate) struct CachedPolicies {
    pub(crate) version: u64,
    pub(crate) policies: Arc<Policies>,
}

impl Hub {
    /// A hub on these ports; it asks nothing of them yet.
    pub fn new(ports: Ports, settings: Settings) -> Self {
        Self { ports, settings, policies: RwLock::default(), tail: Mutex::new(None), verifier: OnceCell::new() }
    }

    /// The planner's name, as recorded with what it proposes.
    pub fn planner(&self) -> &str {
        self.ports.model.name()
    }

    /// The key that the audit log's checkpoints verify with. The signer is asked once.
    ///
    /// # Errors
    /// [`SignerError`] of the signer, or if its key is none.
    pub async fn verifier_key(&self) -> Result<String, SignerError> {
        Ok(self.verifier().await?.as_str().to_owned())
    }

    pub(crate) async fn verifier(&self) -> Result<&Verifier, SignerError> {
        let ask = async || {
            let public_key = self.ports.signer.public_key().await?;
            let verifier = Verifier::new(&self.settings.log_origin, &public_key);
            verifier.map_err(|error| SignerError::Unfit(Box::new(error)))
        };
        self.verifier.get_or_try_init(ask).await
    }

    pub(crate) async fn load<T: Entity>(&self, key: &Key) -> Result<Option<Stored<T>>, LedgerError> {
        self.ports.ledger.get(key).await?.map(stored).transpose()
    }

    /// One page of a list, typed.
    pub(crate) async fn list<T: Entity>(&self, query: &Query) -> Result<(Vec<Stored<T>>, Option<String>), LedgerError> {
        let Page { records, next } = self.ports.ledger.query(query).await?;
        let values = records.into_iter().map(stored).collect::<Result<_, _>>()?;
        Ok((values, next))
    }

    /// A whole list of at most `most` records; for lists that are short by nature.
    pub(crate) async fn all<T: Entity>(&self, pk: &str, most: usize) -> Result<Vec<Stored<T>>, LedgerError> {
        Ok(self.list(&listing(pk, most)).await?.0)
    }
}

/// The first `limit` records of a list.
pub(crate) fn listing(pk: &str, limit: usize) -> Query {
    Query {
        index: Index::List,
        pk: pk.to_owned(),
        prefix: String::new(),
        through: None,
        descending: false,
        limit,
        after: None,
    }
}

fn stored<T: Entity>(record: Record) -> Result<Stored<T>, LedgerError> {
    let Record { key, version, body, .. } = record;
    let value = serde_json::from_value(body)
        .map_err(|e| LedgerError::Bug(format!("record `{}` `{}` does not read back: {e}", key.pk, key.sk)))?;
    Ok(Stored { value, version })
}
