//! `remember`: a typed line becomes a candidate, is committed, and is recalled with evidence and reasons.

use super::{Proof, Scene, StepError};
use marvain_console::memories::{Change, MemoryParams, Question};
use marvain_domain::{
    memory::{Memory, MemoryState},
    recall::Recalled,
};

/// Most memories that are recalled.
const RECALLED_MAX: usize = 10;

/// Memories in one state whose content has `part`.
pub(crate) async fn memories(scene: &Scene, state: MemoryState, part: &str) -> Result<Vec<Memory>, StepError> {
    let owner = scene.owner()?;
    let all =
        crate::client::whole(async |after| owner.memories(&MemoryParams { state, limit: Some(200), after }).await);
    Ok(all.await?.into_iter().filter(|memory| memory.content.contains(part)).collect())
}

pub(crate) async fn remember(scene: &mut Scene) -> Proof {
    let saying = scene.saying.clone();
    scene.type_line(&saying.told).await?;
    let candidate = async || Ok(memories(scene, MemoryState::Candidate, &saying.part).await?.pop());
    let candidate = scene.until("the candidate", 10, candidate).await?;
    let owner = scene.owner()?;
    let question = Question { text: saying.question, tiers: Vec::new(), limit: Some(RECALLED_MAX) };
    let recalled = async || -> Result<Option<Recalled>, StepError> {
        let found = owner.recall(&question).await?.items;
        Ok(found.into_iter().find(|found| found.memory.content.contains(&saying.part)))
    };
    if recalled().await?.is_some() {
        return Err("a candidate is recalled before anybody committed it".into());
    }
    owner.change_memory(&candidate.id, &Change::Commit {}).await?;
    let recalled = scene.until("recall", 10, recalled).await?;
    let evidence = recalled.memory.evidence.first().ok_or("a memory without evidence")?;
    let reasons: Vec<_> = recalled
        .reasons
        .iter()
        .map(|reason| serde_json::to_value(reason).ok()?.get("reason")?.as_str().map(str::to_owned))
        .collect::<Option<_>>()
        .ok_or("a reason without a name")?;
    Ok(format!(
        "candidate → committed → \"{}\" recalled; evidence: \"{}\" by {}; reasons: {}",
        recalled.memory.content,
        evidence.excerpt,
        evidence.satellite,
        reasons.join(", ")
    ))
}
