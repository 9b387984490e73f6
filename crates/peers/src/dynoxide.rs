//! dynoxide, a DynamoDB on SQLite, in memory.
//!
//! It raises no conflicts of transactions and does not throttle; nothing is eventually consistent in it. `scripts/peers/dynoxide`
//! installs it.

use crate::{Process, free_port, installed};
use std::{net::Ipv4Addr, process::Command};
use tokio::net::TcpStream;

/// A dynoxide, empty.
pub struct Dynoxide {
    process: Process,
    port: u16,
}

impl Dynoxide {
    /// Starts one on a free port.
    ///
    /// # Panics
    /// If it is not installed or does not start.
    pub async fn start() -> Self {
        let port = free_port();
        let process = Process::start("dynoxide", |_| {
            let mut command = Command::new(installed("dynoxide", "bin/dynoxide"));
            command.args(["serve", "--port", &port.to_string()]);
            command
        });
        let process = process.ready(async || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_ok()).await;
        Self { process, port }
    }

    /// Endpoint.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The end of its log.
    pub fn log(&self) -> String {
        self.process.log()
    }
}
