//! `marvain up`: keeps a hub running until it is told to stop.

use crate::{
    embedded::{Embedded, Ending, Options, Restore, System},
    error::CliError,
    globals::Globals,
};
use clap::Args;
use jiff::tz::TimeZone;
use marvain_domain::{chain, id::PersonId};
use marvain_hub::planner::OpenAiSettings;
use marvain_local::BackupError;
use std::{io::Write as _, net::SocketAddr, path::PathBuf};
use tokio::{
    signal::unix::{SignalKind, signal},
    task::spawn_blocking,
};

/// Arguments of `up`.
#[derive(Args)]
pub(crate) struct UpArgs {
    /// Address for satellites; port 0 picks a free one
    #[arg(long, default_value = "127.0.0.1:8883", value_name = "ADDRESS")]
    mqtt: SocketAddr,
    /// Address of the API; port 0 picks a free one
    #[arg(long, default_value = "127.0.0.1:8084", value_name = "ADDRESS")]
    http: SocketAddr,
    /// Name or address that satellites know this hub by [default: the host of --mqtt, if it is one]
    #[arg(long, value_name = "HOST")]
    endpoint: Option<String>,
    /// Name of the owner of a new hub [default: owner]
    #[arg(long, value_name = "PERSON")]
    owner: Option<PersonId>,
    /// Time zone that the household lives by [default: this machine's]
    #[arg(long, env = "MARVAIN_TIME_ZONE", value_name = "IANA")]
    time_zone: Option<String>,
    /// OpenAI API key; without one the planner goes by plain rules
    #[arg(long, env = "OPENAI_API_KEY", hide_env_values = true, hide = true)]
    openai_api_key: Option<String>,
    /// Base URL of OpenAI's API, or of one that speaks it
    #[arg(long, env = "OPENAI_BASE_URL", value_name = "URL")]
    openai_base_url: Option<String>,
    /// Model that plans
    #[arg(long, env = "MARVAIN_OPENAI_MODEL", value_name = "MODEL")]
    openai_model: Option<String>,
    /// Tokens that the planner may use in a day
    #[arg(long, env = "MARVAIN_OPENAI_TOKENS_PER_DAY", value_name = "TOKENS")]
    openai_tokens_per_day: Option<u64>,
}

impl UpArgs {
    fn options(&self, globals: &Globals) -> Result<Options, CliError> {
        let time_zone = match &self.time_zone {
            Some(name) => {
                TimeZone::get(name).map_err(|e| CliError::usage(format!("`{name}` is no time zone")).because(e))?;
                name.clone()
            }
            None => TimeZone::system().iana_name().unwrap_or("UTC").to_owned(),
        };
        let openai = self.openai_api_key.as_ref().filter(|key| !key.is_empty()).map(|key| {
            let mut settings = OpenAiSettings::new(key.as_str());
            if let Some(url) = &self.openai_base_url {
                settings.base_url.clone_from(url);
            }
            if let Some(model) = &self.openai_model {
                settings.model.clone_from(model);
            }
            if let Some(tokens) = self.openai_tokens_per_day {
                settings.tokens_per_day = tokens;
            }
            settings
        });
        Ok(Options {
            data: globals.data_dir()?,
            mqtt: self.mqtt,
            http: self.http,
            endpoint: self.endpoint()?,
            owner: self.owner.clone(),
            openai,
            time_zone,
        })
    }

    /// What claims and satellites' bundles tell them to connect to.
    fn endpoint(&self) -> Result<String, CliError> {
        match &self.endpoint {
            Some(endpoint) => Ok(endpoint.clone()),
            None if self.mqtt.ip().is_unspecified() => {
                let message = format!("`--mqtt {}` is every address, and satellites need to know one", self.mqtt);
                Err(CliError::usage(message)
                    .hint("say by which name or address they reach this hub: `--endpoint HOST`"))
            }
            None => Ok(self.mqtt.ip().to_string()),
        }
    }
}

pub(crate) async fn run(args: &UpArgs, globals: &Globals) -> Result<(), CliError> {
    let mut options = args.options(globals)?;
    let system = System::new().map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut said = false;
    loop {
        let mut hub = Embedded::start(options.clone(), system.clone()).await.map_err(failed)?;
        // Once: after a restore the hub is where it was.
        if !said {
            say_ready(&hub, globals)?;
            said = true;
        }
        let ending = tokio::select! {
            _ = terminate.recv() => None,
            _ = interrupt.recv() => None,
            ending = hub.ending() => Some(ending),
        };
        // Whoever is connected finds the hub where it was.
        options.mqtt = hub.running.mqtt.parse().map_err(failed)?;
        options.http = hub.running.http.parse().map_err(failed)?;
        let data = hub.running.data.clone();
        hub.stop().await.map_err(failed)?;
        match ending {
            None => return Ok(()),
            Some(Ending::Failure) => return Err(CliError::failure("a part of the hub has ended: its log says why")),
            Some(Ending::Restore(restore)) => take_over(restore, data).await?,
        }
    }
}

/// If the backup cannot take the data's place, they are as they were and the hub goes on with them.
async fn take_over(restore: Restore, data: PathBuf) -> Result<(), CliError> {
    match spawn_blocking(move || restore.take_over(&data)).await.map_err(failed)? {
        Ok(manifest) => tracing::info!(of = %manifest.at, "restored"),
        Err(error @ BackupError::Aside { .. }) => return Err(failed(error)),
        Err(error @ BackupError::Unsure { .. }) => tracing::error!(error = chain(&error), "restored"),
        Err(error) => tracing::error!(error = chain(&error), "not restored: the data are as they were"),
    }
    Ok(())
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> CliError {
    CliError::failure("the hub does not run").because(error)
}

fn say_ready(hub: &Embedded, globals: &Globals) -> Result<(), CliError> {
    let running = &hub.running;
    let mut out = std::io::stdout().lock();
    let said = if globals.json {
        serde_json::to_string(running).map_err(failed).and_then(|line| writeln!(out, "{line}").map_err(failed))
    } else {
        let planner = match running.planner.as_str() {
            "offline-rules" => "plain rules (no OPENAI_API_KEY is set)".to_owned(),
            name => name.to_owned(),
        };
        writeln!(
            out,
            "marvain is up\n  satellites  mqtts://{}\n  commands    http://{}\n  data        {}\n  planner     {planner}\n\nStop with Ctrl-C. From another terminal: marvain status",
            running.mqtt,
            running.http,
            running.data.display(),
        )
        .map_err(failed)
    };
    said.and_then(|()| out.flush().map_err(failed))
}
