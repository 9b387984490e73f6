//! A server as a process of its own, on a free port, with a folder that goes when it does.

use std::{
    fs::{self, File},
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// How long a server may take until it answers, in seconds.
const READY_S: u64 = 60;
/// How often it is asked, in milliseconds.
const LOOK_MS: u64 = 20;
/// How much of a log a failure shows, in bytes.
const LOG_BYTES_SHOWN: usize = 4000;

/// A server that runs until this is dropped.
pub struct Process {
    name: &'static str,
    child: Child,
    dir: TempDir,
}

impl Process {
    /// Starts a program; `command` makes it, given the folder for its data. Its output goes into a file there. None of this
    /// process's AWS settings reach it.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start(name: &'static str, command: impl FnOnce(&Path) -> Command) -> Self {
        let dir = TempDir::with_prefix(format!("marvain-{name}-")).expect("a folder for a peer");
        let mut command = command(dir.path());
        for (variable, _) in std::env::vars_os() {
            if variable.to_string_lossy().starts_with("AWS_") {
                command.env_remove(variable);
            }
        }
        let log = File::create(dir.path().join("log")).expect("a log for a peer");
        let errors = log.try_clone().expect("a log for a peer");
        let child = command.stdin(Stdio::null()).stdout(log).stderr(errors).spawn();
        let child = child.unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        Self { name, child, dir }
    }

    /// Waits until `is_ready` says so.
    ///
    /// # Panics
    /// If the process ends before, or takes longer than a minute; with the end of its log.
    pub async fn ready(mut self, mut is_ready: impl AsyncFnMut() -> bool) -> Self {
        let deadline = Instant::now() + Duration::from_secs(READY_S);
        while !is_ready().await {
            let ended = self.child.try_wait().expect("a child of this process");
            let late = Instant::now() > deadline;
            assert!(ended.is_none() && !late, "{} is not ready ({ended:?}):\n{}", self.name, self.log());
            tokio::time::sleep(Duration::from_millis(LOOK_MS)).await;
        }
        self
    }

    /// The folder of its data.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The end of what it has written.
    pub fn log(&self) -> String {
        let log = fs::read(self.dir.path().join("log")).unwrap_or_default();
        let from = log.len().saturating_sub(LOG_BYTES_SHOWN);
        String::from_utf8_lossy(&log[from..]).into_owned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A port of the loopback interface that is free now.
///
/// # Panics
/// If there is none.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("a bound address").port()
}

/// A path below the folder into which `scripts/peers/{script}` installs.
///
/// # Panics
/// If it is not there.
pub fn installed(script: &str, path: &str) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let target = target.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target"));
    let found = target.join("tmp/peers").join(script).join(path);
    assert!(found.exists(), "{} is missing: `scripts/peers/{script}` installs it", found.display());
    found
}
