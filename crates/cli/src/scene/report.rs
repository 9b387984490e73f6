//! What steps show: a line a step for people, an object a step for programs.

use super::Proof;
use console::{Term, measure_text_width, style};
use indicatif::{ProgressBar, ProgressStyle};
use marvain_domain::chain;
use serde::Serialize;
use std::{
    io::Write as _,
    time::{Duration, Instant},
};

/// Columns before the evidence: a mark, a number of two digits, a name of nine letters, and spaces.
const INDENT: usize = 15;
/// A terminal narrower than this wraps by itself, in columns.
const COLUMNS_MIN: usize = 40;

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
            let time = style(format!("{} ms", line.ms)).dim().to_string();
            let columns = Term::stdout().size_checked().map(|(_, columns)| usize::from(columns));
            let told = hanging(line.evidence, &time, columns);
            format!("{mark} {:>2} {:<9} {told}", self.number, style(line.step).bold())
        };
        say(&text);
    }

    /// The end, for people, and what comes after it.
    pub(crate) fn finish(&self, next: &str) {
        if self.json {
            return;
        }
        let seconds = self.started.elapsed().as_secs_f32();
        say(&format!("\nAll {} steps hold, in {seconds:.1} s.\n{next}", self.number));
    }
}

/// Who reads standard output no more has seen enough: the exit code says the rest.
fn say(text: &str) {
    writeln!(std::io::stdout(), "{text}").unwrap_or_default();
}

/// Evidence, and how long it took, in lines that end before `columns` and begin in the column of the first.
fn hanging(evidence: &str, time: &str, columns: Option<usize>) -> String {
    let room = columns.filter(|columns| *columns >= COLUMNS_MIN).map_or(usize::MAX, |columns| columns - INDENT);
    let mut lines: Vec<String> = Vec::new();
    for paragraph in evidence.lines() {
        lines.push(String::new());
        paragraph.split(' ').for_each(|word| append(&mut lines, word, room));
    }
    append(&mut lines, time, room);
    lines.join(&format!("\n{:INDENT$}", ""))
}

/// Appends a word to the last line, or begins another with it.
fn append(lines: &mut Vec<String>, word: &str, room: usize) {
    match lines.last_mut() {
        Some(line) if line.is_empty() => line.push_str(word),
        Some(line) if measure_text_width(line) + 1 + measure_text_width(word) <= room => {
            line.push(' ');
            line.push_str(word);
        }
        _ => lines.push(word.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_evidence_stays_in_its_column() {
        let evidence = "one command, one effect: the lamp is on\nand off";
        let indent = " ".repeat(INDENT);
        assert_eq!(hanging("short", "7 ms", None), "short 7 ms");
        assert_eq!(hanging(evidence, "7 ms", Some(30)), hanging(evidence, "7 ms", None));
        assert_eq!(
            hanging(evidence, "7 ms", None),
            format!("one command, one effect: the lamp is on\n{indent}and off 7 ms")
        );
        assert_eq!(
            hanging(evidence, "\u{1b}[2m12345678901234567 ms\u{1b}[0m", Some(40)),
            format!(
                "one command, one effect:\n{indent}the lamp is on\n{indent}and off\n{indent}\u{1b}[2m12345678901234567 ms\u{1b}[0m"
            )
        );
    }
}
