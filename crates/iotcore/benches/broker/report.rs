//! The table: for each scenario and metric our figure, mosquitto's, and the ratio of the two, as Markdown or as JSON.

use std::fmt::Write;
use std::fs;
use std::thread::available_parallelism;

use serde_json::{Value, json};

use crate::Result;

/// What the two promise; said with every table. mosquitto.conf(5), `autosave_on_changes` and `autosave_interval`; its author on
/// when a PUBACK leaves: eclipse-mosquitto/mosquitto, issue 1855.
pub(crate) const DURABILITY: &str = "The PUBACK of iotcore leaves when the subscriber has acknowledged the message or, \
     if that takes more than 2 ms, after an fsync of it for every persistent session. \
     mosquitto's persistence does not fsync per PUBACK: it keeps messages in memory, acknowledges at once, and with \
     `autosave_on_changes` writes its whole store to disk after `autosave_interval` changes (1,800, its default); a crash \
     loses what it has acknowledged since.";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Metric {
    Memory,
    Connects,
    ConnectCpu,
    Rate,
    P50,
    P99,
    Cpu,
}

impl Metric {
    /// What it is, with its unit last, and how many decimals of it are told.
    const fn shown(self) -> (&'static str, usize) {
        match self {
            Self::Memory => ("memory a connection, KB", 1),
            Self::Connects => ("connections/s", 0),
            Self::ConnectCpu => ("broker's CPU a connection, µs", 0),
            Self::Rate => ("messages delivered/s", 0),
            Self::P50 => ("p50, ms", 2),
            Self::P99 => ("p99, ms", 2),
            Self::Cpu => ("broker's CPU a delivery, µs", 1),
        }
    }
}

pub(crate) struct Row {
    pub(crate) scenario: String,
    pub(crate) metric: Metric,
    /// None if it was not measured.
    pub(crate) ours: Option<f64>,
    pub(crate) theirs: Option<f64>,
}

pub(crate) struct Report {
    quick: bool,
    mosquitto: Option<String>,
    cores: usize,
    /// The system's load average of the last minute, before it began.
    load: f64,
    pub(crate) rows: Vec<Row>,
    pub(crate) notes: Vec<String>,
}

impl Row {
    fn ratio(&self) -> Option<f64> {
        Some(self.ours? / self.theirs?).filter(|ratio| ratio.is_finite())
    }
}

impl Report {
    pub(crate) fn begin(quick: bool, mosquitto: Option<String>) -> Result<Self> {
        let load = fs::read_to_string("/proc/loadavg")?;
        let load = load.split(' ').next().ok_or("the system does not say its load")?.parse()?;
        Ok(Self { quick, mosquitto, cores: available_parallelism()?.get(), load, rows: Vec::new(), notes: Vec::new() })
    }

    pub(crate) fn table(&self) -> String {
        let version = self.mosquitto.as_deref().unwrap_or("(not installed)");
        let mut table = format!("| scenario | what | iotcore | mosquitto {version} | ratio |\n|---|---|---|---|---|\n");
        let mut scenario = "";
        for row in &self.rows {
            let (what, decimals) = row.metric.shown();
            let shown = |figure: Option<f64>, decimals: usize| {
                figure.map_or("–".to_owned(), |figure| format!("{figure:.decimals$}"))
            };
            let named = if scenario == row.scenario { "" } else { row.scenario.as_str() };
            scenario = &row.scenario;
            let (ours, theirs, ratio) = (shown(row.ours, decimals), shown(row.theirs, decimals), shown(row.ratio(), 2));
            // Writing to a `String` cannot fail.
            let _written = writeln!(table, "| {named} | {what} | {ours} | {theirs} | {ratio} |");
        }
        let run = if self.quick { "`--quick`" } else { "Full run" };
        let _written = writeln!(table, "\n{run}, {} cores, load {} before it began.", self.cores, self.load);
        for note in &self.notes {
            let _written = writeln!(table, "{note}");
        }
        table
    }

    pub(crate) fn json(&self) -> Value {
        let row = |row: &Row| {
            json!({
                "scenario": row.scenario,
                "metric": row.metric.shown().0,
                "iotcore": row.ours,
                "mosquitto": row.theirs,
                "ratio": row.ratio(),
            })
        };
        json!({
            "quick": self.quick,
            "cores": self.cores,
            "load": self.load,
            "mosquitto": self.mosquitto,
            "rows": self.rows.iter().map(row).collect::<Vec<_>>(),
            "notes": self.notes,
        })
    }
}
