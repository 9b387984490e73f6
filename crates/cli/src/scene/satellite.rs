//! A satellite as a process of its own, to be killed like any process.

use super::StepError;
use std::{
    fs::File,
    path::{Path, PathBuf},
    process::Stdio,
};
use tokio::{
    io::AsyncWriteExt as _,
    process::{Child, ChildStdin, Command},
    time::{self, Duration},
};

/// Longest that a process may take to end when it is asked to, in seconds.
const STOP_S: u64 = 15;
/// What the environment may say that a scene must not depend on.
const FOREIGN: [&str; 5] = ["OPENAI_API_KEY", "MARVAIN_DATA", "MARVAIN_CREDENTIAL", "MARVAIN_ENV", "MARVAIN_STACK"];

/// This program, with its errors in `log`.
pub(crate) fn command(log: &Path) -> Result<Command, StepError> {
    let mut command = Command::new(std::env::current_exe()?);
    let log = File::options().create(true).append(true).open(log)?;
    command.kill_on_drop(true).stderr(log);
    for name in FOREIGN {
        command.env_remove(name);
    }
    Ok(command)
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
pub(crate) async fn terminate(child: &mut Child) -> Result<(), StepError> {
    let pid = child.id().ok_or("the process has ended already")?;
    let sent = Command::new("kill").args(["-TERM", &pid.to_string()]).status().await?;
    if !sent.success() {
        return Err(format!("process {pid} cannot be told to stop").into());
    }
    time::timeout(Duration::from_secs(STOP_S), child.wait()).await??;
    Ok(())
}

/// Where the processes of a scene write their logs.
pub(crate) fn log(dir: &Path, name: &str) -> PathBuf {
    dir.join("logs").join(format!("{name}.log"))
}
