//! `enrol`, `online`: from a claim and a code to a satellite that is there.

use super::{Proof, Scene, StepError, satellite::log};
use marvain_console::satellites::NewEnrolment;
use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf};
use tokio::time::Instant;

/// A one-time code that lets the device of this serial enrol.
pub(crate) async fn code(scene: &Scene, serial: &str, replace: bool) -> Result<String, StepError> {
    let new =
        NewEnrolment { serial: serial.parse()?, space: Some(scene.space.clone()), person: None, ttl_s: None, replace };
    Ok(scene.owner()?.create_enrolment(&new).await?.code)
}

/// The satellite becomes a thing of its own, with a key that it made itself. Answers with the key's file.
pub(crate) async fn enrol(scene: &mut Scene, code: String) -> Result<PathBuf, StepError> {
    let identity = scene.path("satellite");
    let output = tokio::process::Command::new(std::env::current_exe()?)
        .args(["agent", "enrol", "--serial", scene.id.as_str(), "--claim"])
        .arg(scene.path("claim"))
        .arg("--identity")
        .arg(&identity)
        .env("MARVAIN_ENROLMENT_CODE", code)
        .output()
        .await?;
    fs::write(log(&scene.dir, "enrol"), &output.stderr)?;
    if !output.status.success() {
        return Err(format!("enrolment failed: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let key = identity.join("private.key");
    let mode = fs::metadata(&key)?.permissions().mode() & 0o777;
    if mode != 0o600 {
        return Err(format!("the private key is readable by others: mode {mode:o}").into());
    }
    Ok(key)
}

/// The first digits of the certificate that the hub knows the satellite by.
pub(crate) async fn certificate(scene: &Scene) -> Result<String, StepError> {
    let satellite = scene.owner()?.satellite(&scene.id).await?;
    Ok(satellite.satellite.certificate_id.get(..12).unwrap_or_default().to_owned())
}

const CONFIG: &str = r#"
[[input]]
name = "typed"
kind = "stdin"
emit = "transcript"

[[input]]
name = "stream"
kind = "file"
path = "stream.txt"
emit = "transcript"

[[actuator]]
name = "lamp"
kind = "command"
description = "the lamp: a line in a file each time it is switched"
argv = ["sh", "-c", 'printf "%s\n" "$1" >> "$2"', "lamp", "{state}", LAMP]
timeout_s = 10

[actuator.args.state]
type = "text"
enum = ["on", "off"]

[[actuator]]
name = "say"
kind = "say"
"#;

/// Presence shows the satellite soon after its process's start.
pub(crate) async fn online(scene: &mut Scene) -> Proof {
    // A JSON string is a TOML string.
    let config = CONFIG.replace("LAMP", &serde_json::to_string(&scene.lamp())?);
    fs::write(scene.path("satellite.toml"), config)?;
    fs::write(scene.path("stream.txt"), "")?;
    let began = Instant::now();
    scene.start_satellite()?;
    let shown = async || {
        let info = scene.owner()?.satellite(&scene.id).await?;
        Ok(Some(info.presence).filter(|presence| presence.online && !presence.capabilities.is_empty()))
    };
    let presence = scene.until("presence", 10, shown).await?;
    let ms = began.elapsed().as_millis();
    scene.prompt("presence shows it", ms)?;
    let names: Vec<_> = presence.capabilities.iter().map(|capability| capability.name.to_string()).collect();
    Ok(format!("shown {ms} ms after the process began; it offers {}", names.join(", ")))
}
