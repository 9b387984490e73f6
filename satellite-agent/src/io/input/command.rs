//! A number that a program prints, at an interval.

use super::{every, reading};
use crate::{core::Input, io::actuator::process};
use std::time::Duration;
use tokio::sync::mpsc;

/// Longest that the program may take, in seconds; less when the interval is shorter.
const TIMEOUT_S_MAX: u64 = 60;

pub(super) async fn measure(name: String, argv: Vec<String>, interval_s: u64, unit: String, to: mpsc::Sender<Input>) {
    let mut interval = every(interval_s);
    let timeout = Duration::from_secs(interval_s.min(TIMEOUT_S_MAX));
    let mut failures = 0_u64;
    loop {
        interval.tick().await;
        let value = process::run(&argv, timeout).await.and_then(|exit| exit.success()).and_then(|out| value(&out));
        match value.map(|value| reading(name.clone(), value, &unit)) {
            Ok(Some(reading)) => {
                if to.send(Input::Readings(vec![reading])).await.is_err() {
                    return;
                }
            }
            Ok(None) => tracing::warn!(input = name, "no reading: the number is not finite"),
            Err(error) => {
                failures += 1;
                tracing::warn!(input = name, error, failures, "no reading");
            }
        }
    }
}

/// The number on the last line that is not empty.
fn value(out: &str) -> Result<f64, String> {
    let line = out.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
    line.parse().map_err(|_| format!("the program printed no number but `{}`", crate::core::head(line, 80)))
}

#[cfg(test)]
mod tests {
    use super::value;

    #[test]
    fn the_last_line_is_the_number() {
        assert_eq!(value("warming up\n 21.5 \n\n"), Ok(21.5));
        assert_eq!(value("warm\n"), Err("the program printed no number but `warm`".to_owned()));
        assert!(value("").is_err());
    }
}
