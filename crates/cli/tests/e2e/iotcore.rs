//! The embedded IoT Core alone, as a stranger has it: mosquitto's clients as devices, and AWS's own command line to manage it.

use crate::support::{Ran, marvain, terminate, text, until};
use serde_json::{Value, json};
use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Child, Command, Stdio},
};
use tempfile::TempDir;

/// `marvain iotcore`, until it is dropped.
struct Core {
    process: Child,
    ready: Value,
}

impl Core {
    fn start(dir: &TempDir, args: &[&str]) -> Self {
        let mut process = marvain(dir.path())
            .args(["iotcore", "--json", "--mqtt", "127.0.0.1:0", "--https", "127.0.0.1:0", "--data"])
            .arg(dir.path().join("data"))
            .args(args)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line:?}"));
        Self { process, ready }
    }

    /// mosquitto_pub or mosquitto_sub as the device whose folder this is.
    fn mosquitto(&self, program: &str, folder: &Path, args: &[&str]) -> Ran {
        let (_, port) = text(&self.ready["mqtt"]).rsplit_once(':').unwrap();
        let mut command = Command::new(program);
        command.args(["-h", "localhost", "-p", port, "-q", "1", "-i", folder.file_name().unwrap().to_str().unwrap()]);
        for (option, file) in [("--cafile", "root-ca.pem"), ("--cert", "certificate.pem"), ("--key", "private.key")] {
            command.arg(option).arg(folder.join(file));
        }
        Ran::of(command.args(args))
    }

    /// `aws`, which finds it by the files that it is told of.
    fn aws(&self, args: &[&str]) -> Ran {
        let aws = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clients/python/bin/aws");
        assert!(aws.exists(), "{} is missing: `scripts/test` makes it", aws.display());
        let mut command = Command::new(aws);
        // With nothing of whoever runs the tests, who may trust other authorities.
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("AWS_CONFIG_FILE", text(&self.ready["aws_config"]));
        command.env("AWS_SHARED_CREDENTIALS_FILE", text(&self.ready["aws_credentials"]));
        command.env("AWS_EC2_METADATA_DISABLED", "true").args(args);
        Ran::of(&mut command)
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        // It may have ended before.
        drop(self.process.kill());
        self.process.wait().unwrap();
    }
}

#[test]
fn devices_and_aws_use_it_without_a_hub() {
    let dir = TempDir::new().unwrap();
    let mut core = Core::start(&dir, &["--thing", "lamp", "--thing", "switch"]);
    let folders: Vec<_> =
        core.ready["things"].as_array().unwrap().iter().map(|t| text(&t["directory"]).into()).collect();
    let [lamp, switch]: [std::path::PathBuf; 2] = folders.try_into().unwrap();
    for private in [lamp.join("private.key"), text(&core.ready["aws_credentials"]).into()] {
        assert_eq!(fs::metadata(&private).unwrap().permissions().mode() & 0o777, 0o600, "{}", private.display());
    }

    // A device uses its own topics, and no other's.
    let published = core.mosquitto("mosquitto_pub", &lamp, &["-t", "lamp/state", "-m", "on", "-r"]);
    assert_eq!(published.code, Some(0), "{published:?}");
    let heard = core.mosquitto("mosquitto_sub", &lamp, &["-t", "lamp/state", "-C", "1", "-W", "20"]);
    assert_eq!((heard.code, heard.out.trim()), (Some(0), "on"));
    let foreign = core.mosquitto("mosquitto_pub", &switch, &["-V", "5", "-t", "lamp/state", "-m", "off"]);
    assert!(foreign.err.contains("ot authorized"), "{foreign:?}");

    // Its operator sees it, and reads and sets its shadow.
    let listed = core.aws(&["iot", "list-things", "--query", "things[].thingName"]);
    assert_eq!(listed.json(), json!(["lamp", "switch"]), "{listed:?}");
    let out = dir.path().join("shadow.json");
    let desired = dir.path().join("desired.json");
    fs::write(&desired, r#"{"state": {"desired": {"power": "on"}}}"#).unwrap();
    let payload = format!("fileb://{}", desired.display());
    let set = ["iot-data", "update-thing-shadow", "--thing-name", "lamp", "--payload", &payload, out.to_str().unwrap()];
    let set = core.aws(&set);
    assert_eq!(set.code, Some(0), "{set:?}");
    let shadow: Value = serde_json::from_slice(&fs::read(&out).unwrap()).unwrap();
    assert_eq!((&shadow["version"], &shadow["state"]["desired"]["power"]), (&json!(1), &json!("on")));

    // All of it is there after a stop, and nothing is made twice.
    let key = fs::read(lamp.join("private.key")).unwrap();
    assert!(terminate(&mut core.process).success());
    drop(core);
    let core = Core::start(&dir, &["--thing", "lamp"]);
    assert_eq!(fs::read(lamp.join("private.key")).unwrap(), key);
    let heard = core.mosquitto("mosquitto_sub", &lamp, &["-t", "lamp/state", "-C", "1", "-W", "20"]);
    assert_eq!((heard.code, heard.out.trim()), (Some(0), "on"));
    let certificates = core.aws(&["iot", "list-certificates", "--query", "length(certificates)"]);
    assert_eq!(certificates.json(), json!(2), "{certificates:?}");
    // Revoked, it is nobody any more.
    let ids = core.aws(&["iot", "list-thing-principals", "--thing-name", "lamp", "--query", "principals[0]"]).json();
    let id = text(&ids).rsplit_once('/').unwrap().1.to_owned();
    let revoked = core.aws(&["iot", "update-certificate", "--certificate-id", &id, "--new-status", "REVOKED"]);
    assert_eq!(revoked.code, Some(0), "{revoked:?}");
    until("the certificate to be refused", || {
        let published = core.mosquitto("mosquitto_pub", &lamp, &["-t", "lamp/state", "-m", "still on"]);
        (published.code != Some(0)).then_some(())
    });
}

#[test]
fn an_address_in_use_is_said_with_the_way_out() {
    let dir = TempDir::new().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ran = Ran::of(marvain(dir.path()).args(["--json", "iotcore", "--mqtt", &address, "--https", "127.0.0.1:0"]));
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(text(&ran.error()["message"]).contains(&address), "{ran:?}");
}
