//! What both brokers work with: the authority, the clients' certificates, and a fresh directory for each start.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};

use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, Issuer, KeyPair, PKCS_ECDSA_P256_SHA256};
use tempfile::TempDir;
use tokio::process::Command;

use crate::Result;
use crate::broker::{Broker, Mosquitto};
use crate::device::{Device, Devices};
use crate::ours;

pub(crate) struct Site {
    directory: TempDir,
    starts: AtomicUsize,
}

impl Site {
    /// A new authority, a certificate of its own for each of `devices`, and one for mosquitto.
    pub(crate) async fn make(devices: usize) -> Result<Self> {
        let site = Self { directory: TempDir::new()?, starts: AtomicUsize::new(0) };
        let made = Command::new(std::env::current_exe()?)
            .arg(ours::MAKE)
            .arg(site.made())
            .arg(devices.to_string())
            .stdin(Stdio::null())
            .status()
            .await?;
        if !made.success() {
            return Err("the certificates could not be made".into());
        }
        site.certify_mosquitto()?;
        Ok(site)
    }

    /// The clients' certificates, ready to connect with.
    pub(crate) fn devices(&self) -> Result<Vec<Device>> {
        let made: Vec<(String, String)> = serde_json::from_slice(&fs::read(self.made().join(ours::DEVICES_FILE))?)?;
        let devices = Devices::new(&fs::read_to_string(self.root())?)?;
        made.iter().map(|(certificate, key)| devices.device(certificate, key)).collect()
    }

    /// Starts our broker as it was when the certificates had been made.
    pub(crate) async fn ours(&self) -> Result<Broker> {
        let data = self.fresh()?;
        copy(&self.made(), &data)?;
        Broker::ours(&data).await
    }

    /// Starts mosquitto with nothing in its store.
    pub(crate) async fn mosquitto(&self, mosquitto: &Mosquitto) -> Result<Broker> {
        let files = [self.root(), self.file("mosquitto.pem"), self.file("mosquitto.key")];
        Broker::mosquitto(mosquitto, &self.fresh()?, files.each_ref().map(PathBuf::as_path)).await
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn made(&self) -> PathBuf {
        self.file("made")
    }

    fn root(&self) -> PathBuf {
        self.made().join("ca/root-ca.pem")
    }

    fn fresh(&self) -> Result<PathBuf> {
        let fresh = self.file(&format!("run-{}", self.starts.fetch_add(1, Ordering::Relaxed)));
        fs::create_dir(&fresh)?;
        Ok(fresh)
    }

    fn certify_mosquitto(&self) -> Result<()> {
        let authority = KeyPair::from_pem(&fs::read_to_string(self.made().join("ca/root-ca.key"))?)?;
        let issuer = Issuer::from_ca_cert_pem(&fs::read_to_string(self.root())?, authority)?;
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()])?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        fs::write(self.file("mosquitto.pem"), params.signed_by(&key, &issuer)?.pem())?;
        fs::write(self.file("mosquitto.key"), key.serialize_pem())?;
        Ok(())
    }
}

/// Copies what is in a directory.
fn copy(from: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            fs::create_dir(&to)?;
            copy(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}
