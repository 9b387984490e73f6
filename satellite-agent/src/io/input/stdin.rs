//! Lines on standard input.
//!
//! On a thread of its own: a read from a terminal cannot be cancelled, and must not hold up the end of the process. When the
//! agent pauses, the thread waits, the pipe fills up, and whoever writes to it waits too.

use super::{Refused, line, lines::Lines};
use crate::{config::Emit, core::Input};
use std::io::Read as _;
use tokio::sync::mpsc;

/// Bytes read at once. Small, so that little is lost between the pipe and the spool when the process is killed.
const READ_BYTES: usize = 4096;

pub(super) fn start(name: String, emit: Emit, to: mpsc::Sender<Input>) {
    let thread = std::thread::Builder::new().name("stdin".to_owned()).stack_size(128 * 1024);
    if let Err(error) = thread.spawn(move || read(&name, emit, &to)) {
        tracing::error!(%error, "standard input is not read");
    }
}

fn read(name: &str, emit: Emit, to: &mpsc::Sender<Input>) {
    let (mut lines, mut refused) = (Lines::default(), Refused::default());
    let mut stdin = std::io::stdin().lock();
    let mut bytes = [0; READ_BYTES];
    loop {
        let (items, ended) = match stdin.read(&mut bytes) {
            Ok(0) => (lines.finish().into_iter().collect(), true),
            Ok(n) => (lines.push(bytes.get(..n).unwrap_or_default()), false),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => {
                tracing::error!(%error, input = name, "standard input cannot be read any more");
                return;
            }
        };
        for text in items.into_iter().filter_map(|item| refused.line(name, item)) {
            if to.blocking_send(line(name, emit, text, None)).is_err() {
                return;
            }
        }
        if ended {
            tracing::info!(input = name, "standard input has ended");
            return;
        }
    }
}
