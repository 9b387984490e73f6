//! `CreateCertificateFromCsr` and `CreateKeysAndCertificate`: a certificate that is not active yet, and its ownership token.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::error::Rejection;
use super::tokens;
use crate::broker::{Broker, Connected};
use crate::ca::{CaError, Issued};
use crate::ids::Status;
use crate::limits::OWNERSHIP_TOKEN_MS;
use crate::registry::certificates;
use crate::store::{StoreError, Tx};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CsrRequest {
    certificate_signing_request: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Made {
    certificate_id: String,
    certificate_pem: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    private_key: Option<String>,
    certificate_ownership_token: String,
}

pub(super) async fn from_csr(broker: &Arc<Broker>, connected: &Connected, payload: &[u8]) -> Result<Made, Rejection> {
    let request: CsrRequest = serde_json::from_slice(payload).map_err(Rejection::Payload)?;
    let issued = broker.ca.client_from_csr(&request.certificate_signing_request).map_err(Rejection::Csr)?;
    register(broker, connected, issued, None).await
}

pub(super) async fn with_keys(broker: &Arc<Broker>, connected: &Connected) -> Result<Made, Rejection> {
    let (issued, private_key) = broker.ca.client().map_err(|error: CaError| StoreError::Value(error.to_string()))?;
    register(broker, connected, issued, Some(private_key)).await
}

async fn register(
    broker: &Arc<Broker>,
    connected: &Connected,
    issued: Issued,
    private_key: Option<String>,
) -> Result<Made, Rejection> {
    let token = tokens::generate(broker.entropy.as_ref());
    let made = Made {
        certificate_id: issued.id.to_string(),
        certificate_pem: issued.pem.clone(),
        private_key,
        certificate_ownership_token: token.clone(),
    };
    let (claim, now_ms) = (connected.certificate_id, broker.clock.now_ms());
    let job = move |tx: &mut Tx<'_>| {
        certificates::register(tx.connection, &issued, Status::PendingActivation, now_ms)?;
        tokens::store(tx.connection, &token, issued.id, claim, now_ms + OWNERSHIP_TOKEN_MS)
    };
    broker.store.write(job).await?;
    Ok(made)
}
