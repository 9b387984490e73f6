//! Things that are made at the start, with what a device needs to be one of them.

use super::{credentials::cannot_use, failed};
use crate::error::CliError;
use marvain_iotcore::{Error, IotCore, names::ThingName};
use marvain_local::write_durably;
use serde::Serialize;
use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

/// The policy of all of them: a device connects under its thing's name, and uses what is below that name and its thing's
/// reserved topics.
const POLICY: &str = "own-topics";
const DOCUMENT: &str = r#"{"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "iot:Connect", "Resource": "arn:aws:iot:*:*:client/${iot:Connection.Thing.ThingName}"},
    {"Effect": "Allow", "Action": ["iot:Publish", "iot:Receive", "iot:RetainPublish"], "Resource": [
        "arn:aws:iot:*:*:topic/${iot:Connection.Thing.ThingName}/*",
        "arn:aws:iot:*:*:topic/$aws/things/${iot:Connection.Thing.ThingName}/*"]},
    {"Effect": "Allow", "Action": "iot:Subscribe", "Resource": [
        "arn:aws:iot:*:*:topicfilter/${iot:Connection.Thing.ThingName}/*",
        "arn:aws:iot:*:*:topicfilter/$aws/things/${iot:Connection.Thing.ThingName}/*"]}
]}"#;

/// The folder with a thing's certificate, its private key and the root certificate.
#[derive(Serialize)]
pub(super) struct Bundle {
    pub(super) thing: ThingName,
    pub(super) directory: PathBuf,
}

/// Makes the thing and its folder, unless they are there.
pub(super) async fn prepare(core: &IotCore, data: &Path, thing: ThingName) -> Result<Bundle, CliError> {
    let directory = data.join("things").join(thing.as_str());
    // Written last.
    let key = directory.join("private.key");
    if !key.exists() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&directory).map_err(cannot_use(&directory))?;
        if core.describe_thing(thing.clone()).await.map_err(failed)?.is_none() {
            core.create_thing(thing.clone(), BTreeMap::new()).await.map_err(failed)?;
        }
        match core.create_policy(POLICY, DOCUMENT).await {
            // Somebody has made it their own.
            Ok(()) | Err(Error::AlreadyExists { .. }) => {}
            Err(error) => return Err(failed(error)),
        }
        let made = core.create_keys_and_certificate(true).await.map_err(failed)?;
        core.attach_policy(POLICY, made.certificate_id).await.map_err(failed)?;
        core.attach_thing(thing.clone(), made.certificate_id).await.map_err(failed)?;
        for (file, text) in [
            (directory.join("root-ca.pem"), core.root_ca_pem()),
            (directory.join("certificate.pem"), &made.certificate_pem),
            (key, &made.private_key_pem),
        ] {
            write_durably(&file, text.as_bytes()).map_err(cannot_use(&file))?;
        }
    }
    Ok(Bundle { thing, directory })
}
