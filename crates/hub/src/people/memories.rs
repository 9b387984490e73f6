//! Looking at memories, reviewing candidates, editing, forgetting, recalling.

use super::{Caller, PAGES_MAX, RequestError, conflict, found};
use crate::{
    changes::{Changes, Stored},
    deliver::StepError,
    entity::{memories_in, memory_key},
    hub::{Hub, listing},
    port::{Effect, Query},
    recalling::{Audience, QUESTION_BYTES_MAX, Question},
};
use marvain_domain::{
    Timestamp,
    action::Verdict,
    consent::ConsentKind,
    id::{MemoryId, PersonId},
    memory::{Evidence, Memory, MemoryChange, MemoryState, Tier, change},
    policy::{MemoryFacts, Operation, Somebody},
    recall::Recalled,
};
use marvain_topics::Queue;
use serde_json::json;

/// Which memories to list.
#[derive(Clone, Debug)]
pub struct MemoryQuery {
    /// In this state.
    pub state: MemoryState,
    /// At most so many, newest change first.
    pub limit: usize,
    /// Goes on behind an earlier page.
    pub after: Option<String>,
}

/// What to recall.
#[derive(Clone, Debug)]
pub struct RecallRequest {
    /// In words.
    pub text: String,
    /// Only these sorts; empty for all.
    pub tiers: Vec<Tier>,
    /// At most so many.
    pub limit: usize,
}

impl Hub {
    /// Memories in one state, as far as the caller may be told them or may review them. A page may be short and still go
    /// on; it is empty only at the end, or where none is for the caller for long.
    pub async fn memories(
        &self,
        caller: &Caller,
        query: &MemoryQuery,
    ) -> Result<(Vec<Memory>, Option<String>), RequestError> {
        self.authorise(caller, &Operation::View).await?;
        let listing = listing(&memories_in(query.state), query.limit.clamp(1, 200));
        let mut after = query.after.clone();
        for _ in 0..PAGES_MAX {
            let listing = Query { descending: true, after, ..listing.clone() };
            let (page, next) = self.list::<Memory>(&listing).await?;
            let mut memories = Vec::with_capacity(page.len());
            for Stored { value: memory, .. } in page {
                if self.may_see(caller, &memory).await? {
                    memories.push(memory);
                }
            }
            if !memories.is_empty() || next.is_none() {
                return Ok((memories, next));
            }
            after = next;
        }
        Ok((Vec::new(), after))
    }

    /// One memory with its evidence.
    pub async fn memory(&self, caller: &Caller, id: &MemoryId) -> Result<Memory, RequestError> {
        let memory = self.memory_of(id).await?.value;
        self.authorise(caller, &self.seeing(&memory, caller.now).await?).await?;
        if self.is_private(memory.space.as_ref()).await? {
            return Err(conflict(format!("memory `{id}` is from a space in privacy mode: nobody is told it now")));
        }
        Ok(memory)
    }

    async fn memory_of(&self, id: &MemoryId) -> Result<Stored<Memory>, RequestError> {
        found(self.load::<Memory>(&memory_key(id)).await?, "memory", id)
    }

