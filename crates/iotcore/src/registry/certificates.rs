//! Client certificates and their statuses.

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::ca::Issued;
use crate::error::Error;
use crate::ids::{CertificateId, CertificateIdError, Status};
use crate::limits::{FOREIGN_CERTIFICATES_MAX, PAGE_ITEMS_MAX};
use crate::store::StoreError;

/// A registered client certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Its id.
    pub id: CertificateId,
    /// The certificate itself.
    pub pem: String,
    /// Whether it may connect.
    pub status: Status,
    /// When it was registered, in milliseconds since 1970.
    pub created_ms: u64,
    /// Whether another CA has issued it. AWS: `certificateMode` is `SNI_ONLY`.
    pub is_foreign: bool,
}

pub(crate) fn register(
    connection: &Connection,
    issued: &Issued,
    status: Status,
    now_ms: u64,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("INSERT INTO certificates (id, pem, status, created_ms) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![issued.id.to_string(), issued.pem, status.as_str(), now_ms as i64])?;
    Ok(())
}

/// Registers a certificate that another CA has issued. API Reference, `RegisterCertificateWithoutCA`.
pub(crate) fn register_foreign(
    connection: &Connection,
    certificate: &Issued,
    status: Status,
    now_ms: u64,
) -> Result<(), Error> {
    if get(connection, certificate.id)?.is_some() {
        return Err(Error::AlreadyExists { kind: "certificate", name: certificate.id.to_string() });
    }
    let others: i64 = connection
        .prepare_cached("SELECT count(*) FROM certificates WHERE is_foreign")?
        .query_row([], |row| row.get(0))?;
    if others.unsigned_abs() >= FOREIGN_CERTIFICATES_MAX {
        return Err(Error::LimitExceeded { what: "certificates of other authorities", max: FOREIGN_CERTIFICATES_MAX });
    }
    register(connection, certificate, status, now_ms)?;
    connection
        .prepare_cached("UPDATE certificates SET is_foreign = 1 WHERE id = ?1")?
        .execute([certificate.id.to_string()])?;
    Ok(())
}

/// Those that another CA has issued.
pub(crate) fn foreign(connection: &Connection) -> Result<Vec<CertificateId>, StoreError> {
    connection
        .prepare("SELECT id FROM certificates WHERE is_foreign")?
        .query_map([], |row| row.get::<_, String>(0))?
        .map(|id| id?.parse().map_err(|error: CertificateIdError| StoreError::Value(error.to_string())))
        .collect()
}

pub(crate) fn get(connection: &Connection, id: CertificateId) -> Result<Option<Certificate>, StoreError> {
    connection
        .prepare_cached("SELECT id, pem, status, created_ms, is_foreign FROM certificates WHERE id = ?1")?
        .query_row([id.to_string()], |row| Ok(certificate(row)))
        .optional()?
        .transpose()
}

/// Certificates after the id `after`, in the order of their ids, at most [`PAGE_ITEMS_MAX`].
pub(crate) fn list(connection: &Connection, after: &str) -> Result<Vec<Certificate>, StoreError> {
    connection
        .prepare_cached(
            "SELECT id, pem, status, created_ms, is_foreign FROM certificates WHERE id > ?1 ORDER BY id LIMIT ?2",
        )?
        .query_map(params![after, PAGE_ITEMS_MAX as i64], |row| Ok(certificate(row)))?
        .map(|row| row?)
        .collect()
}

fn certificate(row: &Row<'_>) -> Result<Certificate, StoreError> {
    let value = |error: &dyn std::fmt::Display| StoreError::Value(error.to_string());
    Ok(Certificate {
        id: row.get::<_, String>(0)?.parse().map_err(|error| value(&error))?,
        pem: row.get(1)?,
        status: row.get::<_, String>(2)?.parse().map_err(|error| value(&error))?,
        created_ms: row.get::<_, i64>(3)?.unsigned_abs(),
        is_foreign: row.get(4)?,
    })
}

/// The certificate must be registered.
pub(crate) fn require(connection: &Connection, id: CertificateId) -> Result<(), Error> {
    get(connection, id)?.map(drop).ok_or_else(|| Error::no_certificate(&id))
}

pub(crate) fn set_status(connection: &Connection, id: CertificateId, status: Status) -> Result<(), Error> {
    match connection
        .prepare_cached("UPDATE certificates SET status = ?2 WHERE id = ?1")?
        .execute(params![id.to_string(), status.as_str()])?
    {
        0 => Err(Error::no_certificate(&id)),
        _ => Ok(()),
    }
}

/// Lets a certificate be removed from then on.
pub(crate) fn expire(connection: &Connection, id: CertificateId, expires_ms: u64) -> Result<(), StoreError> {
    connection
        .prepare_cached("UPDATE certificates SET expires_ms = ?2 WHERE id = ?1")?
        .execute(params![id.to_string(), expires_ms as i64])?;
    Ok(())
}

/// Removes certificates that have expired by `now_ms`, at most `rows_max`, and gives their ids.
pub(crate) fn sweep(connection: &Connection, now_ms: u64, rows_max: u64) -> Result<Vec<CertificateId>, StoreError> {
    connection
        .prepare_cached(
            "DELETE FROM certificates WHERE id IN (SELECT id FROM certificates WHERE expires_ms <= ?1 LIMIT ?2)
             RETURNING id",
        )?
        .query_map(params![now_ms as i64, rows_max as i64], |row| row.get::<_, String>(0))?
        .map(|id| id?.parse().map_err(|error: crate::ids::CertificateIdError| StoreError::Value(error.to_string())))
        .collect()
}

/// Deletes a certificate that is not active, with its attachments. API Reference, `DeleteCertificate`.
pub(crate) fn delete(connection: &Connection, id: CertificateId) -> Result<(), Error> {
    let certificate = get(connection, id)?.ok_or_else(|| Error::no_certificate(&id))?;
    if certificate.status == Status::Active {
        return Err(Error::CertificateActive { id });
    }
    connection.prepare_cached("DELETE FROM certificates WHERE id = ?1")?.execute([id.to_string()])?;
    Ok(())
}
