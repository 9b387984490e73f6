//! Looking at memories, reviewing candidates, editing, forgetting, recalling.

use super::{Caller, RequestError, conflict, found};
use crate::{
    changes::{Changes, Stored},
    deliver::StepError,
    entity::{memories_in, memory_key},
    hub::{Hub, listing},
    port::{Effect, Query},
    recalling::{Audience, QUESTION_BYTES_MAX, Question},
};
use marvain_domain::{
    consent::ConsentKind,
    id::MemoryId,
    memory::{Memory, MemoryChange, MemoryState, Tier, change},
    policy::{Operation, Somebody},
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
    /// Memories in one state, as far as the caller may be told them or may review them.
    pub async fn memories(
        &self,
        caller: &Caller,
        query: &MemoryQuery,
    ) -> Result<(Vec<Memory>, Option<String>), RequestError> {
        self.authorise(caller, &Operation::View).await?;
        let listing = Query {
            descending: true,
            after: query.after.clone(),
            ..listing(&memories_in(query.state), query.limit.clamp(1, 200))
        };
        let (page, next) = self.list::<Memory>(&listing).await?;
        let mut memories = Vec::with_capacity(page.len());
        for stored in page {
            if self.may_see(caller, &stored.value).await? {
                memories.push(stored.value);
            }
        }
        Ok((memories, next))
    }

    /// One memory with its evidence.
    pub async fn memory(&self, caller: &Caller, id: &MemoryId) -> Result<Memory, RequestError> {
        let stored = found(self.load::<Memory>(&memory_key(id)).await?, "memory", id)?;
        if self.may_see(caller, &stored.value).await? {
            return Ok(stored.value);
        }
        let role = self.role_of(stored.value.subject.as_ref()).await?;
        let subject = stored.value.subject.as_ref().map(|id| Somebody { id, role });
        self.authorise(caller, &Operation::ReviewMemory { tier: stored.value.tier, subject }).await?;
        Ok(stored.value)
    }

    async fn may_see(&self, caller: &Caller, memory: &Memory) -> Result<bool, RequestError> {
        let role = self.role_of(memory.subject.as_ref()).await?;
        let subject = memory.subject.as_ref().map(|id| Somebody { id, role });
        let policies = self.policies().await?;
        let review = Operation::ReviewMemory { tier: memory.tier, subject };
        if policies.may(&caller.person, &review).allowed {
            return Ok(true);
        }
        if !memory.state.is_recallable() {
            return Ok(false);
        }
        let disclosed = match &memory.subject {
            Some(subject) => self.permits(subject, ConsentKind::Disclosure, caller.now).await?,
            None => true,
        };
        Ok(policies.may(&caller.person, &Operation::Recall { tier: memory.tier, subject, disclosed }).allowed)
    }

    /// Changes a memory: commit, reject, edit, forget.
    pub async fn change_memory(
        &self,
        caller: &Caller,
        id: &MemoryId,
        asked: &MemoryChange,
    ) -> Result<Memory, RequestError> {
        let stored = found(self.load::<Memory>(&memory_key(id)).await?, "memory", id)?;
        let role = self.role_of(stored.value.subject.as_ref()).await?;
        let subject = stored.value.subject.as_ref().map(|id| Somebody { id, role });
        let tier = stored.value.tier;
        let operation = match asked {
            MemoryChange::Commit | MemoryChange::Reject => Operation::ReviewMemory { tier, subject },
            MemoryChange::Edit { .. } | MemoryChange::Supersede { .. } => Operation::EditMemory { tier, subject },
            MemoryChange::Forget => Operation::ForgetMemory { tier, subject },
        };
        self.authorise(caller, &operation).await?;
        self.request(caller, || async {
            let stored = found(self.load::<Memory>(&memory_key(id)).await?, "memory", id)?;
            let mut changes = Changes::default();
            let kind = match asked {
                MemoryChange::Forget => {
                    let done = self.forget_memory(id, &caller.principal(), caller.now, &mut changes).await?;
                    done.map_err(RequestError::Conflict)?;
                    "memory.tombstoned"
                }
                _ => self.accept(caller, &stored, asked, &mut changes).await?,
            };
            changes.audit(caller.now, &caller.principal(), kind, json!({"memory": id}));
            Ok((changes, ()))
        })
        .await?;
        Ok(found(self.load::<Memory>(&memory_key(id)).await?, "memory", id)?.value)
    }

    async fn accept(
        &self,
        caller: &Caller,
        stored: &Stored<Memory>,
        asked: &MemoryChange,
        changes: &mut Changes,
    ) -> Result<&'static str, RequestError> {
        let next = change(&stored.value, asked, &caller.principal(), caller.now).map_err(conflict)?;
        if let MemoryChange::Supersede { by } = asked {
            let heir = found(self.load::<Memory>(&memory_key(by)).await?, "memory", by)?;
            if !heir.value.state.is_recallable() {
                return Err(conflict(format!("memory `{by}` is {}: it cannot take over", heir.value.state.as_str())));
            }
            let supersedes = Some(stored.value.id.clone());
            changes.replace(&heir, &Memory { supersedes, ..heir.value.clone() })?;
        }
        changes.replace(stored, &next)?;
        changes.effects.push(Effect::Hop { queue: Queue::Memory, body: json!({"memory": next.id}) });
        Ok(match asked {
            MemoryChange::Commit => "memory.committed",
            MemoryChange::Reject => "memory.rejected",
            MemoryChange::Edit { .. } => "memory.edited",
            MemoryChange::Supersede { .. } => "memory.superseded",
            MemoryChange::Forget => "memory.tombstoned",
        })
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
