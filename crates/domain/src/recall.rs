//! Ranking: how found memories are ordered, and why each is there.
//!
//! Reciprocal rank fusion of the signals (Cormack, Clarke and Büttcher, 2009), plus a little for what is recent and
//! for whom it is about. It searches nothing; a projection has found what is ranked here.

use crate::{
    Timestamp,
    id::{MemoryId, PersonId},
    memory::Memory,
};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

/// Rank offset of the fusion: the usual 60 keeps the first ranks from drowning the rest.
const RANK_OFFSET: f32 = 60.0;
/// Weight of recency, in parts of a first rank.
const RECENT_WEIGHT: f32 = 0.25;
/// Age at which recency has halved, in days.
const RECENT_HALF_LIFE_DAYS: f32 = 30.0;
/// Weight of being about whom the question names, in parts of a first rank.
const SUBJECT_WEIGHT: f32 = 0.5;
/// Least cosine similarity that counts as a signal: below it, vectors only say that both are texts.
const SIMILARITY_MIN: f32 = 0.15;

/// A found memory with its raw signals.
#[derive(Clone, Debug)]
pub struct Found {
    /// The memory, recallable.
    pub memory: Memory,
    /// Cosine similarity, if it is among the nearest.
    pub similarity: Option<f32>,
    /// BM25 score, if it shares words.
    pub text_score: Option<f32>,
}

/// One reason why a memory is recalled.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Reason {
    /// It means something like the question.
    Similar {
        /// 1 for the nearest.
        rank: usize,
        /// Cosine, -1 to 1.
        similarity: f32,
    },
    /// It shares words with the question.
    Words {
        /// 1 for the best.
        rank: usize,
        /// BM25.
        score: f32,
    },
    /// It is recent.
    Recent {
        /// Age in days.
        days: f32,
    },
    /// The question names the person that it is about.
    Subject {
        /// Who.
        person: PersonId,
    },
}

/// A recalled memory.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Recalled {
    /// The memory with its evidence.
    pub memory: Memory,
    /// Larger is better; comparable within one answer only.
    pub score: f32,
    /// Why it is here.
    pub reasons: Vec<Reason>,
}

/// Orders what was found for `question`, best first, at most `limit`. Ties go by id, so that equal facts give equal
/// answers. What has neither signal is left out.
pub fn rank(question: &str, found: Vec<Found>, now: Timestamp, limit: usize) -> Vec<Recalled> {
    let similar = ranks(&found, |f| f.similarity.filter(|s| *s >= SIMILARITY_MIN));
    let worded = ranks(&found, |f| f.text_score);
    let words: Vec<String> =
        question.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).map(str::to_lowercase).collect();
    let mut recalled: Vec<Recalled> = found
        .into_iter()
        .filter_map(|f| {
            let mut reasons = Vec::new();
            let mut score = 0.0;
            if let Some((rank, similarity)) = place(&similar, &f.memory.id) {
                score += fused(rank);
                reasons.push(Reason::Similar { rank, similarity });
            }
            if let Some((rank, bm25)) = place(&worded, &f.memory.id) {
                score += fused(rank);
                reasons.push(Reason::Words { rank, score: bm25 });
            }
            if reasons.is_empty() {
                return None;
            }
            let days = age_days(f.memory.changed_at, now);
            score += RECENT_WEIGHT * fused(1) * (-days / RECENT_HALF_LIFE_DAYS).exp2();
            if days < RECENT_HALF_LIFE_DAYS {
                reasons.push(Reason::Recent { days });
            }
            if let Some(person) = f.memory.subject.clone()
                && words.iter().any(|word| person.as_str().eq_ignore_ascii_case(word))
            {
                score += SUBJECT_WEIGHT * fused(1);
                reasons.push(Reason::Subject { person });
            }
            Some(Recalled { memory: f.memory, score, reasons })
        })
        .collect();
    recalled.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.memory.id.cmp(&b.memory.id)));
    recalled.truncate(limit);
    recalled
}

