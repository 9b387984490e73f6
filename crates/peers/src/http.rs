//! Asking a server whether it answers, with no HTTP client.

use std::{net::Ipv4Addr, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// How long one question may take, in milliseconds.
const ANSWER_MS: u64 = 1000;

/// Does the server on `port` of the loopback interface answer a GET of `path` with 200?
pub(crate) async fn is_ok(port: u16, path: &str) -> bool {
    let ask = async {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n").as_bytes()).await?;
        let mut head = [0; 12];
        stream.read_exact(&mut head).await?;
        std::io::Result::Ok(head)
    };
    let answer = timeout(Duration::from_millis(ANSWER_MS), ask).await;
    matches!(answer, Ok(Ok(head)) if head.ends_with(b" 200"))
}
