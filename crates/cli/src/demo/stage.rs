//! The demo's stage: the scene with a hub of its own, its processes, and the ways in.

use super::processes::HubProcess;
use crate::{
    client::Client,
    globals::Globals,
    scene::{Pace, Saying, Scene, StepError, satellite::log},
};
use marvain_local::is_vacant;
use std::{
    fs,
    ops::{Deref, DerefMut},
    path::Path,
};

/// The satellite of the demo, and the space it stands in.
pub(crate) const SATELLITE: &str = "kitchen-pi";
const SPACE: &str = "kitchen";

pub(crate) struct Stage {
    scene: Scene,
    pub(crate) events: u32,
    pub(crate) hub: Option<HubProcess>,
}

impl Deref for Stage {
    type Target = Scene;

    fn deref(&self) -> &Scene {
        &self.scene
    }
}

impl DerefMut for Stage {
    fn deref_mut(&mut self) -> &mut Scene {
        &mut self.scene
    }
}

impl Stage {
    /// Makes the directory.
    pub(crate) fn set(dir: &Path, events: u32) -> Result<Self, StepError> {
        if !is_vacant(dir)? {
            return Err("it is not empty".into());
        }
        fs::create_dir_all(dir.join("logs"))?;
        let dir = fs::canonicalize(dir)?;
        let scene = Scene {
            way_in: Globals { json: true, data: Some(dir.join("hub")), ..Globals::default() },
            dir,
            id: SATELLITE.parse()?,
            space: SPACE.parse()?,
            saying: Saying {
                told: "Remember that the spare key is under the blue pot.".to_owned(),
                part: "blue pot".to_owned(),
                question: "Where is the spare key?".to_owned(),
                stream: "the harvest".to_owned(),
            },
            satellite: None,
            pace: Pace::HERE,
            kept_checkpoints: Vec::new(),
        };
        Ok(Self { scene, events, hub: None })
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

    /// The way in of somebody else, by a token in a file.
    pub(crate) fn somebody(&self, credential: &Path) -> Result<Client, StepError> {
        Ok(Client::connect(&Globals { credential: Some(credential.to_owned()), ..self.way_in.clone() })?)
    }

    /// Ends every process.
    pub(crate) async fn clear(&mut self) {
        self.scene.clear().await;
        if let Some(hub) = self.hub.take()
            && let Err(error) = hub.stop().await
        {
            tracing::warn!(%error, "the hub is killed");
        }
    }
}
