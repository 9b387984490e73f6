//! MinIO, an S3 that keeps Object Lock: a locked version cannot be deleted, and its retention not be shortened.
//!
//! It knows no IAM condition `s3:if-none-match`, and answers delete markers and versions as S3 does. `scripts/peers/minio`
//! builds it, which needs Go.

use crate::{Process, free_port, http::is_ok, installed};
use std::process::Command;

/// An S3 server with one account, empty.
pub struct Minio {
    process: Process,
    port: u16,
}

impl Minio {
    /// Access key of its account.
    pub const ACCESS_KEY: &str = "AKIAIOSFODNN7EXAMPLE";
    /// Secret key of its account.
    pub const SECRET_KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

    /// Starts one on a free port.
    ///
    /// # Panics
    /// If it is not installed or does not start.
    pub async fn start() -> Self {
        let port = free_port();
        let process = Process::start("minio", |dir| {
            let mut command = Command::new(installed("minio", "minio"));
            command.args(["server", "--quiet", "--address", &format!("127.0.0.1:{port}")]);
            command.arg("--console-address").arg(format!("127.0.0.1:{}", free_port())).arg(dir.join("data"));
            command.env("HOME", dir).env("MINIO_BROWSER", "off").env("MINIO_UPDATE", "off");
            // Data beside the system's on one disk is what it refuses otherwise.
            command.env("MINIO_CI_CD", "1");
            command.env("MINIO_ROOT_USER", Self::ACCESS_KEY).env("MINIO_ROOT_PASSWORD", Self::SECRET_KEY);
            command
        });
        let process = process.ready(async || is_ok(port, "/minio/health/ready").await).await;
        Self { process, port }
    }

    /// Its endpoint; buckets are part of the path.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The end of its log.
    pub fn log(&self) -> String {
        self.process.log()
    }
}
