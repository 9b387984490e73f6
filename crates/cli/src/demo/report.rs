//! What the demo shows: a line a step for people, an object a step for programs.

use super::Proof;
use console::style;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use std::{
    io::Write as _,
    path::Path,
    time::{Duration, Instant},
};

/// One step, as `--json` prints it.
#[derive(Serialize)]
struct Line<'a> {
    step: &'a str,
    ok: bool,
    evidence: &'a str,
    ms: u64,
}

/// Shows steps as they end.
pub(crate) struct Reporter {
    json: bool,
    number: usize,
    started: Instant,
}

impl Reporter {
    pub(crate) fn new(json: bool) -> Self {
        Self { json, number: 0, started: Instant::now() }
    }

    /// Runs one step, with a spinner as long as it takes.
    pub(crate) async fn step(
        &mut self,
        name: &'static str,
        step: impl Future<Output = Proof>,
    ) -> Result<(), &'static str> {
        self.number += 1;
        let spinner = if self.json { ProgressBar::hidden() } else { ProgressBar::new_spinner() };
        if let Ok(looks) = ProgressStyle::with_template("{spinner} {msg}") {
            spinner.set_style(looks);
        }
        spinner.set_message(name);
        spinner.enable_steady_tick(Duration::from_millis(100));
        let began = Instant::now();
        let proof = step.await;
        let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        spinner.finish_and_clear();
        let ok = proof.is_ok();
        let evidence = proof.unwrap_or_else(|error| chain(error.as_ref()));
        self.show(&Line { step: name, ok, evidence: &evidence, ms });
        if ok { Ok(()) } else { Err(name) }
    }

    fn show(&self, line: &Line<'_>) {
        let text = if self.json {
            serde_json::to_string(line).unwrap_or_default()
        } else {
            let mark = if line.ok { style("✔").green() } else { style("✘").red() };
            let evidence = line.evidence.replace('\n', "\n              ");
            let time = style(format!("{} ms", line.ms)).dim();
            format!("{mark} {:>2} {:<9} {evidence} {time}", self.number, style(line.step).bold())
        };
        say(&text);
    }

    /// The end, for people.
    pub(crate) fn finish(&self, kept: Option<&Path>) {
        if self.json {
            return;
        }
        let seconds = self.started.elapsed().as_secs_f32();
        say(&format!("\nAll {} steps hold, in {seconds:.1} s.", self.number));
        match kept {
            Some(dir) => say(&format!(
                "The data is in {0}. Look around: cargo run --release -- up --data {0}/hub",
                dir.display()
            )),
            None => say("Next: cargo run --release -- up"),
        }
    }
}

/// Who reads standard output no more has seen enough: the exit code says the rest.
fn say(text: &str) {
    writeln!(std::io::stdout(), "{text}").unwrap_or_default();
}

fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
