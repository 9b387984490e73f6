//! What AWS's command line and SDKs need to find the IoT Core and to sign for it: a credentials file and a config file, as the AWS
//! SDKs and Tools Reference Guide has them. The access key is made once, and is the only one there is.

use super::failed;
use crate::{embedded::System, error::CliError};
use marvain_iotcore::AccessKey;
use marvain_local::write_durably;
use std::{
    fs, io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

const ID: &str = "aws_access_key_id";
const SECRET: &str = "aws_secret_access_key";

/// Where they are.
pub(super) struct Files {
    pub(super) config: PathBuf,
    pub(super) credentials: PathBuf,
}

/// The access key, a new one if there is none, and the files that have it, for their owner alone.
pub(super) fn prepare(
    data: &Path,
    system: &System,
    region: &str,
    endpoint: &str,
    root_ca: &Path,
) -> Result<(AccessKey, Files), CliError> {
    let directory = data.join("aws");
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&directory).map_err(cannot_use(&directory))?;
    let files = Files { config: directory.join("config"), credentials: directory.join("credentials") };
    let (id, secret) = match fs::read_to_string(&files.credentials) {
        Ok(text) => parse(&text).ok_or_else(|| {
            CliError::failure(format!("`{}` has no access key", files.credentials.display()))
                .hint("restore it, or remove it for a new key to be made")
        })?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let (id, secret) = generate(system);
            write(&files.credentials, &format!("[default]\n{ID} = {id}\n{SECRET} = {secret}\n"))?;
            (id, secret)
        }
        Err(error) => return Err(cannot_use(&files.credentials)(error)),
    };
    let root_ca = root_ca.display();
    write(&files.config, &format!("[default]\nregion = {region}\nendpoint_url = {endpoint}\nca_bundle = {root_ca}\n"))?;
    Ok((AccessKey::new(id, secret).map_err(failed)?, files))
}

/// In the form of AWS's: an id of 20 characters, a secret of 40, here with 64 and 160 bits that nobody can guess.
fn generate(system: &System) -> (String, String) {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02X}")).collect::<String>();
    (format!("AKIA{}", hex(&system.random::<8>())), hex(&system.random::<20>()))
}

fn parse(text: &str) -> Option<(String, String)> {
    let value = |name: &str| {
        let values = text.lines().filter_map(|line| line.split_once('='));
        let value = values.map(|(key, value)| (key.trim(), value.trim())).find(|(key, _)| *key == name)?.1;
        Some(value.to_owned())
    };
    Some((value(ID)?, value(SECRET)?))
}

fn write(path: &Path, text: &str) -> Result<(), CliError> {
    write_durably(path, text.as_bytes()).map_err(cannot_use(path))
}

pub(super) fn cannot_use(path: &Path) -> impl FnOnce(io::Error) -> CliError {
    let path = path.display().to_string();
    move |error| CliError::failure(format!("cannot use `{path}`")).because(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    #[test]
    fn a_key_is_made_once_and_a_file_without_one_is_not_replaced() {
        let data = TempDir::new().unwrap();
        let system = System::new().unwrap();
        let prepare = || prepare(data.path(), &system, "local", "https://localhost:1", Path::new("root.pem"));
        let (first, files) = prepare().unwrap();
        assert_eq!(prepare().unwrap().0, first);
        let config = fs::read_to_string(files.config).unwrap();
        assert!(config.contains("endpoint_url = https://localhost:1\n") && config.contains("ca_bundle = root.pem\n"));
        fs::write(&files.credentials, "[default]\naws_access_key_id = AKIA\n").unwrap();
        assert!(prepare().is_err());
        assert_eq!(fs::read_to_string(&files.credentials).unwrap(), "[default]\naws_access_key_id = AKIA\n");
    }
}
