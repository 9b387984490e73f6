//! Recall: find, check against the ledger, rank, explain.
//!
//! The projection only suggests. A memory is told if the ledger says now that it may be recalled, and if the one who
//! asks may be told; so forgetting and withdrawing consent work at once, whatever the projection still holds.

use crate::{
    deliver::StepError,
    entity::memory_key,
    hub::Hub,
    port::{LedgerError, RecallQuery},
};
use marvain_domain::{
    Timestamp,
    consent::ConsentKind,
    identity::Person,
    memory::{Memory, Tier},
    policy::{Operation, Somebody},
    recall::{Found, Recalled, rank},
};

/// Most results of one recall.
pub const RECALL_RESULTS_MAX: usize = 50;
/// How many of each signal are fetched for each result that is wanted: some will not be for the one who asks.
const FETCH_FACTOR: usize = 4;
/// Longest question, in bytes.
pub const QUESTION_BYTES_MAX: usize = 2000;

/// Whom memories are told to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Audience<'a> {
    /// A person who asks by name: policy decides.
    Person(&'a Person),
    /// Whoever is in a space: what is about nobody, about the speaker, or may be disclosed.
    Space {
        /// Who spoke, if that is known: then policy must let them be told as well.
        speaker: Option<&'a Person>,
    },
}

/// What is asked.
#[derive(Clone, Debug)]
pub(crate) struct Question<'a> {
    pub(crate) text: &'a str,
    pub(crate) tiers: &'a [Tier],
    pub(crate) limit: usize,
}

impl Hub {
    pub(crate) async fn recall_for(
        &self,
        question: &Question<'_>,
        audience: Audience<'_>,
        now: Timestamp,
    ) -> Result<Vec<Recalled>, StepError> {
        let limit = question.limit.clamp(1, RECALL_RESULTS_MAX);
        let (vector_space, vector) = match self.ports.model.embed(&[question.text.to_owned()]).await {
            Ok(embeddings) => (embeddings.space, embeddings.vectors.into_iter().next().unwrap_or_default()),
            Err(error) => {
                tracing::warn!(%error, "recall goes by words only");
                (String::new(), Vec::new())
            }
        };
        let query = RecallQuery {
            text: question.text.to_owned(),
            vector_space,
            vector,
            tiers: question.tiers.to_vec(),
            limit: limit * FETCH_FACTOR,
        };
        let mut found = Vec::new();
        for hit in self.ports.recall.search(&query).await? {
            let Some(stored) = self.load::<Memory>(&memory_key(&hit.memory)).await? else { continue };
            let memory = stored.value;
            if memory.state.is_recallable() && self.may_be_told(&memory, audience, now).await? {
                found.push(Found { memory, similarity: hit.similarity, text_score: hit.text_score });
            }
        }
        Ok(rank(question.text, found, now, limit))
    }

    /// May this memory be told to them? Memories of a space in privacy mode are told to nobody.
    async fn may_be_told(&self, memory: &Memory, audience: Audience<'_>, now: Timestamp) -> Result<bool, LedgerError> {
        if self.is_private(memory.space.as_ref()).await? {
            return Ok(false);
        }
        let told = self.telling(memory, now).await?;
        let asks = match audience {
            Audience::Person(person) => Some(person),
            Audience::Space { speaker } => {
                let own = speaker.is_some_and(|speaker| Some(&speaker.id) == memory.subject.as_ref());
                if !own && !matches!(told, Operation::Recall { disclosed: true, .. }) {
                    return Ok(false);
                }
                speaker
            }
        };
        match asks {
            Some(person) => Ok(self.policies().await?.may(person, &told).allowed),
            None => Ok(true),
        }
    }

    /// What policy is asked before somebody is told this memory. What is about nobody needs nobody's consent.
    pub(crate) async fn telling<'a>(&self, memory: &'a Memory, now: Timestamp) -> Result<Operation<'a>, LedgerError> {
        let disclosed = match &memory.subject {
            Some(subject) => self.permits(subject, ConsentKind::Disclosure, now).await?,
            None => true,
        };
        let role = self.role_of(memory.subject.as_ref()).await?;
        let subject = memory.subject.as_ref().map(|id| Somebody { id, role });
        Ok(Operation::Recall { tier: memory.tier, subject, disclosed })
    }
}
