//! What one connection may do, looked up when it connects and again when the registry has changed.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use parking_lot::Mutex;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::Broker;
use crate::certificate::Subject;
use crate::ids::{CertificateId, Status};
use crate::policy::{
    Action, ConnectFacts, Context, PolicyDocument, PolicyError, Request, Resource, ThingFacts, evaluate,
};
use crate::registry::principal::{Principal, ThingOfPrincipal, principal};
use crate::store::StoreError;

/// Policies that are kept parsed; beyond, they are parsed for each connection.
const CACHED_POLICIES_MAX: usize = 1000;

/// Parsed policies by name, shared by the connections that have them.
#[derive(Debug, Default)]
pub(crate) struct PolicyCache(Mutex<HashMap<String, (String, Arc<PolicyDocument>)>>);

impl PolicyCache {
    fn parsed(&self, name: String, text: String) -> Result<Arc<PolicyDocument>, PolicyError> {
        if let Some((cached_text, document)) = self.0.lock().get(&name)
            && *cached_text == text
        {
            return Ok(Arc::clone(document));
        }
        let document = Arc::new(PolicyDocument::parse(&text)?);
        let mut cache = self.0.lock();
        if cache.len() >= CACHED_POLICIES_MAX {
            // Those that no connection has any more make room.
            cache.retain(|_, (_, document)| Arc::strong_count(document) > 1);
        }
        if cache.len() < CACHED_POLICIES_MAX || cache.contains_key(&name) {
            cache.insert(name, (text, Arc::clone(&document)));
        }
        Ok(document)
    }
}

/// The permissions of a connection, as of `epoch`, and the facts that policies ask about.
#[derive(Debug, Default)]
pub(crate) struct Grants {
    epoch: u64,
    active: bool,
    certificate_id: String,
    certificate: Option<Subject>,
    source_ip: Option<String>,
    thing: Option<ThingOfPrincipal>,
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
            return Ok(Self { epoch, ..Self::default() });
        };
        let Principal { pem, policies, thing, thing_of_others, .. } = found;
        let documents = policies.into_iter().map(|(name, text)| broker.policies.parsed(name, text));
        let documents = documents.collect::<Result<_, _>>().map_err(|error| StoreError::Value(error.to_string()))?;
        let der = CertificateDer::from_pem_slice(pem.as_bytes()).ok();
        Ok(Self {
            epoch,
            active: true,
            certificate_id: id.to_string(),
            certificate: der.and_then(|der| Subject::parse(&der)),
            source_ip: None,
            thing,
            thing_of_others,
            documents,
        })
    }

    /// For a connection from this address.
    pub(crate) fn seen_from(self, ip: IpAddr) -> Self {
        Self { source_ip: Some(ip.to_canonical().to_string()), ..self }
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
        self.decide(action, resource, &self.context(broker, client_id))
    }

    /// Whether the client may connect in this way.
    pub(crate) fn allow_connect(&self, broker: &Broker, client_id: &str, asked: ConnectFacts<'_>) -> bool {
        let context = Context { connect: Some(asked), ..self.context(broker, client_id) };
        self.decide(Action::Connect, Resource::Client(client_id), &context)
    }

    fn decide(&self, action: Action, resource: Resource<'_>, context: &Context<'_>) -> bool {
        let documents = self.documents.iter().map(Arc::as_ref);
        evaluate(documents, &Request { action, resource, context }).is_allowed()
    }

    fn context<'a>(&'a self, broker: &'a Broker, client_id: &'a str) -> Context<'a> {
        let thing = self.thing.as_ref().map(|thing| ThingFacts {
            name: client_id,
            type_name: thing.type_name.as_deref(),
            attributes: &thing.attributes,
        });
        Context {
            source_ip: self.source_ip.as_deref(),
            certificate_id: Some(&self.certificate_id),
            certificate: self.certificate.as_ref(),
            thing,
            ..Context::new(&broker.config.region, &broker.config.account, client_id)
        }
    }
}
