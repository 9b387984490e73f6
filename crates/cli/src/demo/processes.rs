//! The hub and its satellites as processes of their own, to be killed like any process.

use super::StepError;
use crate::embedded::Running;
use std::{
    fs::File,
    path::{Path, PathBuf},
    process::Stdio,
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    process::{Child, ChildStdin, Command},
    time::{self, Duration},
};

/// Longest that a hub may take to be ready, in seconds.
const READY_S: u64 = 30;
/// Longest that a process may take to end when it is asked to, in seconds.
const STOP_S: u64 = 15;

fn command(log: &Path) -> Result<Command, StepError> {
    let mut command = Command::new(std::env::current_exe()?);
    let log = File::options().create(true).append(true).open(log)?;
    command.kill_on_drop(true).stderr(log);
    // What the demo shows must not depend on who runs it.
    for name in ["OPENAI_API_KEY", "MARVAIN_DATA", "MARVAIN_CREDENTIAL"] {
        command.env_remove(name);
    }
    Ok(command)
}

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

/// A satellite.
pub(crate) struct SatelliteProcess {
    child: Child,
    stdin: Option<ChildStdin>,
}

impl SatelliteProcess {
    pub(crate) fn start(identity: &Path, config: &Path, state: &Path, log: &Path) -> Result<Self, StepError> {
        let mut child = command(log)?
            .args(["agent", "run", "--identity"])
            .arg(identity)
            .arg("--config")
            .arg(config)
            .arg("--state")
            .arg(state)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()?;
        let stdin = child.stdin.take();
        Ok(Self { child, stdin })
    }

    /// Types a line.
    pub(crate) async fn say(&mut self, line: &str) -> Result<(), StepError> {
        let stdin = self.stdin.as_mut().ok_or("the satellite has no standard input")?;
        stdin.write_all(format!("{line}\n").as_bytes()).await?;
        Ok(stdin.flush().await?)
    }

    /// SIGKILL.
    pub(crate) async fn kill(mut self) -> Result<(), StepError> {
        Ok(self.child.kill().await?)
    }

    /// SIGTERM, and wait.
    pub(crate) async fn stop(mut self) -> Result<(), StepError> {
        terminate(&mut self.child).await
    }
}

/// By the system's own `kill`: sending a signal takes what the project's lints forbid.
async fn terminate(child: &mut Child) -> Result<(), StepError> {
    let pid = child.id().ok_or("the process has ended already")?;
    let sent = Command::new("kill").args(["-TERM", &pid.to_string()]).status().await?;
    if !sent.success() {
        return Err(format!("process {pid} cannot be told to stop").into());
    }
    time::timeout(Duration::from_secs(STOP_S), child.wait()).await??;
    Ok(())
}

/// Where the processes of the demo write their logs.
pub(crate) fn log(dir: &Path, name: &str) -> PathBuf {
    dir.join("logs").join(format!("{name}.log"))
}