#[expect(clippy::cast_precision_loss, reason = "ranks are small")]
fn fused(rank: usize) -> f32 {
    1.0 / (RANK_OFFSET + rank as f32)
}

#[expect(clippy::cast_precision_loss, reason = "a recency weight needs no more")]
fn age_days(at: Timestamp, now: Timestamp) -> f32 {
    now.ms_since(at) as f32 / 86_400_000.0
}

fn ranks(found: &[Found], signal: impl Fn(&Found) -> Option<f32>) -> Vec<(MemoryId, f32)> {
    let mut ranked: Vec<(MemoryId, f32)> =
        found.iter().filter_map(|f| Some((f.memory.id.clone(), signal(f)?))).collect();
    ranked.sort_by(|a, b| match b.1.total_cmp(&a.1) {
        Ordering::Equal => a.0.cmp(&b.0),
        order => order,
    });
    ranked
}

fn place(ranked: &[(MemoryId, f32)], id: &MemoryId) -> Option<(usize, f32)> {
    ranked.iter().position(|(known, _)| known == id).and_then(|i| Some((i + 1, ranked.get(i)?.1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        memory::{MemoryState, Tier},
        principal::Principal,
    };

    fn found(n: &str, similarity: Option<f32>, text_score: Option<f32>, day: u64, subject: Option<&str>) -> Found {
        let at = Timestamp::from_ms(day * 86_400_000);
        let memory = Memory {
            id: MemoryId::derive(&[n]),
            tier: Tier::Semantic,
            content: n.into(),
            subject: subject.map(|s| s.parse().unwrap()),
            space: None,
            state: MemoryState::Committed,
            evidence: Vec::new(),
            confidence: 1.0,
            proposed_by: Principal::System,
            model: None,
            created_at: at,
            changed_at: at,
            changed_by: Principal::System,
            superseded_by: None,
            supersedes: None,
            edits: Vec::new(),
        };
        Found { memory, similarity, text_score }
    }

    fn order(question: &str, found: Vec<Found>) -> Vec<String> {
        let now = Timestamp::from_ms(100 * 86_400_000);
        rank(question, found, now, 10).into_iter().map(|r| r.memory.content).collect()
    }

    #[test]
    fn both_signals_beat_one_and_ties_are_broken_by_recency_and_subject() {
        let both = found("both", Some(0.5), Some(2.0), 1, None);
        let near = found("near", Some(0.9), None, 1, None);
        let word = found("word", None, Some(9.0), 1, None);
        let noise = found("noise", Some(0.05), None, 99, None);
        let first = order("tea", vec![near, noise, word, both]);
        assert_eq!(first.first().map(String::as_str), Some("both"));
        assert!(!first.contains(&"noise".to_owned()), "{first:?}");
        let old = found("old", Some(0.5), None, 1, None);
        let new = found("new", Some(0.5), None, 99, None);
        assert_eq!(order("tea", vec![old, new]).first().map(String::as_str), Some("new"));
        let hers = found("hers", Some(0.4), None, 99, Some("Anna"));
        let other = found("other", Some(0.5), None, 99, Some("ben"));
        assert_eq!(order("what does anna like?", vec![other, hers]).first().map(String::as_str), Some("hers"));
    }

    #[test]
    fn every_recalled_memory_says_why() {
        let now = Timestamp::from_ms(100 * 86_400_000);
        let answer = rank("tea", vec![found("both", Some(0.5), Some(2.0), 99, None)], now, 1);
        let reasons = serde_json::to_value(&answer.first().unwrap().reasons).unwrap();
        assert_eq!(
            reasons,
            serde_json::json!([
                {"reason": "similar", "rank": 1, "similarity": 0.5},
                {"reason": "words", "rank": 1, "score": 2.0},
                {"reason": "recent", "days": 1.0}])
        );
    }
}
