//! The port `Recall` on SQLite: words in FTS5, vectors in memory for the search and in the file for exactness.
//!
//! sqlite-vec is not used: registering it takes `unsafe`. The module does not know what a memory means.

mod matrix;
mod nearest;
mod words;

use crate::store::{OpenError, Schema, Store, StoreError, reader};
use async_trait::async_trait;
use marvain_domain::{id::MemoryId, memory::Tier};
use marvain_hub::port::{Hit, Recall, RecallDoc, RecallError, RecallQuery};
use nearest::Nearest;
use parking_lot::RwLock;
use rusqlite::{Connection, OptionalExtension, params};
use std::{collections::HashMap, path::Path, sync::Arc};

const SCHEMA: Schema = Schema { migrations: &[include_str!("../../../../sql/local/recall.sql")], at_open: "" };
/// Most numbers in a vector.
const VECTOR_DIMS_MAX: usize = 4096;
/// Most hits of each signal.
const HITS_MAX: usize = 1000;

/// Memories in a SQLite file, their vectors also in memory: about one byte a dimension.
pub struct SqliteRecall {
    store: Store,
    nearest: Arc<RwLock<Nearest>>,
}

/// What a write changes in [`Nearest`].
enum Change {
    Put { doc: u64, space: String, tier: Tier, vector: Vec<f32> },
    Remove { doc: u64 },
}

impl SqliteRecall {
    /// Opens the file, creating it if it is not there, and reads its vectors.
    ///
    /// # Errors
    /// [`OpenError`], with the file as it was.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let store = Store::open(path, SCHEMA)?;
        let nearest = reader(path).and_then(|connection| load(&connection)).map_err(OpenError::sqlite(path))?;
        Ok(Self { store, nearest: Arc::new(RwLock::new(nearest)) })
    }

    /// An empty one that is gone when it is dropped.
    ///
    /// # Errors
    /// [`OpenError`] if there is no memory or thread for it.
    pub fn open_in_memory() -> Result<Self, OpenError> {
        Ok(Self { store: Store::open_in_memory(SCHEMA)?, nearest: Arc::default() })
    }

    pub(crate) const fn store(&self) -> &Store {
        &self.store
    }

    async fn write(
        &self,
        work: impl FnOnce(&Connection) -> Result<Vec<Change>, StoreError> + Send + 'static,
    ) -> Result<(), RecallError> {
        let nearest = Arc::clone(&self.nearest);
        let then = move |changes: &Vec<Change>| nearest.write().apply(changes);
        self.store.write_then(work, then).await.map(drop).map_err(unavailable)
    }
}

#[async_trait]
impl Recall for SqliteRecall {
    async fn upsert(&self, docs: Vec<RecallDoc>) -> Result<(), RecallError> {
        if let Some(doc) = docs.iter().find(|doc| !is_vector(&doc.vector)) {
            let what = format!("the vector of `{}` is too long or holds what is no number", doc.memory);
            return Err(RecallError::Unavailable(what.into()));
        }
        self.write(move |connection| docs.into_iter().map(|doc| put(connection, doc)).collect()).await
    }

    async fn erase(&self, memories: &[MemoryId]) -> Result<(), RecallError> {
        let memories = memories.to_vec();
        self.write(move |connection| {
            memories.iter().filter_map(|memory| erase(connection, memory).transpose()).collect()
        })
        .await
    }

    async fn search(&self, query: &RecallQuery) -> Result<Vec<Hit>, RecallError> {
        let limit = query.limit.clamp(1, HITS_MAX);
        let (near, nearest) = (query.clone(), Arc::clone(&self.nearest));
        let near = self.store.read(move |connection| {
            let candidates = nearest.read().candidates(&near.vector_space, &near.vector, &near.tiers, limit);
            nearest::rescore(connection, &candidates, &near, limit)
        });
        let said = query.clone();
        let said = self.store.read(move |connection| words::best(connection, &said.text, &said.tiers, limit));
        let (near, said) = tokio::try_join!(near, said).map_err(unavailable)?;
        hits(near, said)
    }

