//! `crash`: in a stream of events whoever takes part is killed; all arrive, and each has one effect.

use super::{Proof, Scene, StepError, remembering::memories};
use marvain_domain::memory::MemoryState;
use std::{collections::BTreeMap, fs::File, io::Write as _, ops::Range, time::Duration};
use tokio::time;

/// Longest that the whole stream may take to arrive, in seconds for each thousand events, and at the least.
const PATIENCE_S: u64 = 120;
/// How long after the last event another effect of one is looked for, in milliseconds.
const TWICE_MS: u64 = 500;

/// Gives the satellite these events, not all at a time.
pub(crate) async fn pour(scene: &Scene, events: Range<u32>) -> Result<(), StepError> {
    let mut stream = File::options().append(true).open(scene.path("stream.txt"))?;
    for n in events {
        writeln!(stream, "Remember that crate {n} {} {}.", place(scene), n % 7)?;
        if n % 10 == 9 {
            time::sleep(Duration::from_millis(5)).await;
        }
    }
    Ok(())
}

/// A kill before anything has arrived would prove little.
pub(crate) async fn some_arrived(scene: &Scene) -> Result<(), StepError> {
    let some = async || Ok((!effects(scene).await?.is_empty()).then_some(()));
    scene.until("the first of the stream", 30, some).await
}

/// SIGKILL for the satellite, and another with the same files.
pub(crate) async fn kill_satellite(scene: &mut Scene) -> Result<(), StepError> {
    scene.satellite.take().ok_or("no satellite runs")?.kill().await?;
    scene.start_satellite()
}

/// All events have arrived, and each has one effect.
pub(crate) async fn all_arrived(scene: &Scene, events: u32) -> Proof {
    let wanted = usize::try_from(events)?;
    let patience = PATIENCE_S * (1 + u64::from(events) / 1000);
    let all = async || {
        let found = effects(scene).await?;
        Ok((found.len() >= wanted).then_some(found))
    };
    let found = scene.until(&format!("{events} effects"), patience, all).await?;
    // What comes twice comes soon after.
    time::sleep(Duration::from_millis(TWICE_MS * scene.pace.times)).await;
    let found = if found.values().all(|count| *count == 1) { effects(scene).await? } else { found };
    if let Some((content, count)) = found.iter().find(|(_, count)| **count != 1) {
        return Err(format!("\"{content}\" had {count} effects").into());
    }
    if found.len() != wanted {
        return Err(format!("{events} events had {} effects", found.len()).into());
    }
    Ok(format!("{} effects, each once", found.len()))
}

/// Where the crates of this stream are, and no others.
fn place(scene: &Scene) -> String {
    format!("of {} is on shelf", scene.saying.stream)
}

/// How many candidates there are by content.
async fn effects(scene: &Scene) -> Result<BTreeMap<String, usize>, StepError> {
    let mut counts = BTreeMap::new();
    for memory in memories(scene, MemoryState::Candidate, &place(scene)).await? {
        *counts.entry(memory.content).or_default() += 1;
    }
    Ok(counts)
}
