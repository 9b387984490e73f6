//! `remember`: a typed line becomes a candidate, is committed, and is recalled with evidence and reasons.

use crate::demo::{
    Proof, StepError,
    stage::{Stage, until},
};
use marvain_console::memories::{Change, MemoryParams, Question};
use marvain_domain::memory::{Memory, MemoryState};

/// Memories in one state whose content has `part`.
pub(crate) async fn memories(stage: &Stage, state: MemoryState, part: &str) -> Result<Vec<Memory>, StepError> {
    let owner = stage.owner()?;
    let all =
        crate::client::whole(async |after| owner.memories(&MemoryParams { state, limit: Some(200), after }).await);
    Ok(all.await?.into_iter().filter(|memory| memory.content.contains(part)).collect())
}

pub(crate) async fn remember(stage: &mut Stage) -> Proof {
    stage.type_line("Remember that the spare key is under the blue pot.").await?;
    let candidate = async || Ok(memories(stage, MemoryState::Candidate, "blue pot").await?.pop());
    let candidate = until("the candidate", 10, candidate).await?;
    let owner = stage.owner()?;
    let question = Question { text: "Where is the spare key?".to_owned(), tiers: Vec::new(), limit: Some(3) };
    if !owner.recall(&question).await?.items.is_empty() {
        return Err("a candidate is recalled before anybody committed it".into());
    }
    owner.change_memory(&candidate.id, &Change::Commit {}).await?;
    let recalled = async || Ok(owner.recall(&question).await?.items.into_iter().next());
    let recalled = until("recall", 10, recalled).await?;
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