    async fn of_other_spaces(&self, space: &str, limit: usize) -> Result<Vec<MemoryId>, RecallError> {
        let space = space.to_owned();
        let ids = self.store.read(move |connection| {
            // Two ranges of the index, so that nothing is read if all are of this space.
            let mut select = connection.prepare_cached(
                "SELECT memory FROM docs WHERE space < ?1 UNION ALL SELECT memory FROM docs WHERE space > ?1 LIMIT ?2",
            )?;
            let ids: Result<Vec<String>, _> = select.query_map(params![space, limit], |row| row.get(0))?.collect();
            ids.map_err(StoreError::from)
        });
        ids.await.map_err(unavailable)?.iter().map(|id| parse(id)).collect()
    }

    async fn ids(&self) -> Result<Vec<MemoryId>, RecallError> {
        let ids = self.store.read(|connection| {
            let mut select = connection.prepare_cached("SELECT memory FROM docs ORDER BY doc")?;
            let ids: Result<Vec<String>, _> = select.query_map([], |row| row.get(0))?.collect();
            ids.map_err(StoreError::from)
        });
        ids.await.map_err(unavailable)?.iter().map(|id| parse(id)).collect()
    }
}

fn unavailable(error: StoreError) -> RecallError {
    RecallError::Unavailable(Box::new(error))
}

fn parse(id: &str) -> Result<MemoryId, RecallError> {
    id.parse().map_err(|error| RecallError::Unavailable(Box::new(error)))
}

/// Both signals, each with as many memories as the query asks for, as if there were no other.
fn hits(near: Vec<(String, f32)>, said: Vec<(String, f32)>) -> Result<Vec<Hit>, RecallError> {
    let mut hits: HashMap<String, Hit> = HashMap::with_capacity(near.len() + said.len());
    let hit = |id: &str| Ok(Hit { memory: parse(id)?, similarity: None, text_score: None });
    for (id, similarity) in near {
        let found = hit(&id)?;
        hits.insert(id, Hit { similarity: Some(similarity), ..found });
    }
    for (id, score) in said {
        let found = hits.remove(&id).map_or_else(|| hit(&id), Ok)?;
        hits.insert(id, Hit { text_score: Some(score), ..found });
    }
    Ok(hits.into_values().collect())
}

fn put(connection: &Connection, doc: RecallDoc) -> Result<Change, StoreError> {
    let RecallDoc { memory, tier, content, vector_space: space, vector, at } = doc;
    let row: u64 = connection
        .prepare_cached(
            "INSERT INTO docs (memory, tier, at, space, vector) VALUES (?, ?, ?, ?, ?)
             ON CONFLICT (memory) DO UPDATE SET
               tier = excluded.tier, at = excluded.at, space = excluded.space, vector = excluded.vector
             RETURNING doc",
        )?
        .query_row(params![memory.as_str(), tier.as_str(), at.as_ms(), space, matrix::to_bytes(&vector)], |row| {
            row.get(0)
        })?;
    connection.prepare_cached("DELETE FROM words WHERE rowid = ?")?.execute([row])?;
    let mut insert = connection.prepare_cached("INSERT INTO words (rowid, content, tier) VALUES (?, ?, ?)")?;
    insert.execute(params![row, content, tier.as_str()])?;
    Ok(Change::Put { doc: row, space, tier, vector })
}

fn erase(connection: &Connection, memory: &MemoryId) -> Result<Option<Change>, StoreError> {
    let mut delete = connection.prepare_cached("DELETE FROM docs WHERE memory = ? RETURNING doc")?;
    let Some(doc) = delete.query_row([memory.as_str()], |row| row.get::<_, u64>(0)).optional()? else {
        return Ok(None);
    };
    connection.prepare_cached("DELETE FROM words WHERE rowid = ?")?.execute([doc])?;
    Ok(Some(Change::Remove { doc }))
}

/// Reads all vectors of the file.
fn load(connection: &Connection) -> rusqlite::Result<Nearest> {
    let mut nearest = Nearest::default();
    let mut select = connection.prepare("SELECT doc, space, tier, vector FROM docs WHERE length(vector) > 0")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let tier: String = row.get(2)?;
        let Some(tier) = Tier::ALL.into_iter().find(|known| known.as_str() == tier) else { continue };
        nearest.put(row.get(0)?, row.get_ref(1)?.as_str()?, tier, &matrix::from_bytes(row.get_ref(3)?.as_blob()?));
    }
    Ok(nearest)
}

fn is_vector(vector: &[f32]) -> bool {
    vector.len() <= VECTOR_DIMS_MAX && vector.iter().all(|number| number.is_finite())
}
