//! ElasticMQ, a server of SQS's API on the JVM: a second opinion on what SQS does, and the one that moves messages by a task.
//!
//! It checks no signature and no policy. `scripts/peers/elasticmq` installs it.

use crate::{Process, free_port, installed};
use std::{fs, net::Ipv4Addr, process::Command};
use tokio::net::TcpStream;

/// An ElasticMQ, empty.
pub struct ElasticMq {
    process: Process,
    port: u16,
}

impl ElasticMq {
    /// Starts one on a free port.
    ///
    /// # Panics
    /// If it is not installed or does not start.
    pub async fn start() -> Self {
        let port = free_port();
        let jars = installed("elasticmq", "lib").join("*");
        let process = Process::start("elasticmq", |dir| {
            let settings = format!(
                "node-address {{ protocol = http, host = \"127.0.0.1\", port = {port}, context-path = \"\" }}\n\
                 rest-sqs {{ enabled = true, bind-hostname = \"127.0.0.1\", bind-port = {port}, sqs-limits = strict }}\n\
                 rest-stats {{ enabled = false }}\n"
            );
            let file = dir.join("elasticmq.conf");
            fs::write(&file, settings).expect("a file of settings");
            let mut command = Command::new("java");
            command.arg(format!("-Dconfig.file={}", file.display())).arg("-cp").arg(jars);
            command.arg("org.elasticmq.server.Main").current_dir(dir);
            command
        });
        let process = process.ready(async || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_ok()).await;
        Self { process, port }
    }

    /// Its endpoint.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The end of its log.
    pub fn log(&self) -> String {
        self.process.log()
    }
}
