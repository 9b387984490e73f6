//! `crash`: hub and satellite are killed in a stream of events; all arrive, and each has one effect.

use crate::{
    demo::stage::Stage,
    scene::{Proof, StepError, remembering::memories},
};
use marvain_domain::memory::MemoryState;
use std::{
    collections::BTreeMap,
    fs::File,
    io::Write as _,
    time::{Duration, Instant},
};
use tokio::time;

/// Longest that the whole stream may take to arrive, in seconds for each thousand events, and at the least.
const PATIENCE_S: u64 = 120;

pub(crate) async fn crash(stage: &mut Stage) -> Proof {
    stage.keep_checkpoint().await?;
    let events = stage.events;
    let began = Instant::now();
    let mut stream = File::options().append(true).open(stage.path("stream.txt"))?;
    for n in 0..events {
        writeln!(stream, "Remember that crate {n} is on shelf {}.", n % 7)?;
        if n % 10 == 9 {
            time::sleep(Duration::from_millis(5)).await;
        }
        if n == events / 3 {
            some_arrived(stage).await?;
            stage.kill_hub().await?;
        }
        if n == events * 2 / 3 {
            some_arrived(stage).await?;
            stage.satellite.take().ok_or("no satellite runs")?.kill().await?;
            stage.start_satellite()?;
        }
    }
    drop(stream);
    let wanted = usize::try_from(events)?;
    let patience = PATIENCE_S * (1 + u64::from(events) / 1000);
    let all = async || {
        let found = effects(stage).await?;
        Ok((found.len() >= wanted).then_some(found))
    };
    let found = stage.until(&format!("{events} effects"), patience, all).await?;
    // What comes twice comes soon after.
    time::sleep(Duration::from_millis(500)).await;
    let found = if found.values().all(|count| *count == 1) { effects(stage).await? } else { found };
    if let Some((content, count)) = found.iter().find(|(_, count)| **count != 1) {
        return Err(format!("\"{content}\" had {count} effects").into());
    }
    if found.len() != wanted {
        return Err(format!("{events} events had {} effects", found.len()).into());
    }
    Ok(format!(
        "{events} events, one SIGKILL each for hub and satellite: {} effects, each once, in {:.1} s",
        found.len(),
        began.elapsed().as_secs_f32()
    ))
}

/// How many candidates there are by content.
async fn effects(stage: &Stage) -> Result<BTreeMap<String, usize>, StepError> {
    let mut counts = BTreeMap::new();
    for memory in memories(stage, MemoryState::Candidate, "on shelf").await? {
        *counts.entry(memory.content).or_default() += 1;
    }
    Ok(counts)
}

/// A kill before anything has arrived would prove little.
async fn some_arrived(stage: &Stage) -> Result<(), StepError> {
    let some = async || Ok((!effects(stage).await?.is_empty()).then_some(()));
    stage.until("the first of the stream", 30, some).await
}
