//! How fast recall is: `cargo run --release -p marvain-local --example recall_bench [MEMORIES] [DIMENSIONS]`.
//!
//! Prints figures and asserts none. Memories are random words of a vocabulary with the skew of natural language, their
//! vectors random directions around a few hundred subjects.

#![expect(clippy::print_stdout, reason = "its output is its purpose")]

use marvain_domain::{Timestamp, id::MemoryId, memory::Tier};
use marvain_hub::port::{Recall, RecallDoc, RecallQuery};
use marvain_local::SqliteRecall;
use rand::{Rng, SeedableRng, rngs::SmallRng};
use std::{
    env,
    error::Error,
    time::{Duration, Instant},
};

const SUBJECTS: usize = 300;
const WORDS: f64 = 20_000.0;
const QUERIES: usize = 200;
const BATCH: usize = 1000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut numbers = env::args().skip(1).map(|argument| argument.parse::<usize>());
    let memories = numbers.next().transpose()?.unwrap_or(100_000);
    let dims = numbers.next().transpose()?.unwrap_or(256);
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("recall.db");
    let random = &mut SmallRng::seed_from_u64(1);
    let subjects: Vec<Vec<f32>> = (0..SUBJECTS).map(|_| direction(random, &vec![0.0; dims])).collect();

    let recall = SqliteRecall::open(&path)?;
    let mut written = Vec::new();
    for batch in 0..memories.div_ceil(BATCH) {
        let docs = (batch * BATCH..memories.min((batch + 1) * BATCH)).map(|n| RecallDoc {
            memory: MemoryId::derive(&[&n.to_string()]),
            tier: Tier::ALL.get(n % 8).copied().unwrap_or(Tier::Semantic),
            content: sentence(random, 14),
            vector_space: "bench".into(),
            vector: near(random, &subjects),
            at: Timestamp::EPOCH,
        });
        let docs = docs.collect();
        let start = Instant::now();
        recall.upsert(docs).await?;
        written.push(start.elapsed());
    }
    println!("{memories} memories of {dims} dimensions, upsert of {BATCH}: {}", quantiles(written));
    drop(recall);
    let start = Instant::now();
    let recall = SqliteRecall::open(&path)?;
    println!("open: {:.0?}", start.elapsed());

    for (name, words, has_vector, tiers) in [
        ("vector and 6 words", 6, true, vec![]),
        ("vector and 6 words, one tier", 6, true, vec![Tier::Device]),
        ("vector", 0, true, vec![]),
        ("6 words", 6, false, vec![]),
    ] {
        let mut took = Vec::new();
        for _ in 0..QUERIES {
            let query = RecallQuery {
                text: sentence(random, words),
                vector_space: "bench".into(),
                vector: if has_vector { near(random, &subjects) } else { vec![] },
                tiers: tiers.clone(),
                limit: 20,
            };
            let start = Instant::now();
            recall.search(&query).await?;
            took.push(start.elapsed());
        }
        println!("search by {name}: {}", quantiles(took));
    }
    Ok(())
}

fn quantiles(mut took: Vec<Duration>) -> String {
    took.sort_unstable();
    let at = |share: usize| took.get(took.len() * share / 100).copied().unwrap_or_default();
    format!("p50 {:.2?}, p95 {:.2?}, p99 {:.2?}", at(50), at(95), at(99))
}

/// Words by Zipf's law: the `n`th is used about `1/n` as often as the first.
fn sentence(random: &mut SmallRng, words: usize) -> String {
    let word = |random: &mut SmallRng| format!("w{}", WORDS.powf(random.random::<f64>()) as u64);
    (0..words).map(|_| word(random)).collect::<Vec<_>>().join(" ")
}

fn near(random: &mut SmallRng, subjects: &[Vec<f32>]) -> Vec<f32> {
    let subject = subjects.get(random.random_range(0..subjects.len()));
    subject.map(|subject| direction(random, subject)).unwrap_or_default()
}

/// A direction around `middle`, of unit length.
fn direction(random: &mut SmallRng, middle: &[f32]) -> Vec<f32> {
    let spread = 1.0 / (middle.len() as f32).sqrt();
    let vector: Vec<f32> = middle.iter().map(|number| number + spread * random.random_range(-1.0..1.0)).collect();
    let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt();
    vector.iter().map(|number| number / length).collect()
}
