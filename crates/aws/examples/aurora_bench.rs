//! How fast recall and telemetry on PostgreSQL are beside those on SQLite, in one run on one machine:
//! `scripts/peers/postgres && cargo run --release -p marvain-aws --example aurora_bench [MEMORIES] [DIMENSIONS]`.
//!
//! Prints figures and asserts none. Memories are random words with the skew of natural language, their vectors random directions
//! around a few hundred subjects.

#![expect(clippy::print_stdout, reason = "its output is its purpose")]

use marvain_aws::{
    AuroraRecall, AuroraTelemetry,
    sql::{Direct, DirectSettings, MIGRATIONS, migrate},
};
use marvain_domain::{Timestamp, id::MemoryId, memory::Tier};
use marvain_hub::port::{Cause, Recall, RecallDoc, RecallQuery, Sample, Telemetry};
use marvain_local::{SqliteRecall, SqliteTelemetry};
use marvain_peers::Postgres;
use rand::{Rng, SeedableRng, rngs::SmallRng};
use std::{
    env,
    sync::Arc,
    time::{Duration, Instant},
};

const SUBJECTS: usize = 300;
const WORDS: f64 = 20_000.0;
const QUERIES: usize = 200;
const BATCH: usize = 500;
const APPENDS: u64 = 500;
const READINGS: u64 = 10;

#[tokio::main]
async fn main() -> Result<(), Cause> {
    let mut numbers = env::args().skip(1).map(|argument| argument.parse::<usize>());
    let memories = numbers.next().transpose()?.unwrap_or(20_000);
    let dims = numbers.next().transpose()?.unwrap_or(256);
    let postgres = Postgres::start().await;
    let direct = Direct::new(&DirectSettings {
        host: "localhost".into(),
        port: postgres.port(),
        database: postgres.database(None).await,
        user: postgres.user().into(),
        password: postgres.password().into(),
        roots_pem: postgres.root_pem().into(),
        connections_max: 4,
    })?;
    migrate(&direct, MIGRATIONS).await?;
    let sql = Arc::new(direct);
    let directory = tempfile::tempdir()?;
    let local = SqliteRecall::open(&directory.path().join("recall.db"))?;
    println!("{memories} memories of {dims} dimensions");
    recall("PostgreSQL", &AuroraRecall::new(sql.clone()), memories, dims).await?;
    recall("SQLite", &local, memories, dims).await?;
    telemetry("PostgreSQL", &AuroraTelemetry::new(sql)).await?;
    telemetry("SQLite", &SqliteTelemetry::open(&directory.path().join("telemetry.db"))?).await?;
    Ok(())
}

async fn recall(whose: &str, recall: &impl Recall, memories: usize, dims: usize) -> Result<(), Cause> {
    let random = &mut SmallRng::seed_from_u64(1);
    let subjects: Vec<Vec<f32>> = (0..SUBJECTS).map(|_| direction(random, &vec![0.0; dims])).collect();
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
    println!("{whose}: upsert of {BATCH}: {}", quantiles(written));
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
        println!("{whose}: search by {name}: {}", quantiles(took));
    }
    Ok(())
}

async fn telemetry(whose: &str, telemetry: &impl Telemetry) -> Result<(), Cause> {
    let mut took = Vec::new();
    for append in 0..APPENDS {
        let sample = |n: u64| -> Result<Sample, Cause> {
            Ok(Sample {
                satellite: "pi".parse()?,
                name: format!("reading{n}"),
                at: Timestamp::from_ms(1_795_338_000_000 + append * 10_000),
                value: 21.5,
                unit: "C".into(),
            })
        };
        let samples = (0..READINGS).map(sample).collect::<Result<_, _>>()?;
        let start = Instant::now();
        telemetry.append(samples).await?;
        took.push(start.elapsed());
    }
    println!("{whose}: append of {READINGS} readings: {}", quantiles(took));
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
