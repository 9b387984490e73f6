//! Certificate ownership tokens: what proves that a device made the certificate it wants to be provisioned with.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};

use super::error::Rejection;
use crate::ids::{CertificateId, Status};
use crate::limits::PENDING_CERTIFICATES_PER_CLAIM_MAX;
use crate::ports::Entropy;
use crate::store::{StoreError, Tx};

/// A secret of 256 bits; only its hash is stored.
pub(super) fn generate(entropy: &dyn Entropy) -> String {
    let mut secret = [0; 32];
    entropy.fill(&mut secret);
    URL_SAFE_NO_PAD.encode(secret)
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

/// Stores a token for a certificate that `claim` has asked for.
pub(super) fn store(
    connection: &Connection,
    token: &str,
    certificate: CertificateId,
    claim: CertificateId,
    expires_ms: u64,
) -> Result<(), Rejection> {
    let claim = claim.to_string();
    let pending: i64 = connection
        .prepare_cached("SELECT count(*) FROM ownership_tokens WHERE claim_id = ?1")?
        .query_row([&claim], |row| row.get(0))?;
    if pending.unsigned_abs() >= PENDING_CERTIFICATES_PER_CLAIM_MAX {
        return Err(Rejection::TooMany);
    }
    connection
        .prepare_cached(
            "INSERT INTO ownership_tokens (hash, certificate_id, claim_id, expires_ms) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![hash(token), certificate.to_string(), claim, expires_ms as i64])?;
    Ok(())
}

/// The certificate that the token stands for, if it is unused and has not expired.
pub(super) fn certificate(connection: &Connection, token: &str, now_ms: u64) -> Result<CertificateId, Rejection> {
    let id: Option<String> = connection
        .prepare_cached("SELECT certificate_id FROM ownership_tokens WHERE hash = ?1 AND expires_ms > ?2")?
        .query_row(params![hash(token), now_ms as i64], |row| row.get(0))
        .optional()?;
    let id = id.ok_or(Rejection::Token)?;
    id.parse().map_err(|error: crate::ids::CertificateIdError| StoreError::Value(error.to_string()).into())
}

/// Uses the token up.
pub(super) fn redeem(connection: &Connection, token: &str, now_ms: u64) -> Result<CertificateId, Rejection> {
    let id = certificate(connection, token, now_ms)?;
    connection.prepare_cached("DELETE FROM ownership_tokens WHERE hash = ?1")?.execute([hash(token)])?;
    Ok(id)
}

/// Removes expired tokens and the certificates that were never provisioned with them.
pub(crate) fn sweep(tx: &mut Tx<'_>, now_ms: u64) -> Result<(), StoreError> {
    tx.connection
        .prepare_cached(
            "DELETE FROM certificates WHERE status = ?2
             AND id IN (SELECT certificate_id FROM ownership_tokens WHERE expires_ms <= ?1)",
        )?
        .execute(params![now_ms as i64, Status::PendingActivation.as_str()])?;
    tx.connection.prepare_cached("DELETE FROM ownership_tokens WHERE expires_ms <= ?1")?.execute([now_ms as i64])?;
    Ok(())
}
