//! A program run without a shell, with bounded output and time. When it has to end, its whole process group ends.

use rustix::process::{Pid, Signal, kill_process_group};
use std::{process::Stdio, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    process::Command,
};

/// Bytes kept of the end of each output.
const TAIL_BYTES: usize = 4096;
/// How long output is waited for after the program has ended, in milliseconds: something it started may hold the pipe.
const LINGER_MS: u64 = 200;

/// How a program ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::io) struct Exit {
    /// Exit code; none if a signal ended it.
    pub(super) code: Option<i32>,
    /// In words.
    pub(super) ended: String,
    /// The end of its output.
    pub(super) stdout: String,
    /// The end of its errors.
    pub(super) stderr: String,
}

impl Exit {
    /// Why it counts as failed.
    pub(super) fn failure(&self) -> Option<String> {
        (self.code != Some(0)).then(|| self.ended.clone())
    }

    /// Its output, if it succeeded.
    pub(in crate::io) fn success(self) -> Result<String, String> {
        self.failure().map_or(Ok(self.stdout), Err)
    }
}

/// Ends a process group, unless told that it has ended.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        // It may be gone already, which is as good.
        if let Some(Err(error)) = self.0.map(|pid| kill_process_group(pid, Signal::KILL)) {
            tracing::debug!(%error, "process group not killed");
        }
    }
}

/// Runs `argv` with nothing on its standard input. The error says why there is no exit.
pub(in crate::io) async fn run(argv: &[String], timeout: Duration) -> Result<Exit, String> {
    let (program, args) = argv.split_first().ok_or("no program is given")?;
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.process_group(0).spawn().map_err(|error| format!("cannot run `{program}`: {error}"))?;
    let mut group = Group(child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw));
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let (from_stdout, from_stderr) = (child.stdout.take(), child.stderr.take());
    let ended = {
        let reading = async { tokio::join!(keep_tail(from_stdout, &mut stdout), keep_tail(from_stderr, &mut stderr)) };
        let waiting = tokio::time::timeout(timeout, child.wait());
        tokio::pin!(reading, waiting);
        let mut read = false;
        let ended = loop {
            tokio::select! {
                ended = &mut waiting => break ended,
                _ = &mut reading, if !read => read = true,
            }
        };
        if !read && tokio::time::timeout(Duration::from_millis(LINGER_MS), reading).await.is_err() {
            tracing::debug!(program, "something that the program started still holds its output");
        }
        ended
    };
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let status = match ended {
        Ok(Ok(status)) => status,
        Ok(Err(error)) => return Err(format!("cannot wait for `{program}`: {error}")),
        Err(_) => {
            drop(group);
            let reaped = child.wait().await.is_ok();
            tracing::debug!(program, reaped, "killed after its time");
            return Err(format!("`{program}` took longer than {} s and was killed", timeout.as_secs()));
        }
    };
    group.0 = None;
    Ok(Exit { code: status.code(), ended: status.to_string(), stdout: text(stdout), stderr: text(stderr) })
}

async fn keep_tail(from: Option<impl AsyncRead + Unpin>, tail: &mut Vec<u8>) {
    let Some(mut from) = from else { return };
    let mut bytes = [0; 1024];
    while let Ok(n @ 1..) = from.read(&mut bytes).await {
        tail.extend_from_slice(bytes.get(..n).unwrap_or_default());
        if tail.len() > 2 * TAIL_BYTES {
            tail.drain(..tail.len() - TAIL_BYTES);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argv(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[tokio::test]
    async fn programs_end_in_words() {
        let second = Duration::from_secs(5);
        let ok = run(&argv(&["printf", "%s|", "a b", "$(id)"]), second).await.unwrap();
        assert_eq!((ok.code, ok.stdout.as_str()), (Some(0), "a b|$(id)|"));
        let bad = run(&argv(&["sh", "-c", "echo out; echo err >&2; exit 7"]), second).await.unwrap();
        assert_eq!((bad.code, bad.stdout.as_str(), bad.stderr.as_str()), (Some(7), "out\n", "err\n"));
        assert!(bad.success().unwrap_err().contains('7'));
        let none = run(&argv(&["/nonexistent/lamp"]), second).await.unwrap_err();
        assert!(none.starts_with("cannot run `/nonexistent/lamp`"), "{none}");
        let loud = run(&argv(&["sh", "-c", "head -c 1000000 /dev/zero; printf end"]), second).await.unwrap();
        assert!(loud.stdout.len() <= 2 * TAIL_BYTES && loud.stdout.ends_with("end"));
    }

    #[tokio::test]
    async fn the_whole_group_ends_when_the_time_is_up() {
        let dir = tempfile::tempdir().unwrap();
        let mark = dir.path().join("mark");
        let script = format!("(sleep 1; touch {}) & sleep 60", mark.display());
        let error = run(&argv(&["sh", "-c", &script]), Duration::from_millis(200)).await.unwrap_err();
        assert!(error.contains("was killed"), "{error}");
        tokio::time::sleep(Duration::from_millis(1200)).await;
        assert!(!mark.exists());
    }
}
