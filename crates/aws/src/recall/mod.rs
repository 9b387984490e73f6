//! The port `Recall` on Aurora PostgreSQL: pgvector for nearness, PostgreSQL's text search for words.
//!
//! How vectors of several spaces are indexed, and how a search stays within its tiers without starving, is in
//! `sql/aurora/0001_recall.sql`; here is what goes there and comes back. The words of a memory are not kept, only what finds
//! them. What was erased is found no more at once, and its pages are written over when PostgreSQL vacuums them.

mod words;

use crate::sql::{Row, Sql, SqlError, Statement};
use async_trait::async_trait;
use marvain_domain::id::MemoryId;
use marvain_hub::port::{Hit, Recall, RecallDoc, RecallError, RecallQuery};
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};
use words::words;

/// Most numbers in a vector: what an HNSW index of pgvector takes of half precision.
const VECTOR_DIMS_MAX: usize = 4000;
/// Most hits of each signal.
const HITS_MAX: usize = 1000;
/// Size of the documents of one statement, in bytes. The Data API takes requests of 4 MiB.
const PUT_BYTES_MAX: usize = 1 << 20;
/// Most memories of one statement, and most ids of one answer, which has to be smaller than 1 MiB.
const PAGE: usize = 5000;

const PUT: &str = "SELECT recall_put(CAST(:docs AS jsonb))";
const ERASE: &str =
    "DELETE FROM recall_docs WHERE memory IN (SELECT jsonb_array_elements_text(CAST(:memories AS jsonb)))";
const SEARCH: &str = "SELECT memory, similarity, score FROM recall_search(
  CAST(:words AS text), CAST(:space AS text), CAST(:vector AS text), CAST(:tiers AS jsonb), CAST(:most AS integer))";
// Two ranges of the index, so that nothing is read if all are of this space.
const OF_OTHER_SPACES: &str = "SELECT memory FROM (
    SELECT space, memory FROM recall_docs WHERE space < CAST(:space AS text)
    UNION ALL SELECT space, memory FROM recall_docs WHERE space > CAST(:space AS text)) others
  ORDER BY space, memory LIMIT CAST(:most AS bigint)";
const IDS: &str = "SELECT memory FROM recall_docs WHERE memory > CAST(:after AS text)
  ORDER BY memory LIMIT CAST(:most AS bigint)";

/// Memories in Aurora PostgreSQL. The schema is there: [`migrate`](fn@crate::sql::migrate) has made it.
#[derive(Clone)]
pub struct AuroraRecall {
    sql: Arc<dyn Sql>,
}

impl AuroraRecall {
    /// Recall by this executor.
    pub const fn new(sql: Arc<dyn Sql>) -> Self {
        Self { sql }
    }

    async fn ask(&self, statement: Statement) -> Result<Vec<Row>, RecallError> {
        self.sql.execute(statement).await.map_err(unavailable)
    }
}

#[async_trait]
impl Recall for AuroraRecall {
    async fn upsert(&self, docs: Vec<RecallDoc>) -> Result<(), RecallError> {
        // Of two that are the same memory, the last counts.
        let mut newest = BTreeMap::new();
        for doc in docs {
            newest.insert(doc.memory.to_string(), row(doc)?);
        }
        let mut rows = newest.into_values().peekable();
        while rows.peek().is_some() {
            let mut bytes = 0;
            let mut part = Vec::new();
            while let Some(row) = rows.next_if(|row| part.is_empty() || bytes + row.len() < PUT_BYTES_MAX) {
                bytes += row.len() + 1;
                part.push(row);
                if part.len() == PAGE {
                    break;
                }
            }
            self.ask(Statement::new(PUT).bind("docs", format!("[{}]", part.join(",")))).await?;
        }
        Ok(())
    }

