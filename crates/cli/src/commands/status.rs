//! `marvain status`

use crate::{
    client::Client,
    error::CliError,
    globals::Globals,
    output::{self, Output},
};

pub(super) async fn run(globals: &Globals) -> Result<(), CliError> {
    let status = Client::connect(globals)?.status().await?;
    Output::new(globals).show(&status, output::status::status)
}
