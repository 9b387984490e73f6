//! moto, a server of many AWS APIs in Python; one thread, because it loses updates with more.
//!
//! It is no reference for Object Lock (it lets retention be shortened), raises no throttling, checks no signature and no policy,
//! and its KMS has no Ed25519 keys. `scripts/peers/moto` installs it.

use crate::{Process, free_port, http::is_ok, installed};
use std::{path::PathBuf, process::Command};

/// moto's own entry point would serve each request on a thread of its own.
const SERVE: &str = "
import sys
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple
run_simple('127.0.0.1', int(sys.argv[1]), DomainDispatcherApplication(create_backend_app), threaded=False)
";

/// A moto, empty.
pub struct Moto {
    process: Process,
    port: u16,
}

impl Moto {
    /// Starts one on a free port.
    ///
    /// # Panics
    /// If it is not installed or does not start.
    pub async fn start() -> Self {
        let port = free_port();
        let process = Process::start("moto", |_| {
            let mut command = Command::new(Self::python());
            command.args(["-c", SERVE, &port.to_string()]);
            command
        });
        let process = process.ready(async || is_ok(port, "/moto-api/").await).await;
        Self { process, port }
    }

    /// Endpoint of every service.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The end of its log.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// The Python that has moto, and boto3 beside it.
    ///
    /// # Panics
    /// If it is not installed.
    pub fn python() -> PathBuf {
        installed("moto", "bin/python")
    }
}
