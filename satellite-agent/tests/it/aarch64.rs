//! The packaged satellite for aarch64, under QEMU's user emulation.

use crate::{
    hub::{Hub, wait},
    satellite::Satellite,
};
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tokio::process::Command;

/// The package, run by QEMU with the C library of Debian's cross compiler.
fn satellite() -> Command {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let target = target.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"));
    let program = target.join("satellite/marvain-satellite-aarch64");
    assert!(program.exists(), "{} is missing: `scripts/package --satellite` makes it", program.display());
    let mut command = Command::new("qemu-aarch64-static");
    command.args(["-L", "/usr/aarch64-linux-gnu"]).arg(program);
    command
}

#[tokio::test]
#[ignore = "needs the package: scripts/package --satellite"]
async fn the_package_for_aarch64_enrols_connects_and_is_heard() {
    let version = satellite().arg("--version").output().await.unwrap();
    assert!(version.status.success(), "{version:?}");
    let said = String::from_utf8(version.stdout).unwrap();
    assert!(said.contains(env!("CARGO_PKG_VERSION")), "{said}");
    let (hub, dir) = (Hub::start().await, TempDir::new().unwrap());
    hub.claim(&dir.path().join("claim")).await;
    let identity = dir.path().join("identity");
    let mut enrol = satellite();
    enrol.args(["enrol", "--json", "--serial", "den", "--code", "right-code", "--claim"]);
    let enrolled = enrol.arg(dir.path().join("claim")).arg("--identity").arg(&identity).output().await.unwrap();
    assert!(enrolled.status.success(), "{}", String::from_utf8_lossy(&enrolled.stderr));
    let mut running = Satellite::spawn(satellite(), &identity);
    wait("the connection", async || hub.is_online("den").then_some(())).await;
    running.say("hello").await;
    hub.get("den/event/transcript", 1).await;
    running.stop().await;
}
