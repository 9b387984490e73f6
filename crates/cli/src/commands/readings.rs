//! `marvain satellite readings`

use super::args;
use crate::{
    client::Client,
    error::CliError,
    globals::{Globals, now},
    output::{self, Output},
};
use clap::Args;
use marvain_console::readings::{Series, SeriesParams};
use marvain_domain::{Timestamp, id::SatelliteId};

/// Which readings.
#[derive(Args, Debug)]
pub(crate) struct Readings {
    /// Which satellite
    satellite: SatelliteId,
    /// What was measured; all that the satellite measures, if not said
    #[arg(long)]
    name: Option<String>,
    /// How far back
    #[arg(long, value_name = "DURATION", value_parser = args::duration_s, default_value = "24h")]
    since: u64,
    /// Sum up so much time to a point; whole hours also reach back to what is kept as summaries only
    #[arg(long, value_name = "DURATION", value_parser = args::duration_s)]
    step: Option<u64>,
    /// At most so many points of each, the earliest
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=2000))]
    limit: Option<u16>,
}

pub(super) async fn run(readings: Readings, globals: &Globals) -> Result<(), CliError> {
    let Readings { satellite, name, since, step, limit } = readings;
    let client = Client::connect(globals)?;
    let names = match name {
        Some(name) => vec![name],
        None => client.satellite(&satellite).await?.readings.into_iter().map(|reading| reading.name).collect(),
    };
    let from = Timestamp::from_ms(now().as_ms().saturating_sub(since.saturating_mul(1000)));
    let mut all: Vec<Series> = Vec::with_capacity(names.len());
    for name in names {
        let params = SeriesParams { name, from: Some(from), to: None, step_s: step, limit: limit.map(usize::from) };
        all.push(client.readings(&satellite, &params).await?);
    }
    Output::new(globals).show(&all, |all, look| output::readings::series(all, look))
}
