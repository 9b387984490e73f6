//! Jobs: what a command does to the world. Each ends in an outcome, whatever happens.

pub(super) mod process;

use crate::{config::Job, core::head};
use marvain_domain::action::{Outcome, RESULT_BYTES_MAX};
use process::Exit;
use serde_json::json;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;

/// Longest error text, in bytes.
const ERROR_TAIL_BYTES: usize = 512;
/// Longest that writing a line to standard output may take, in seconds.
const PRINT_TIMEOUT_S: u64 = 5;

/// Does a job.
pub(super) async fn carry_out(job: Job) -> Outcome {
    match job {
        Job::Answer { result } => Outcome { result: Some(result), error: None },
        Job::Print { line, result } => match print(&line).await {
            Ok(()) => Outcome { result: Some(result), error: None },
            Err(error) => Outcome { result: None, error: Some(error) },
        },
        Job::Run { argv, timeout_s } => match process::run(&argv, Duration::from_secs(timeout_s)).await {
            Ok(exit) => outcome(&exit),
            Err(error) => Outcome { result: None, error: Some(error) },
        },
    }
}

async fn print(line: &str) -> Result<(), String> {
    let mut stdout = tokio::io::stdout();
    let writing = async {
        stdout.write_all(format!("{line}\n").as_bytes()).await?;
        stdout.flush().await
    };
    match tokio::time::timeout(Duration::from_secs(PRINT_TIMEOUT_S), writing).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(format!("cannot write to standard output: {error}")),
        Err(_) => Err(format!("nobody read standard output for {PRINT_TIMEOUT_S} s")),
    }
}

/// What a program's end means. Output that does not fit loses its beginning.
fn outcome(exit: &Exit) -> Outcome {
    let error = exit.failure().map(|failure| {
        let said = tail(exit.stderr.trim_end(), ERROR_TAIL_BYTES);
        if said.is_empty() { failure } else { format!("{failure}: {said}") }
    });
    let mut most = RESULT_BYTES_MAX / 2;
    let mut result = json!({ "exit": exit.code, "stdout": tail(&exit.stdout, most) });
    // Escaping may make text up to six times as long.
    while result.to_string().len() > RESULT_BYTES_MAX && most > 0 {
        most /= 2;
        result = json!({ "exit": exit.code, "stdout": tail(&exit.stdout, most) });
    }
    Outcome { result: exit.code.is_some().then_some(result), error }
}

/// The end of `text`, at most `most` bytes, whole characters.
fn tail(text: &str, most: usize) -> &str {
    let skip = text.len().saturating_sub(most);
    text.get(text.ceil_char_boundary(skip)..).unwrap_or_else(|| head(text, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exit(code: i32, stdout: &str, stderr: &str) -> Exit {
        Exit { code: Some(code), ended: format!("exit code {code}"), stdout: stdout.into(), stderr: stderr.into() }
    }

    #[test]
    fn output_is_cut_to_what_a_result_may_have() {
        let ok = outcome(&exit(0, "done\n", "ignored"));
        assert_eq!(ok, Outcome { result: Some(json!({"exit": 0, "stdout": "done\n"})), error: None });
        let bad = outcome(&exit(3, "", "no such lamp\n"));
        assert_eq!(bad.error.as_deref(), Some("exit code 3: no such lamp"));
        for text in ["x".repeat(10_000), "\u{1}".repeat(10_000), "ü".repeat(10_000)] {
            let long = outcome(&exit(1, &text, &text));
            let result = long.result.unwrap();
            assert!(result.to_string().len() <= RESULT_BYTES_MAX);
            assert!(text.ends_with(result["stdout"].as_str().unwrap()));
            assert!(long.error.unwrap().len() <= ERROR_TAIL_BYTES + 20);
        }
    }
}
