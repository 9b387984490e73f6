//! What any hub must show, wherever it runs: a satellite enrols, remembers, asks, acts, is away, keeps quiet and is revoked, and the
//! audit log has it. The demo plays it on a hub of its own, with more that only a hub at hand can show; `marvain smoke` on a deployed one.
//!
//! | file | subject |
//! |---|---|
//! | this one | the satellite's directory and process, the way in to the hub, waiting |
//! | `satellite`, `mqtt` | the satellite as a process; a bare client for what no honest device would do |
//! | `refusing`, `enrolment`, `remembering`, `acting`, `offline`, `privacy`, `stream`, `revoke`, `auditing` | the steps |
//! | `report` | how steps are told |
//!
//! It uses the hub like anybody else: by its API, and by MQTT with the certificates that the API hands out. It does not know
//! where the hub runs or keeps what it stores.

pub(crate) mod acting;
pub(crate) mod auditing;
pub(crate) mod enrolment;
pub(crate) mod mqtt;
pub(crate) mod offline;
pub(crate) mod privacy;
pub(crate) mod refusing;
pub(crate) mod remembering;
pub(crate) mod report;
pub(crate) mod revoke;
pub(crate) mod satellite;
pub(crate) mod stream;

use crate::{client::Client, globals::Globals};
use marvain_console::{actions::ActionParams, audit::TailParams};
use marvain_domain::{
    action::{Action, ActionState, Target},
    id::{ActionId, SatelliteId, SpaceId},
};
use marvain_hub::people::AuditEntry;
use satellite::{SatelliteProcess, log};
use std::{
    error::Error,
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::time::{self, Instant};

/// Where the satellite keeps its spool and journal, below the scene's directory.
pub(crate) const STATE: &str = "satellite-state";
/// Most of the newest actions that are looked through.
const ACTIONS_MAX: usize = 50;

/// Why a step does not hold.
pub(crate) type StepError = Box<dyn Error + Send + Sync>;
/// What proves a step.
pub(crate) type Proof = Result<String, StepError>;

/// How far away the hub is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// How often what is waited for is looked at, in milliseconds.
    look_ms: u64,
    /// How many times as long as beside the hub a thing may take.
    times: u64,
    /// Longest that presence may take to show a change, in milliseconds, where it depends on nothing but the hub.
    prompt_ms: Option<u64>,
    /// How long a command lives that is to expire: long enough to be approved and sent, in seconds.
    short_s: u64,
}

impl Pace {
    /// On this machine.
    pub(crate) const HERE: Self = Self { look_ms: 20, times: 1, prompt_ms: Some(1_000), short_s: 1 };
    /// Behind a network, functions that may have to start, and a database that may have to wake.
    #[cfg(feature = "aws")]
    pub(crate) const AWAY: Self = Self { look_ms: 500, times: 12, prompt_ms: None, short_s: 20 };
}

/// What is said to be remembered, and asked for.
#[derive(Clone, Debug)]
pub(crate) struct Saying {
    /// What the satellite hears.
    pub(crate) told: String,
    /// What of it tells the memory from others.
    pub(crate) part: String,
    /// What is asked.
    pub(crate) question: String,
    /// What the crates of a stream of events belong to.
    pub(crate) stream: String,
}

/// A satellite, its directory, and the way in to its hub.
pub(crate) struct Scene {
    pub(crate) dir: PathBuf,
    /// The satellite's name.
    pub(crate) id: SatelliteId,
    /// Where it stands.
    pub(crate) space: SpaceId,
    pub(crate) saying: Saying,
    pub(crate) satellite: Option<SatelliteProcess>,
    pub(crate) way_in: Globals,
    pub(crate) pace: Pace,
    /// Signed checkpoints of the audit log that somebody outside has kept, oldest first.
    pub(crate) kept_checkpoints: Vec<String>,
}

