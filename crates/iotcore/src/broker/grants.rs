//! What one connection may do, looked up when it connects and again when the registry has changed.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use parking_lot::Mutex;

use super::Broker;
use crate::ids::{CertificateId, Status};
use crate::policy::{Action, Context, PolicyDocument, PolicyError, Request, Resource, evaluate};
use crate::registry::principal::{Principal, principal};
use crate::store::StoreError;

/// Policies that are kept parsed; beyond, they are parsed for each connection.
const CACHED_POLICIES_MAX: usize = 1000;

/// Parsed policies by name, shared by the connections that have them.
#[derive(Debug, Default)]
pub(crate) struct PolicyCache(Mutex<HashMap<String, (String, Arc<PolicyDocument>)>>);

impl PolicyCache {
    fn parsed(&self, name: String, text: String) -> Result<Arc<PolicyDocument>, PolicyError> {
        let mut cache = self.0.lock();
        if let Some((cached_text, document)) = cache.get(&name)
            && *cached_text == text
        {
            return Ok(Arc::clone(document));
        }
        let document = Arc::new(PolicyDocument::parse(&text)?);
        if cache.len() < CACHED_POLICIES_MAX || cache.contains_key(&name) {
            cache.insert(name, (text, Arc::clone(&document)));
        }
        Ok(document)
    }
}

/// The permissions of a connection, as of `epoch`.
#[derive(Debug)]
pub(crate) struct Grants {
    epoch: u64,
    active: bool,
    thing_attached: bool,
    thing_of_others: bool,
    documents: Vec<Arc<PolicyDocument>>,
}

impl Grants {
    /// Looks them up. A certificate that is unknown or not active has none.
    pub(crate) async fn load(broker: &Broker, id: CertificateId, client_id: &Arc<str>) -> Result<Self, StoreError> {
        // Before the read: a change during it is seen the next time.
        let epoch = broker.registry_epoch.load(Ordering::Acquire);
        let client_id = Arc::clone(client_id);
        let found = broker.store.read(move |connection| principal(connection, id, &client_id)).await?;
        let Some(found) = found.filter(|found| found.status == Status::Active) else {
            return Ok(Self {
                epoch,
                active: false,
                thing_attached: false,
                thing_of_others: false,
                documents: Vec::new(),
            });
        };
        let Principal { policies, thing_attached, thing_of_others, .. } = found;
        let documents = policies.into_iter().map(|(name, text)| broker.policies.parsed(name, text));
        let documents = documents.collect::<Result<_, _>>().map_err(|error| StoreError::Value(error.to_string()))?;
        Ok(Self { epoch, active: true, thing_attached, thing_of_others, documents })
    }

    /// Whether the client id is the name of a thing that the certificate is not attached to.
    pub(crate) fn are_under_anothers_name(&self) -> bool {
        self.thing_of_others
    }

    /// Whether nothing they rest on has changed.
    pub(crate) fn are_current(&self, broker: &Broker) -> bool {
        self.epoch == broker.registry_epoch.load(Ordering::Acquire)
    }

    /// Whether the certificate is active.
    pub(crate) fn are_active(&self) -> bool {
        self.active
    }

    pub(crate) fn allow(&self, broker: &Broker, client_id: &str, action: Action, resource: Resource<'_>) -> bool {
        let context = Context {
            region: &broker.config.region,
            account: &broker.config.account,
            client_id,
            thing_name: self.thing_attached.then_some(client_id),
            thing_attached: self.thing_attached,
            certificate_common_name: Some(crate::ca::CLIENT_COMMON_NAME),
        };
        let documents = self.documents.iter().map(Arc::as_ref);
        evaluate(documents, &Request { action, resource, context: &context }).is_allowed()
    }
}
