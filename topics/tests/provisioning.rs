//! The systemd units and the cloud-init file in `provisioning` say what the runbook says that they do.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says why")]

use serde_yaml_ng::Value;
use std::{collections::BTreeSet, fs, path::Path, process::Command};

/// What an identity and a claim consist of.
const IDENTITY: [&str; 4] = ["certificate.pem", "connection.json", "private.key", "root-ca.pem"];
const UNITS: [&str; 2] = ["marvain-satellite.service", "marvain-satellite-enrol.service"];

fn read(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../provisioning").join(name)).unwrap()
}

/// Values of a unit's setting, in order. Comments and sections are left out.
fn settings<'a>(unit: &'a str, name: &str) -> Vec<&'a str> {
    let lines = unit.lines().filter(|line| !line.starts_with(['#', '[']));
    lines.filter_map(|line| line.split_once('=')).filter(|(key, _)| *key == name).map(|(_, value)| value).collect()
}

#[test]
fn units_are_sandboxed() {
    for unit in UNITS {
        let text = read(unit);
        for (name, value) in [
            ("NoNewPrivileges", "yes"),
            ("CapabilityBoundingSet", ""),
            ("ProtectSystem", "strict"),
            ("ProtectHome", "yes"),
            ("PrivateTmp", "yes"),
            ("PrivateDevices", "yes"),
            ("ProtectKernelTunables", "yes"),
            ("RestrictNamespaces", "yes"),
            ("RestrictSUIDSGID", "yes"),
            ("MemoryDenyWriteExecute", "yes"),
            ("RestrictAddressFamilies", "AF_INET AF_INET6 AF_UNIX"),
            ("SystemCallArchitectures", "native"),
            ("UMask", "0077"),
            ("StartLimitIntervalSec", "0"),
        ] {
            assert_eq!(settings(&text, name), [value], "{name} of {unit}");
        }
        assert_eq!(settings(&text, "SystemCallFilter"), ["@system-service", "~@privileged @resources"], "{unit}");
    }
}

/// `systemd-analyze` of Debian's package `systemd`, on a file system where there is what the units name.
#[test]
fn systemd_understands_the_units() {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("provisioning");
    let (units, programs) = (root.join("etc/systemd/system"), ["bin/rm", "usr/local/bin/marvain-satellite"]);
    fs::create_dir_all(&units).unwrap();
    for target in ["sysinit", "basic", "shutdown", "network", "network-online", "time-sync"] {
        fs::write(units.join(format!("{target}.target")), "[Unit]\n").unwrap();
    }
    for program in programs.map(|program| root.join(program)) {
        fs::create_dir_all(program.parent().unwrap()).unwrap();
        fs::copy("/bin/true", program).unwrap();
    }
    for unit in UNITS {
        fs::write(units.join(unit), read(unit)).unwrap();
    }
    let mut verify = Command::new("systemd-analyze");
    let ran = verify.args(["verify", "--man=no", "--root"]).arg(&root).args(UNITS).output().unwrap();
    let said = String::from_utf8(ran.stderr).unwrap();
    // systemd before 254 does not know these two, and says so.
    let complaints: Vec<_> = said
        .lines()
        .filter(|line| !["RestartSteps", "RestartMaxDelaySec"].iter().any(|new| line.contains(&format!("'{new}'"))))
        .collect();
    assert!(ran.status.success() && complaints.is_empty(), "{}: {complaints:?}", ran.status);
}

#[test]
fn the_satellite_runs_as_nobody_and_has_its_identity_as_credentials() {
    let unit = read(UNITS[0]);
    assert_eq!(settings(&unit, "DynamicUser"), ["yes"]);
    assert_eq!(settings(&unit, "Restart"), ["always"]);
    assert_eq!(settings(&unit, "ConditionPathExists"), ["/etc/marvain/identity/connection.json"]);
    let credentials: BTreeSet<_> = settings(&unit, "LoadCredential").into_iter().collect();
    assert_eq!(
        credentials,
        IDENTITY.map(|file| format!("{file}:/etc/marvain/identity/{file}")).iter().map(String::as_str).collect()
    );
    let run = settings(&unit, "ExecStart");
    let expected = "run --identity %d --config /etc/marvain/satellite.toml --state ${STATE_DIRECTORY}";
    assert_eq!(run, [format!("/usr/local/bin/marvain-satellite {expected}")]);
}

#[test]
fn enrolment_happens_once_and_leaves_no_claim() {
    let unit = read(UNITS[1]);
    assert_eq!(settings(&unit, "ConditionPathExists"), ["!/etc/marvain/identity/connection.json"]);
    assert_eq!(settings(&unit, "OnSuccess"), [UNITS[0]]);
    assert_eq!(settings(&unit, "ExecStartPost"), ["/bin/rm -rf /etc/marvain/claim /etc/marvain/enrolment.env"]);
}

#[test]
fn cloud_init_puts_everything_where_the_units_look_for_it() {
    let text = read("cloud-init.yaml");
    assert!(text.starts_with("#cloud-config\n"));
    let config: Value = serde_yaml_ng::from_str(&text).unwrap();
    let written = config["write_files"].as_sequence().unwrap().iter();
    let written: Vec<_> =
        written.map(|file| (file["path"].as_str().unwrap(), file["permissions"].as_str().unwrap())).collect();
    assert_eq!(written, [("/etc/marvain/enrolment.env", "0600"), ("/etc/marvain/satellite.toml", "0644")]);

    let commands: Vec<Vec<_>> = config["runcmd"]
        .as_sequence()
        .unwrap()
        .iter()
        .map(|command| command.as_sequence().unwrap().iter().map(|word| word.as_str().unwrap()).collect())
        .collect();
    let at = |command: &[&str]| commands.iter().position(|known| known == command).unwrap();
    let wiped = at(&["rm", "-rf", "/boot/firmware/marvain/claim"]);
    for file in IDENTITY {
        let source = format!("/boot/firmware/marvain/claim/{file}");
        assert!(at(&["install", "-m", "0600", "-t", "/etc/marvain/claim", &source]) < wiped);
    }
    let loaded = at(&["systemctl", "daemon-reload"]);
    for unit in UNITS {
        let source = format!("/boot/firmware/marvain/{unit}");
        assert!(at(&["install", "-m", "0644", "-t", "/etc/systemd/system", &source]) < loaded);
    }
    assert!(loaded < at(&["systemctl", "enable", UNITS[0], UNITS[1]]));
}