impl Scene {
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
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(e) => Err(e.into()),
        }
    }

    pub(crate) fn start_satellite(&mut self) -> Result<(), StepError> {
        let (identity, config) = (self.path("satellite"), self.path("satellite.toml"));
        let log = log(&self.dir, "satellite");
        self.satellite = Some(SatelliteProcess::start(&identity, &config, &self.path(STATE), &log)?);
        Ok(())
    }

    pub(crate) async fn type_line(&mut self, line: &str) -> Result<(), StepError> {
        self.satellite.as_mut().ok_or("no satellite runs")?.say(line).await
    }

    /// The owner's way in.
    pub(crate) fn owner(&self) -> Result<Client, StepError> {
        Ok(Client::connect(&self.way_in)?)
    }

    /// Keeps the newest checkpoint outside of the hub.
    pub(crate) async fn keep_checkpoint(&mut self) -> Result<(), StepError> {
        let newest = self.owner()?.audit_checkpoint().await?;
        self.kept_checkpoints.push(newest.checkpoint.ok_or("the log has no checkpoint")?);
        Ok(())
    }

    pub(crate) async fn audit(&self, limit: usize) -> Result<Vec<AuditEntry>, StepError> {
        Ok(self.owner()?.audit_tail(&TailParams { limit: Some(limit) }).await?.items)
    }

    pub(crate) async fn action(&self, id: &ActionId) -> Result<Action, StepError> {
        Ok(self.owner()?.action(id).await?)
    }

    /// The satellite's newest action, once it is one that `wanted` takes.
    pub(crate) async fn newest_action(
        &self,
        what: &str,
        wanted: impl Fn(&Action) -> bool,
    ) -> Result<Action, StepError> {
        let target = Target::Satellite(self.id.clone());
        let newest = async || {
            let params = ActionParams { state: None, limit: Some(ACTIONS_MAX), after: None };
            let newest = self.owner()?.actions(&params).await?.items;
            Ok(newest.into_iter().find(|action| action.invocation.target == target).filter(&wanted))
        };
        self.until(what, 10, newest).await
    }

    /// The action, once it has come to `state`.
    pub(crate) async fn action_in(&self, id: &ActionId, state: ActionState) -> Result<Action, StepError> {
        let there = async || Ok(Some(self.action(id).await?).filter(|action| action.state == state));
        self.until(&format!("action `{id}` to be {}", state.as_str()), 15, there).await
    }

    /// Looks until there is something, at most `seconds`, or as many times that as the hub is away.
    pub(crate) async fn until<T>(
        &self,
        what: &str,
        seconds: u64,
        mut look: impl AsyncFnMut() -> Result<Option<T>, StepError>,
    ) -> Result<T, StepError> {
        let seconds = seconds * self.pace.times;
        let deadline = Instant::now() + Duration::from_secs(seconds);
        loop {
            if let Some(found) = look().await? {
                return Ok(found);
            }
            if Instant::now() >= deadline {
                return Err(format!("waited {seconds} s in vain for {what}").into());
            }
            time::sleep(Duration::from_millis(self.pace.look_ms)).await;
        }
    }

    /// That something took no longer than what is prompt here.
    pub(crate) fn prompt(&self, what: &str, ms: u128) -> Result<(), StepError> {
        match self.pace.prompt_ms {
            Some(most) if ms > u128::from(most) => Err(format!("{what} after {ms} ms only").into()),
            _ => Ok(()),
        }
    }

    /// Ends the satellite.
    pub(crate) async fn clear(&mut self) {
        // What does not stop when asked is killed by being dropped.
        if let Some(satellite) = self.satellite.take()
            && let Err(error) = satellite.stop().await
        {
            tracing::warn!(%error, "the satellite is killed");
        }
    }
}

/// The first file below `dir` that holds `needle`.
pub(crate) fn holding(dir: &Path, needle: &[u8]) -> Result<Option<PathBuf>, StepError> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            if let Some(found) = holding(&path, needle)? {
                return Ok(Some(found));
            }
        } else if fs::read(&path)?.windows(needle.len()).any(|window| window == needle) {
            return Ok(Some(path));
        }
    }
    Ok(None)
}
