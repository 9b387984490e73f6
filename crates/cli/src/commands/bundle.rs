//! Bundles on disk: `certificate.pem`, `private.key`, `root-ca.pem` and `connection.json`, all that an MQTT client needs.

use crate::{
    error::{CliError, Exit},
    globals::shown,
};
use marvain_console::satellites::Bundle;
use marvain_domain::id::SatelliteId;
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

/// The certificate, PEM.
pub(crate) const CERTIFICATE: &str = "certificate.pem";
/// The private key, PEM; readable by its owner alone.
pub(crate) const PRIVATE_KEY: &str = "private.key";
/// The broker's root certificate, PEM.
pub(crate) const ROOT_CA: &str = "root-ca.pem";
/// Where to connect.
pub(crate) const CONNECTION: &str = "connection.json";

/// Largest file of a bundle in bytes.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// Where to connect, and as what.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Connection {
    /// Host that the broker answers to.
    pub(crate) endpoint: String,
    /// Its port.
    pub(crate) port: u16,
    /// Thing name and client id; a claim has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) thing: Option<SatelliteId>,
    /// Name of the fleet provisioning template; a satellite needs none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) template: Option<String>,
}

/// What was written, and where.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(crate) struct Written {
    /// The directory.
    pub(crate) out: PathBuf,
    /// Hex SHA-256 of the certificate.
    pub(crate) certificate_id: String,
    #[serde(flatten)]
    pub(crate) connection: Connection,
}

/// A directory that a bundle will be written to. Made before the certificate, so that no key is lost for want of a place.
pub(crate) struct Place(PathBuf);

impl Place {
    /// Makes the directory, for its owner alone, and sees that none of the four files is there.
    pub(crate) fn prepare(out: &Path) -> Result<Self, CliError> {
        for name in [CERTIFICATE, PRIVATE_KEY, ROOT_CA, CONNECTION] {
            let path = out.join(name);
            if fs::symlink_metadata(&path).is_ok() {
                return Err(CliError::new(Exit::Conflict, format!("`{}` is there already", shown(&path)))
                    .hint("nothing is overwritten: use another directory for `--out`"));
            }
        }
        let made = DirBuilder::new().recursive(true).mode(0o700).create(out);
        made.map_err(|e| CliError::failure(format!("cannot make `{}`", shown(out))).because(e))?;
        Ok(Self(out.to_owned()))
    }

    /// Writes the bundle.
    pub(crate) fn write(
        self,
        bundle: &Bundle,
        thing: Option<SatelliteId>,
        template: Option<&str>,
    ) -> Result<Written, CliError> {
        let Self(out) = self;
        let connection = Connection {
            endpoint: bundle.endpoint.clone(),
            port: bundle.port,
            thing,
            template: template.map(str::to_owned),
        };
        let json = serde_json::to_string(&connection);
        let mut json = json.map_err(|e| CliError::failure("the connection has no JSON form").because(e))?;
        json.push('\n');
        write(&out, PRIVATE_KEY, &bundle.private_key_pem, 0o600)?;
        write(&out, CERTIFICATE, &bundle.certificate_pem, 0o644)?;
        write(&out, ROOT_CA, &bundle.root_ca_pem, 0o644)?;
        write(&out, CONNECTION, &json, 0o644)?;
        Ok(Written { out, certificate_id: bundle.certificate_id.clone(), connection })
    }
}

fn write(dir: &Path, name: &str, text: &str, mode: u32) -> Result<(), CliError> {
    let path = dir.join(name);
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    write().map_err(|e: io::Error| CliError::failure(format!("cannot write `{}`", shown(&path))).because(e))
}

/// Where the bundle in `dir` connects.
pub(crate) fn connection(dir: &Path) -> Result<Connection, CliError> {
    let path = dir.join(CONNECTION);
    let failed = || {
        CliError::failure(format!("cannot read `{}`", shown(&path)))
            .hint("`--identity` is a directory from `marvain satellite add`")
    };
    let file = File::open(&path).map_err(|e| failed().because(e))?;
    let bytes = io::Read::take(file, FILE_BYTES_MAX);
    serde_json::from_reader(bytes).map_err(|e| failed().because(e))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn bundle() -> Bundle {
        Bundle {
            certificate_id: "c".into(),
            certificate_pem: "CERT".into(),
            private_key_pem: "KEY".into(),
            root_ca_pem: "ROOT".into(),
            endpoint: "localhost".into(),
            port: 8883,
        }
    }

    #[test]
    fn a_bundle_is_four_files_and_the_key_is_private() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("den");
        Place::prepare(&out).unwrap().write(&bundle(), Some("den".parse().unwrap()), None).unwrap();
        let read = |name: &str| fs::read_to_string(out.join(name)).unwrap();
        assert_eq!([CERTIFICATE, PRIVATE_KEY, ROOT_CA].map(read), ["CERT", "KEY", "ROOT"]);
        assert_eq!(read(CONNECTION), "{\"endpoint\":\"localhost\",\"port\":8883,\"thing\":\"den\"}\n");
        assert_eq!(fs::metadata(out.join(PRIVATE_KEY)).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(connection(&out).unwrap().thing.unwrap().as_str(), "den");
    }

    #[test]
    fn a_claim_names_the_template_and_no_thing() {
        let dir = tempfile::tempdir().unwrap();
        Place::prepare(dir.path()).unwrap().write(&bundle(), None, Some("t")).unwrap();
        let text = fs::read_to_string(dir.path().join(CONNECTION)).unwrap();
        assert_eq!(text, "{\"endpoint\":\"localhost\",\"port\":8883,\"template\":\"t\"}\n");
    }

    #[test]
    fn nothing_is_overwritten() {
        for name in [CERTIFICATE, PRIVATE_KEY, ROOT_CA, CONNECTION] {
            let dir = tempfile::tempdir().unwrap();
            fs::write(dir.path().join(name), "mine").unwrap();
            assert_eq!(Place::prepare(dir.path()).err().unwrap().exit(), Exit::Conflict);
            assert_eq!(fs::read_to_string(dir.path().join(name)).unwrap(), "mine");
        }
    }
}
