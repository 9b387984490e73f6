//! The hub as a process of its own, to be killed like any process.

use crate::{
    embedded::Running,
    scene::{
        StepError,
        satellite::{command, terminate},
    },
};
use std::{path::Path, process::Stdio};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Child,
    time::{self, Duration},
};

/// Longest that a hub may take to be ready, in seconds.
const READY_S: u64 = 30;

/// A hub.
pub(crate) struct HubProcess {
    child: Child,
    pub(crate) running: Running,
}

impl HubProcess {
    /// Starts a hub on `data`; on the addresses of one that ran before, or on free ones.
    pub(crate) async fn start(data: &Path, log: &Path, before: Option<&Running>) -> Result<Self, StepError> {
        let address = |known: Option<&String>| known.cloned().unwrap_or_else(|| "127.0.0.1:0".to_owned());
        let mut child = command(log)?
            .args(["up", "--json", "--time-zone", "UTC", "--data"])
            .arg(data)
            .args(["--mqtt", &address(before.map(|b| &b.mqtt)), "--http", &address(before.map(|b| &b.http))])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = child.stdout.take().ok_or("the hub has no standard output")?;
        let mut lines = BufReader::new(stdout).lines();
        let line = time::timeout(Duration::from_secs(READY_S), lines.next_line()).await??;
        let line = line.ok_or("the hub has ended before it was ready")?;
        Ok(Self { child, running: serde_json::from_str(&line)? })
    }

    /// SIGKILL.
    pub(crate) async fn kill(mut self) -> Result<Running, StepError> {
        self.child.kill().await?;
        Ok(self.running)
    }

    /// SIGTERM, and wait.
    pub(crate) async fn stop(mut self) -> Result<Running, StepError> {
        terminate(&mut self.child).await?;
        Ok(self.running)
    }
}
