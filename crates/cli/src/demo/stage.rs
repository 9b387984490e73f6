//! The demo's stage: its directory, its processes, and the ways in.

use super::{
    StepError,
    processes::{HubProcess, SatelliteProcess, log},
};
use crate::{client::Client, globals::Globals};
use marvain_console::{actions::ActionParams, audit::TailParams};
use marvain_domain::{
    action::{Action, ActionState},
    id::ActionId,
};
use marvain_hub::people::AuditEntry;
use marvain_local::is_vacant;
use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::time::{self, Instant};

/// The satellite of the demo, and the space it stands in.
pub(crate) const SATELLITE: &str = "kitchen-pi";
pub(crate) const SPACE: &str = "kitchen";
/// How often what is waited for is looked at, in milliseconds.
const LOOK_MS: u64 = 20;

pub(crate) struct Stage {
    pub(crate) dir: PathBuf,
    pub(crate) events: u32,
    pub(crate) hub: Option<HubProcess>,
    pub(crate) satellite: Option<SatelliteProcess>,
    /// Signed checkpoints of the audit log that somebody outside has kept, oldest first.
    pub(crate) kept_checkpoints: Vec<String>,
}

impl Stage {
    /// Makes the directory.
    pub(crate) fn set(dir: &Path, events: u32) -> Result<Self, StepError> {
        if !is_vacant(dir)? {
            return Err("it is not empty".into());
        }
        fs::create_dir_all(dir.join("logs"))?;
        let dir = fs::canonicalize(dir)?;
        Ok(Self { dir, events, hub: None, satellite: None, kept_checkpoints: Vec::new() })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// The file that stands for the lamp: a line each time it is switched.
    pub(crate) fn lamp(&self) -> PathBuf {
        self.path("lamp")
    }

    /// How the lamp was switched so far.
    pub(crate) fn lamp_switched(&self) -> Result<Vec<String>, StepError> {
        match fs::read_to_string(self.lamp()) {
            Ok(text) => Ok(text.lines().map(str::to_owned).collect()),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(e) => Err(e.into()),
        }
    }

    pub(crate) async fn start_hub(&mut self) -> Result<(), StepError> {
        let before = match self.hub.take() {
            Some(hub) => Some(hub.stop().await?),
            None => None,
        };
        self.hub = Some(HubProcess::start(&self.path("hub"), &log(&self.dir, "hub"), before.as_ref()).await?);
        Ok(())
    }

    /// SIGKILL for the hub, and another on the same data and addresses.
    pub(crate) async fn kill_hub(&mut self) -> Result<(), StepError> {
        let before = self.hub.take().ok_or("no hub runs")?.kill().await?;
        self.hub = Some(HubProcess::start(&self.path("hub"), &log(&self.dir, "hub"), Some(&before)).await?);
        Ok(())
    }

    pub(crate) fn start_satellite(&mut self) -> Result<(), StepError> {
        let (identity, config) = (self.path("satellite"), self.path("satellite.toml"));
        let log = log(&self.dir, "satellite");
        self.satellite = Some(SatelliteProcess::start(&identity, &config, &self.path("satellite-state"), &log)?);
        Ok(())
    }

    pub(crate) async fn type_line(&mut self, line: &str) -> Result<(), StepError> {
        self.satellite.as_mut().ok_or("no satellite runs")?.say(line).await
    }

    fn globals(&self, credential: Option<PathBuf>) -> Globals {
        Globals { json: true, data: Some(self.path("hub")), credential }
    }

    /// The owner's way in.
    pub(crate) fn owner(&self) -> Result<Client, StepError> {
        Ok(Client::connect(&self.globals(None))?)
    }

    /// The way in of somebody else, by a token in a file.
    pub(crate) fn somebody(&self, credential: &Path) -> Result<Client, StepError> {
        Ok(Client::connect(&self.globals(Some(credential.to_owned())))?)
    }

    pub(crate) async fn audit(&self, limit: usize) -> Result<Vec<AuditEntry>, StepError> {
        Ok(self.owner()?.audit_tail(&TailParams { limit: Some(limit) }).await?.items)
    }

    pub(crate) async fn action(&self, id: &ActionId) -> Result<Action, StepError> {
        Ok(self.owner()?.action(id).await?)
    }

    /// The newest action, once it is one that `wanted` takes.
    pub(crate) async fn newest_action(
        &self,
        what: &str,
        wanted: impl Fn(&Action) -> bool,
    ) -> Result<Action, StepError> {
        let newest = async || {
            let params = ActionParams { state: None, limit: Some(1), after: None };
            let newest = self.owner()?.actions(&params).await?.items.into_iter().next();
            Ok(newest.filter(&wanted))
        };
        until(what, 10, newest).await
    }

    /// The action, once it has come to `state`.
    pub(crate) async fn action_in(&self, id: &ActionId, state: ActionState) -> Result<Action, StepError> {
        let there = async || Ok(Some(self.action(id).await?).filter(|action| action.state == state));
        until(&format!("action `{id}` to be {}", state.as_str()), 15, there).await
    }

    /// Keeps the newest checkpoint outside of the hub.
    pub(crate) async fn keep_checkpoint(&mut self) -> Result<(), StepError> {
        let newest = self.owner()?.audit_checkpoint().await?;
        self.kept_checkpoints.push(newest.checkpoint.ok_or("the log has no checkpoint")?);
        Ok(())
    }

    /// Ends every process.
    pub(crate) async fn clear(&mut self) {
        // What does not stop when asked is killed by being dropped.
        if let Some(satellite) = self.satellite.take()
            && let Err(error) = satellite.stop().await
        {
            tracing::warn!(%error, "the satellite is killed");
        }
        if let Some(hub) = self.hub.take()
            && let Err(error) = hub.stop().await
        {
            tracing::warn!(%error, "the hub is killed");
        }
    }
}

/// Looks until there is something, at most `seconds`.
pub(crate) async fn until<T>(
    what: &str,
    seconds: u64,
    mut look: impl AsyncFnMut() -> Result<Option<T>, StepError>,
) -> Result<T, StepError> {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    loop {
        if let Some(found) = look().await? {
            return Ok(found);
        }
        if Instant::now() >= deadline {
            return Err(format!("waited {seconds} s in vain for {what}").into());
        }
        time::sleep(Duration::from_millis(LOOK_MS)).await;
    }
}
