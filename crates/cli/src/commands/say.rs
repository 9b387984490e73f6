//! `marvain say TEXT`

use super::args;
use crate::{
    client::{Client, whole},
    error::{CliError, Exit},
    globals::Globals,
    output::{self, Look, Output, progress},
};
use clap::Args;
use marvain_console::{
    actions::ActionParams,
    memories::MemoryParams,
    page::{LIMIT_MAX, List, PageParams},
    speech::Utterance,
};
use marvain_domain::{
    action::Action,
    id::{EventId, SatelliteId},
    identity::SatelliteStatus,
    memory::{Memory, MemoryState},
};
use serde::Serialize;
use std::time::Duration;

/// How often it is looked what came of it, in milliseconds.
const LOOK_MS: u64 = 250;

/// Say something to the hub, as if a satellite had heard it.
#[derive(Args, Debug)]
pub(crate) struct Say {
    /// The words
    text: String,
    /// Through which satellite, where the answer goes [default: the only one]
    #[arg(long, value_name = "SATELLITE")]
    via: Option<SatelliteId>,
    /// Wait, and show which memories and actions come of it
    #[arg(long)]
    wait: bool,
    /// How long to wait
    #[arg(long, value_parser = args::duration_s, value_name = "DURATION", default_value = "10s", requires = "wait")]
    timeout: u64,
}

/// What was said, and what came of it.
#[derive(Serialize)]
struct Said {
    event: EventId,
    #[serde(skip_serializing_if = "Option::is_none")]
    memories: Option<Vec<Memory>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    actions: Option<Vec<Action>>,
}

pub(super) async fn run(say: Say, globals: &Globals) -> Result<(), CliError> {
    let (client, out) = (Client::connect(globals)?, Output::new(globals));
    let satellite = match say.via {
        Some(satellite) => satellite,
        None => only(&client).await?,
    };
    let event = client.speak(&Utterance { satellite, text: say.text }).await?.event;
    let mut said = Said { event, memories: None, actions: None };
    if say.wait {
        let waiting = progress::spinner(globals, "waiting for what comes of it");
        let timeout = Duration::from_secs(say.timeout);
        let found = tokio::time::timeout(timeout, consequences(&client, &said.event)).await;
        waiting.finish_and_clear();
        let (memories, actions) = match found {
            Ok(found) => found?,
            Err(_) => (Vec::new(), Vec::new()),
        };
        (said.memories, said.actions) = (Some(memories), Some(actions));
    }
    out.show(&said, show)
}

/// The only satellite that there is.
async fn only(client: &Client) -> Result<SatelliteId, CliError> {
    let all = whole(async |after| client.satellites(&PageParams { limit: Some(LIMIT_MAX), after }).await).await?;
    let mut active = all.into_iter().filter(|info| info.satellite.status == SatelliteStatus::Active);
    match (active.next(), active.next()) {
        (Some(only), None) => Ok(only.satellite.id),
        (None, _) => Err(CliError::new(Exit::NotFound, "there is no satellite to say it through")
            .hint("add one: `marvain satellite add NAME --out DIR`")),
        (Some(_), Some(_)) => Err(CliError::usage("there are several satellites").hint("say which: `--via SATELLITE`")),
    }
}

/// The memories and actions that rest on `event`, once there are any.
async fn consequences(client: &Client, event: &EventId) -> Result<(Vec<Memory>, Vec<Action>), CliError> {
    loop {
        let mut memories = Vec::new();
        for state in [MemoryState::Candidate, MemoryState::Committed] {
            let params = MemoryParams { state, limit: None, after: None };
            memories.extend(client.memories(&params).await?.items);
        }
        memories.retain(|memory| memory.evidence.iter().any(|evidence| evidence.event == *event));
        let mut actions = client.actions(&ActionParams::default()).await?.items;
        actions.retain(|action| action.origin.event.as_ref() == Some(event));
        if !(memories.is_empty() && actions.is_empty()) {
            return Ok((memories, actions));
        }
        tokio::time::sleep(Duration::from_millis(LOOK_MS)).await;
    }
}

fn show(said: &Said, look: Look) -> String {
    let mut text = format!("said: {}", said.event);
    if let (Some(memories), Some(actions)) = (&said.memories, &said.actions) {
        if memories.is_empty() && actions.is_empty() {
            text.push_str(
                "\nnothing came of it yet; in privacy mode, or without your consent to `memory`, nothing will",
            );
        }
        if !memories.is_empty() {
            let list = List { items: memories.clone(), next: None };
            text.push_str(&format!("\n\n{}", output::memories::list(&list, look)));
        }
        if !actions.is_empty() {
            let list = List { items: actions.clone(), next: None };
            text.push_str(&format!("\n\n{}", output::actions::list(&list, look)));
        }
    }
    text
}
