//! A broker in a process of its own, and what the operating system says of that process.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::{sleep, timeout};

use crate::{Result, ours};

/// Where Debian has it, which is not in everybody's path.
const PROGRAMS: [&str; 2] = ["mosquitto", "/usr/sbin/mosquitto"];
const START_TIMEOUT: Duration = Duration::from_secs(20);
/// Linux counts a process's time in hundredths of a second.
const TICK: Duration = Duration::from_millis(10);

/// An installed mosquitto.
pub(crate) struct Mosquitto {
    program: &'static str,
    /// As it says itself, `2.0.21`.
    pub(crate) version: String,
}

impl Mosquitto {
    pub(crate) async fn find() -> Option<Self> {
        for program in PROGRAMS {
            let Ok(help) = Command::new(program).arg("-h").output().await else { continue };
            let help = String::from_utf8_lossy(&help.stdout).into_owned();
            if let Some(version) = help.lines().find_map(|line| line.strip_prefix("mosquitto version ")) {
                return Some(Self { program, version: version.trim().into() });
            }
        }
        None
    }
}

/// A running broker; killed when it is dropped.
pub(crate) struct Broker {
    process: Child,
    pid: u32,
    pub(crate) port: u16,
    /// Ours ends when this does, even if this process is killed.
    _stdin: Option<ChildStdin>,
}

impl Broker {
    pub(crate) async fn ours(data: &Path) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(ours::SERVE).arg(data).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn()?;
        let stdout = process.stdout.take().ok_or("the broker has no standard output")?;
        let mut port = String::new();
        timeout(START_TIMEOUT, BufReader::new(stdout).read_line(&mut port)).await??;
        let port = port.trim().parse().map_err(|_| "the broker did not start")?;
        let stdin = process.stdin.take();
        Self::running(process, port, stdin)
    }

    /// `root`, `certificate`, `key`: what it is to authenticate with.
    pub(crate) async fn mosquitto(
        mosquitto: &Mosquitto,
        data: &Path,
        [root, certificate, key]: [&Path; 3],
    ) -> Result<Self> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let store = data.join("");
        let (root, certificate, key, store) = (root.display(), certificate.display(), key.display(), store.display());
        // As ours: 100 messages in flight, none of those that wait dropped, no delay of small packets, no log. `user` keeps it from
        // giving its rights up, and with them the directory, when it is started by root.
        let configuration = format!(
            "listener {port} 127.0.0.1\n\
             cafile {root}\n\
             certfile {certificate}\n\
             keyfile {key}\n\
             require_certificate true\n\
             allow_anonymous true\n\
             persistence true\n\
             persistence_location {store}\n\
             autosave_on_changes true\n\
             autosave_interval 1800\n\
             max_inflight_messages 100\n\
             max_queued_messages 0\n\
             set_tcp_nodelay true\n\
             log_dest none\n\
             user root\n"
        );
        let file = data.join("mosquitto.conf");
        fs::write(&file, configuration)?;
        let mut command = Command::new(mosquitto.program);
        command.arg("-c").arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let broker = Self::running(command.kill_on_drop(true).spawn()?, port, None)?;
        let listening = async {
            while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_err() {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(START_TIMEOUT, listening).await.map_err(|_| "mosquitto did not start")?;
        Ok(broker)
    }

    fn running(process: Child, port: u16, stdin: Option<ChildStdin>) -> Result<Self> {
        let pid = process.id().ok_or("the broker has ended")?;
        Ok(Self { process, pid, port, _stdin: stdin })
    }

    /// What only it has in memory, and its share of what it has with others, in bytes.
    pub(crate) fn memory_bytes(&self) -> Result<u64> {
        let rollup = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.pid))?;
        let kib = rollup.lines().find_map(|line| line.strip_prefix("Pss:")?.trim().strip_suffix(" kB"));
        Ok(kib.ok_or("the system does not say how much memory the broker has")?.parse::<u64>()? * 1024)
    }

    /// How long it has been on a processor.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid))?;
        // After the name, which may have blanks: the state is the first field, then user and system time the 12th and 13th.
        let (_, fields) = stat.rsplit_once(')').ok_or("the system does not say how busy the broker was")?;
        let ticks: u32 = fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u32>().ok()).sum();
        Ok(TICK * ticks)
    }

    /// Ends it at once: nothing of it is needed any more.
    pub(crate) async fn end(mut self) -> Result<()> {
        Ok(self.process.kill().await?)
    }
}
