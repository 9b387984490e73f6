//! The files of an identity, from the first half to the last: key, then certificate and token, then the whole.

use super::EnrolError;
use crate::{
    config::{Connection, Endpoint},
    io::{
        files::{self, failed},
        link::{CONNECT_TIMEOUT_S, Session, Target, client_config},
    },
};
use marvain_domain::{Timestamp, chain, id::SatelliteId};
use marvain_topics::acl;
use serde::{Deserialize, Serialize};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// A certificate that is not a thing's yet.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Pending {
    pub(super) serial: SatelliteId,
    pub(super) asked_at: Timestamp,
    pub(super) certificate_pem: String,
    pub(super) certificate_ownership_token: String,
}

/// The directory of an identity that is not complete: it has no `connection.json`, which is written last.
#[derive(Debug)]
pub(super) struct Identity {
    dir: PathBuf,
}

impl Identity {
    pub(super) fn begin(dir: &Path) -> Result<Self, EnrolError> {
        if dir.join("connection.json").exists() {
            return Err(EnrolError::AlreadyEnrolled(dir.to_owned()));
        }
        files::make_dir(dir)?;
        Ok(Self { dir: dir.to_owned() })
    }

    fn pending_path(&self) -> PathBuf {
        self.dir.join("enrolment.json")
    }

    /// The key of an earlier attempt, or a new one (P-256), written before anybody is asked to certify it.
    pub(super) fn key(&self) -> Result<rcgen::KeyPair, EnrolError> {
        let path = self.dir.join("private.key");
        match std::fs::read_to_string(&path) {
            Ok(pem) => Ok(rcgen::KeyPair::from_pem(&pem)?),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
                files::replace(&path, key.serialize_pem().as_bytes())?;
                Ok(key)
            }
            Err(error) => Err(failed("read", &path)(error).into()),
        }
    }

    /// The certificate of an earlier attempt, if it was for this serial.
    pub(super) fn pending(&self, serial: &SatelliteId) -> Result<Option<Pending>, EnrolError> {
        let path = self.pending_path();
        match std::fs::read(&path) {
            Ok(bytes) => {
                let pending: Pending = serde_json::from_slice(&bytes)?;
                Ok((pending.serial == *serial).then_some(pending))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed("read", &path)(error).into()),
        }
    }

    pub(super) fn keep(&self, pending: &Pending) -> Result<(), EnrolError> {
        Ok(files::replace(&self.pending_path(), &serde_json::to_vec_pretty(pending)?)?)
    }

    /// Is the certificate a thing's already? Then the broker lets it connect under the name it was enrolled with.
    pub(super) async fn works(
        &self,
        claim: &Path,
        connection: &Connection,
        pending: &Pending,
    ) -> Result<bool, EnrolError> {
        self.write_certificate(claim, pending)?;
        let endpoint = Endpoint {
            host: connection.endpoint.clone(),
            port: connection.port,
            certificate: self.dir.join("certificate.pem"),
            private_key: self.dir.join("private.key"),
            root_ca: self.dir.join("root-ca.pem"),
        };
        let client_id = acl::satellite(&pending.serial).client_id;
        let target = Target { host: &endpoint.host, port: endpoint.port, client_id: &client_id, clean: true };
        let (mut session, client) = Session::new(&target, client_config(&endpoint)?);
        match session.connect(Duration::from_secs(CONNECT_TIMEOUT_S)).await {
            Ok(_) => session.disconnect(&client).await,
            Err(error) => {
                tracing::debug!(cause = chain(&error), "the certificate of the last attempt is no thing's");
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn write_certificate(&self, claim: &Path, pending: &Pending) -> Result<(), EnrolError> {
        let root = claim.join("root-ca.pem");
        let root = std::fs::read(&root).map_err(failed("read", &root))?;
        files::replace(&self.dir.join("root-ca.pem"), &root)?;
        Ok(files::replace(&self.dir.join("certificate.pem"), pending.certificate_pem.as_bytes())?)
    }

    /// Writes the rest; with `connection.json` the identity is complete.
    pub(super) fn finish(
        &self,
        claim: &Path,
        connection: &Connection,
        thing: &SatelliteId,
        pending: &Pending,
    ) -> Result<(), EnrolError> {
        self.write_certificate(claim, pending)?;
        let connection = Connection { thing: Some(thing.clone()), template: None, ..connection.clone() };
        files::replace(&self.dir.join("connection.json"), &serde_json::to_vec_pretty(&connection)?)?;
        let path = self.pending_path();
        Ok(std::fs::remove_file(&path).map_err(failed("remove", &path))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn the_key_is_made_once_and_only_its_owner_can_read_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("identity");
        let mode = |name: &str| std::fs::metadata(path.join(name)).unwrap().permissions().mode() & 0o777;
        let key = Identity::begin(&path).unwrap().key().unwrap();
        assert_eq!((mode("."), mode("private.key")), (0o700, 0o600));
        let again = Identity::begin(&path).unwrap().key().unwrap();
        assert_eq!(key.serialize_pem(), again.serialize_pem());
    }

    #[test]
    fn an_identity_is_not_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("connection.json"), "{}").unwrap();
        assert!(matches!(Identity::begin(dir.path()), Err(EnrolError::AlreadyEnrolled(_))));
    }
}