    async fn erase(&self, memories: &[MemoryId]) -> Result<(), RecallError> {
        for part in memories.chunks(PAGE) {
            let ids: Vec<&str> = part.iter().map(MemoryId::as_str).collect();
            self.ask(Statement::new(ERASE).bind("memories", json!(ids).to_string())).await?;
        }
        Ok(())
    }

    async fn search(&self, query: &RecallQuery) -> Result<Vec<Hit>, RecallError> {
        let vector = Some(&query.vector).filter(|vector| is_direction(vector) && vector.len() <= VECTOR_DIMS_MAX);
        let tiers: Vec<&str> = query.tiers.iter().map(|tier| tier.as_str()).collect();
        let statement = Statement::new(SEARCH)
            .bind("words", words(&query.text))
            .bind("space", storable(&query.vector_space)?)
            .bind("vector", vector.map(|vector| json!(vector).to_string()))
            .bind("tiers", json!(tiers).to_string())
            .bind("most", bounded(query.limit, HITS_MAX));
        self.ask(statement).await?.iter().map(hit).collect()
    }

    async fn of_other_spaces(&self, space: &str, limit: usize) -> Result<Vec<MemoryId>, RecallError> {
        let statement = Statement::new(OF_OTHER_SPACES).bind("space", storable(space)?);
        self.ask(statement.bind("most", bounded(limit, PAGE))).await?.iter().map(memory).collect()
    }

    async fn ids(&self) -> Result<Vec<MemoryId>, RecallError> {
        let mut ids: Vec<MemoryId> = Vec::new();
        loop {
            let after = ids.last().map(ToString::to_string).unwrap_or_default();
            let page = self.ask(Statement::new(IDS).bind("after", after).bind("most", bounded(PAGE, PAGE))).await?;
            for row in &page {
                ids.push(memory(row)?);
            }
            if page.len() < PAGE {
                return Ok(ids);
            }
        }
    }
}

/// A document as `recall_put` takes it.
fn row(doc: RecallDoc) -> Result<String, RecallError> {
    let RecallDoc { memory, tier, content, vector_space, vector, at } = doc;
    if vector.len() > VECTOR_DIMS_MAX || vector.iter().any(|number| !number.is_finite()) {
        return Err(RecallError::Unavailable(
            format!("the vector of `{memory}` is too long or holds what is no number").into(),
        ));
    }
    let space = storable(&vector_space)?;
    // What points nowhere is near to nothing.
    let vector = is_direction(&vector).then(|| json!(vector).to_string());
    let row: Value = json!({
        "memory": memory, "tier": tier, "at": at.as_ms(), "space": space, "words": words(&content), "vector": vector,
    });
    Ok(row.to_string())
}

fn is_direction(vector: &[f32]) -> bool {
    vector.iter().any(|number| *number != 0.0)
}

/// PostgreSQL's text has no NUL.
fn storable(space: &str) -> Result<&str, RecallError> {
    if space.contains('\0') {
        Err(RecallError::Unavailable("the name of a vector space holds a NUL".into()))
    } else {
        Ok(space)
    }
}

fn bounded(limit: usize, most: usize) -> i64 {
    i64::try_from(limit.clamp(1, most)).unwrap_or(1)
}

fn unavailable(error: SqlError) -> RecallError {
    match error {
        SqlError::Resuming { .. } => RecallError::Waking(Box::new(error)),
        _ => RecallError::Unavailable(Box::new(error)),
    }
}

fn memory(row: &Row) -> Result<MemoryId, RecallError> {
    row.text(0).map_err(unavailable)?.parse().map_err(|error| RecallError::Unavailable(Box::new(error)))
}

#[expect(clippy::cast_possible_truncation, reason = "scores are f32")]
fn hit(row: &Row) -> Result<Hit, RecallError> {
    let similarity = row.optional_float(1).map_err(unavailable)?.map(|cosine| cosine.clamp(-1.0, 1.0) as f32);
    let text_score = row.optional_float(2).map_err(unavailable)?.map(|score| score as f32);
    Ok(Hit { memory: memory(row)?, similarity, text_score })
}