    /// What policy is asked before somebody sees this memory. What waits for review, or has failed it, is for those who
    /// review, as is the empty record of what is forgotten. The rest is for whom it would be recalled to, whoever
    /// reviewed it.
    async fn seeing<'a>(&self, memory: &'a Memory, now: Timestamp) -> Result<Operation<'a>, RequestError> {
        match memory.state {
            MemoryState::Candidate | MemoryState::Rejected | MemoryState::Tombstoned => {
                let role = self.role_of(memory.subject.as_ref()).await?;
                let subject = memory.subject.as_ref().map(|id| Somebody { id, role });
                Ok(Operation::ReviewMemory { tier: memory.tier, subject })
            }
            MemoryState::Committed | MemoryState::Edited | MemoryState::Superseded => {
                Ok(self.telling(memory, now).await?)
            }
        }
    }

    /// May the caller see this memory? Those of a space in privacy mode are seen by nobody.
    async fn may_see(&self, caller: &Caller, memory: &Memory) -> Result<bool, RequestError> {
        let seeing = self.seeing(memory, caller.now).await?;
        Ok(self.people_policies().await?.may(&caller.person, &seeing).allowed
            && !self.is_private(memory.space.as_ref()).await?)
    }

    /// Changes a memory: commit, reject, edit, forget. The answer has its words only if the caller may see them.
    pub async fn change_memory(
        &self,
        caller: &Caller,
        id: &MemoryId,
        asked: &MemoryChange,
    ) -> Result<Memory, RequestError> {
        self.may_change(caller, &self.memory_of(id).await?.value, asked).await?;
        if let MemoryChange::Supersede { by } = asked {
            // The heir is written as well.
            self.may_change(caller, &self.memory_of(by).await?.value, asked).await?;
        }
        self.request(caller, || async {
            let stored = self.memory_of(id).await?;
            let mut changes = Changes::default();
            if *asked == MemoryChange::Forget {
                let done = self.forget_memory(id, &caller.principal(), caller.now, &mut changes).await?;
                done.map_err(RequestError::Conflict)?;
            } else {
                self.accept(caller, &stored, asked, &mut changes).await?;
            }
            let (kind, data) = match asked {
                MemoryChange::Commit => ("memory.committed", json!({"memory": id})),
                MemoryChange::Reject => ("memory.rejected", json!({"memory": id})),
                MemoryChange::Edit { .. } => ("memory.edited", json!({"memory": id})),
                MemoryChange::Supersede { by } => ("memory.superseded", json!({"memory": id, "by": by})),
                MemoryChange::Forget => ("memory.tombstoned", json!({"memory": id})),
            };
            changes.audit(caller.now, &caller.principal(), kind, data);
            Ok(changes)
        })
        .await?;
        let memory = self.memory_of(id).await?.value;
        Ok(if self.may_see(caller, &memory).await? { memory } else { without_words(memory) })
    }

    async fn may_change(&self, caller: &Caller, memory: &Memory, asked: &MemoryChange) -> Result<(), RequestError> {
        let role = self.role_of(memory.subject.as_ref()).await?;
        let subject = memory.subject.as_ref().map(|id| Somebody { id, role });
        let tier = memory.tier;
        let operation = match asked {
            MemoryChange::Commit | MemoryChange::Reject => Operation::ReviewMemory { tier, subject },
            MemoryChange::Edit { .. } | MemoryChange::Supersede { .. } => Operation::EditMemory { tier, subject },
            MemoryChange::Forget => Operation::ForgetMemory { tier, subject },
        };
        self.authorise(caller, &operation).await
    }

    async fn accept(
        &self,
        caller: &Caller,
        stored: &Stored<Memory>,
        asked: &MemoryChange,
        changes: &mut Changes,
    ) -> Result<(), RequestError> {
        let next = change(&stored.value, asked, &caller.principal(), caller.now).map_err(conflict)?;
        if *asked == MemoryChange::Commit {
            self.may_be_kept(&stored.value, caller.now).await?;
        }
        if let MemoryChange::Supersede { by } = asked {
            let heir = self.memory_of(by).await?;
            if !heir.value.state.is_recallable() {
                return Err(conflict(format!("memory `{by}` is {}: it cannot take over", heir.value.state.as_str())));
            }
            let supersedes = Some(stored.value.id.clone());
            changes.replace(&heir, &Memory { supersedes, ..heir.value.clone() })?;
        }
        changes.replace(stored, &next)?;
        changes.effects.push(Effect::Hop { queue: Queue::Memory, body: json!({"memory": next.id}) });
        Ok(())
    }

    /// Would this candidate be remembered if it were proposed now? Consent may have been taken back since it was.
    async fn may_be_kept(&self, memory: &Memory, now: Timestamp) -> Result<(), RequestError> {
        let policies = self.policies().await?;
        let role = self.role_of(memory.subject.as_ref()).await?;
        let private = self.is_private(memory.space.as_ref()).await?;
        for evidence in &memory.evidence {
            let speaker_role = self.role_of(evidence.person.as_ref()).await?;
            let facts = MemoryFacts {
                proposer: &memory.proposed_by,
                tier: memory.tier,
                subject: memory.subject.as_ref().map(|id| Somebody { id, role }),
                subject_consents: self.may_remember(memory.subject.as_ref(), now).await?,
                speaker: evidence.person.as_ref().map(|id| Somebody { id, role: speaker_role }),
                speaker_consents: self.may_remember(evidence.person.as_ref(), now).await?,
                confidence: memory.confidence,
                private,
            };
            let decision = policies.judge_memory(&facts);
            if decision.verdict == Verdict::Deny {
                let why = decision.policies.join(", ");
                return Err(conflict(format!("memory `{}` may not be kept as things are now ({why})", memory.id)));
            }
        }
        Ok(())
    }

    async fn may_remember(&self, person: Option<&PersonId>, now: Timestamp) -> Result<bool, RequestError> {
        match person {
            Some(person) => Ok(self.permits(person, ConsentKind::Memory, now).await?),
            None => Ok(false),
        }
    }

    /// Recalls what fits a question, each memory with its evidence and the reasons why it is there.
    pub async fn recall(&self, caller: &Caller, request: &RecallRequest) -> Result<Vec<Recalled>, RequestError> {
        self.authorise(caller, &Operation::View).await?;
        if request.text.trim().is_empty() || request.text.len() > QUESTION_BYTES_MAX {
            return Err(RequestError::Invalid(format!("`text` must have 1 to {QUESTION_BYTES_MAX} bytes")));
        }
        let question = Question { text: &request.text, tiers: &request.tiers, limit: request.limit };
        let recalled = self.recall_for(&question, Audience::Person(&caller.person), caller.now).await;
        recalled.map_err(|error: StepError| error.into())
    }
}

/// The record as somebody sees it who may not be told it.
fn without_words(memory: Memory) -> Memory {
    let evidence =
        memory.evidence.into_iter().map(|evidence| Evidence { excerpt: String::new(), ..evidence }).collect();
    Memory { content: String::new(), edits: Vec::new(), evidence, ..memory }
}
