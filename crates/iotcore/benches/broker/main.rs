//! The broker beside mosquitto: `cargo bench -p marvain-iotcore --bench broker -- [--quick] [--json] [SCENARIO]`.
//!
//! Each broker is a process of its own, begun anew for each scenario, with certificates of the same authority; the clients are
//! the same, `rumqttc` over rustls, and so are the payloads. Scenarios whose name contains `SCENARIO` are run, or all.
//! Without mosquitto (Debian package `mosquitto`) there are our figures alone.
//!
//! Prints figures and asserts none. The brokers do not promise the same: [`report::DURABILITY`].

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "its output is its purpose")]

mod broker;
mod device;
mod flow;
mod ours;
mod report;
mod scenario;
mod site;

use std::env;
use std::error::Error;
use std::path::Path;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::broker::Mosquitto;
use crate::report::{Report, Row};
use crate::scenario::Scenario;
use crate::site::Site;

type Fault = Box<dyn Error + Send + Sync>;
type Result<T> = std::result::Result<T, Fault>;

/// Files that a broker or the clients have open besides connections.
const OTHER_FILES: u64 = 256;

/// How much is measured.
struct Size {
    /// Publishers of the fan-in, subscribers of the fan-out.
    clients: usize,
    /// Connections whose memory is measured.
    idle: usize,
    /// Connections that are made and closed.
    connects: usize,
    /// What is not measured of each flow.
    warm_up: Duration,
    /// What is.
    measured: Duration,
}

const FULL: Size = Size {
    clients: 1000,
    idle: 5000,
    connects: 3000,
    warm_up: Duration::from_secs(2),
    measured: Duration::from_secs(10),
};

const QUICK: Size =
    Size { clients: 200, idle: 1000, connects: 500, warm_up: Duration::from_secs(1), measured: Duration::from_secs(3) };

struct Options {
    quick: bool,
    json: bool,
    scenario: String,
}

impl Options {
    fn parse(words: &[&str]) -> Result<Self> {
        let mut options = Self { quick: false, json: false, scenario: String::new() };
        for word in words {
            match *word {
                "--quick" => options.quick = true,
                "--json" => options.json = true,
                name if !name.starts_with('-') && options.scenario.is_empty() => options.scenario = name.into(),
                other => return Err(format!("`{other}` is unknown: [--quick] [--json] [SCENARIO]").into()),
            }
        }
        Ok(options)
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    // `cargo bench` adds it.
    let arguments: Vec<String> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        [ours::MAKE, data, count] => ours::make(Path::new(data), count.parse()?).await,
        [ours::SERVE, data] => ours::serve(Path::new(data)).await,
        words => measure(&Options::parse(words)?).await,
    }
}

async fn measure(options: &Options) -> Result<()> {
    let size = if options.quick { QUICK } else { FULL };
    let mut notes = vec![report::DURABILITY.to_owned()];
    let fit = usize::try_from(raise_files()?.saturating_sub(OTHER_FILES))?;
    if fit < size.idle.max(size.clients) {
        notes.push(format!("The hard limit on open files lets only {fit} connections be open at once."));
    }
    let size = Size { idle: size.idle.min(fit), clients: size.clients.min(fit), ..size };
    let mosquitto = Mosquitto::find().await;
    if mosquitto.is_none() {
        notes.push("mosquitto is not installed (Debian package `mosquitto`): there is nothing to compare with.".into());
    }
    let mut report = Report::begin(options.quick, mosquitto.as_ref().map(|mosquitto| mosquitto.version.clone()))?;

    let devices_max = size.idle.max(size.clients + 1);
    eprintln!("making {devices_max} certificates");
    let site = Site::make(devices_max).await?;
    let devices = site.devices()?;
    for scenario in scenario::all(&size).iter().filter(|scenario| scenario.name.contains(&options.scenario)) {
        eprintln!("{}", scenario.name);
        let ours = site.ours().await?;
        let ours = kept(scenario, "iotcore", scenario.measure(&size, ours, &devices).await, &mut notes);
        let theirs = match &mosquitto {
            Some(mosquitto) => {
                let theirs = site.mosquitto(mosquitto).await?;
                kept(scenario, "mosquitto", scenario.measure(&size, theirs, &devices).await, &mut notes)
            }
            None => Vec::new(),
        };
        for metric in scenario.metrics() {
            let of = |figures: &[(report::Metric, f64)]| {
                figures.iter().find(|(of, _)| of == metric).map(|(_, value)| *value)
            };
            report.rows.push(Row {
                scenario: scenario.title.clone(),
                metric: *metric,
                ours: of(&ours),
                theirs: of(&theirs),
            });
        }
    }
    report.notes = notes;
    println!("{}", if options.json { report.json().to_string() } else { report.table() });
    Ok(())
}

/// What could not be measured is said, and the others are.
fn kept(
    scenario: &Scenario,
    broker: &str,
    measured: Result<Vec<(report::Metric, f64)>>,
    notes: &mut Vec<String>,
) -> Vec<(report::Metric, f64)> {
    measured.unwrap_or_else(|error| {
        notes.push(format!("`{}` on {broker} was not measured: {error}.", scenario.name));
        Vec::new()
    })
}

/// Raises the limit on open files, which the brokers inherit, as far as it goes; says how far.
fn raise_files() -> Result<u64> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })?;
    Ok(limit.maximum.unwrap_or(u64::MAX))
}
