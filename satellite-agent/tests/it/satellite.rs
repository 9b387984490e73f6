//! The agent's binary as a child process.

use crate::hub::{PATIENCE, wait};
use std::{
    path::{Path, PathBuf},
    process::{Output, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncWriteExt as _, BufReader},
    process::{Child, ChildStdin, Command},
};

type Text = Arc<Mutex<String>>;

pub(crate) struct Satellite {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Text,
    stderr: Text,
}

fn collect(from: impl AsyncRead + Unpin + Send + 'static) -> Text {
    let text = Text::default();
    let into = Arc::clone(&text);
    tokio::spawn(async move {
        let mut lines = BufReader::new(from).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            let mut text = into.lock().unwrap_or_else(PoisonError::into_inner);
            text.push_str(&line);
            text.push('\n');
        }
    });
    text
}

fn read(text: &Text) -> String {
    text.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

impl Satellite {
    /// `run` with the identity in `dir` and, if it is there, `dir/satellite.toml`.
    pub(crate) fn start(dir: &Path) -> Self {
        Self::spawn(Command::new(env!("CARGO_BIN_EXE_marvain-satellite")), dir)
    }

    /// As `start`, and no file may have more than 20 KiB: writing beyond fails, as on a full disk.
    pub(crate) fn start_short_of_disk(dir: &Path) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", r#"trap "" XFSZ; ulimit -f 40; exec "$@""#, "sh", env!("CARGO_BIN_EXE_marvain-satellite")]);
        Self::spawn(command, dir)
    }

    /// As `start`, by another program than the one that was built for the tests.
    pub(crate) fn spawn(mut command: Command, dir: &Path) -> Self {
        command.args(["run", "--json", "--identity"]).arg(dir);
        if dir.join("satellite.toml").exists() {
            command.arg("--config").arg(dir.join("satellite.toml"));
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let (stdout, stderr) = (collect(child.stdout.take().unwrap()), collect(child.stderr.take().unwrap()));
        Self { stdin: child.stdin.take(), child, stdout, stderr }
    }

    /// Standard input, to write to from elsewhere; the satellite's own end is gone then.
    pub(crate) fn take_stdin(&mut self) -> ChildStdin {
        self.stdin.take().unwrap()
    }

    pub(crate) async fn say(&mut self, text: &str) {
        self.write(format!("{text}\n").as_bytes()).await;
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        let stdin = self.stdin.as_mut().unwrap();
        stdin.write_all(bytes).await.unwrap();
        stdin.flush().await.unwrap();
    }

    /// Waits for a line in the log.
    pub(crate) async fn logged(&self, part: &str) {
        wait(&format!("`{part}` in the log"), async || read(&self.stderr).contains(part).then_some(())).await;
    }

    /// Waits for a line on standard output.
    pub(crate) async fn printed(&self, part: &str) {
        wait(&format!("`{part}` on standard output"), async || read(&self.stdout).contains(part).then_some(())).await;
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let pid = self.child.id().and_then(|id| rustix::process::Pid::from_raw(id as i32)).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// kill -9.
    pub(crate) async fn kill(mut self) {
        self.signal(rustix::process::Signal::KILL);
        self.child.wait().await.unwrap();
    }

    /// SIGTERM.
    pub(crate) fn terminate(&self) {
        self.signal(rustix::process::Signal::TERM);
    }

    /// SIGTERM; the exit must be good. Gives the log.
    pub(crate) async fn stop(self) -> String {
        self.terminate();
        self.ended().await
    }

    /// Waits for its exit, which must be good. Gives the log.
    pub(crate) async fn ended(mut self) -> String {
        let status = tokio::time::timeout(PATIENCE, self.child.wait()).await.unwrap().unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(status.success(), "{status}: {}", read(&self.stderr));
        read(&self.stderr)
    }
}

/// Runs the binary to its end.
pub(crate) async fn execute(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_marvain-satellite"));
    tokio::time::timeout(PATIENCE, command.args(args).output()).await.unwrap().unwrap()
}

/// Files below the agent's state directory, with their contents as far as they are text.
pub(crate) fn state(dir: &Path) -> Vec<(PathBuf, String)> {
    let dirs = ["state/spool", "state"].into_iter().filter_map(|name| std::fs::read_dir(dir.join(name)).ok());
    let files = dirs.flatten().map(|file| file.unwrap().path());
    // A segment may go while it is looked at.
    let texts = files.filter_map(|path| {
        let bytes = std::fs::read(&path).ok()?;
        Some((path, String::from_utf8_lossy(&bytes).into_owned()))
    });
    texts.collect()
}
