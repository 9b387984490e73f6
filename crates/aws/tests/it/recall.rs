//! Recall passes the port's suite by both executors, and a filter finds what is rare among many.

use crate::database::{By, Database, Server};
use async_trait::async_trait;
use marvain_aws::{AuroraRecall, sql::Statement};
use marvain_domain::{Timestamp, id::MemoryId, memory::Tier};
use marvain_hub::{
    conformance::{self, Storage},
    port::{Recall, RecallDoc, RecallQuery},
};

struct Store(Database);

#[async_trait]
impl Storage for Store {
    type Adapter = AuroraRecall;
    async fn open(&self) -> AuroraRecall {
        AuroraRecall::new(self.0.sql.clone())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn conforms_by_the_data_api() {
    let server = Server::start().await;
    conformance::recall(async || Store(server.database(By::DataApi).await)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn conforms_by_direct_connections() {
    let server = Server::start().await;
    conformance::recall(async || Store(server.database(By::Direct).await)).await;
}

fn doc(n: usize, tier: Tier, vector: Vec<f32>) -> RecallDoc {
    RecallDoc {
        memory: MemoryId::derive(&[&n.to_string()]),
        tier,
        content: format!("number {n}"),
        vector_space: "m".into(),
        vector,
        at: Timestamp::EPOCH,
    }
}

fn ask(tiers: Vec<Tier>, vector: Vec<f32>, limit: usize) -> RecallQuery {
    RecallQuery { text: String::new(), vector_space: "m".into(), vector, tiers, limit }
}

/// More better memories than the index scans by itself (`hnsw.max_scan_tuples`), and a rare one far behind them.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_rare_is_found_behind_more_than_the_index_scans() {
    let server = Server::start().await;
    let database = server.database(By::Direct).await;
    let recall = AuroraRecall::new(database.sql.clone());
    let near = |n: usize| vec![1.0, n as f32 * 1e-6, 0.0, (n % 7) as f32 * 1e-6];
    for part in (0..21_000).collect::<Vec<_>>().chunks(3000) {
        recall.upsert(part.iter().map(|n| doc(*n, Tier::Semantic, near(*n))).collect()).await.unwrap();
    }
    recall.upsert(vec![doc(30_000, Tier::Device, vec![0.0, 1.0, 0.0, 0.0])]).await.unwrap();
    let hits = recall.search(&ask(vec![Tier::Device], near(0), 10)).await.unwrap();
    assert_eq!(hits.iter().map(|hit| hit.memory.clone()).collect::<Vec<_>>(), [MemoryId::derive(&["30000"])]);
    assert_eq!(recall.search(&ask(vec![], near(0), 1000)).await.unwrap().len(), 1000);
    assert_eq!(recall.ids().await.unwrap().len(), 21_001, "in several pages");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_stored_is_refused_and_vectors_are_bounded() {
    let server = Server::start().await;
    let recall = AuroraRecall::new(server.database(By::DataApi).await.sql);
    let unit = |dims: usize| (0..dims).map(|n| if n == 7 { 1.0 } else { 0.0 }).collect::<Vec<f32>>();
    recall.upsert((0..60).map(|n| doc(n, Tier::Policy, unit(4000))).collect()).await.unwrap();
    assert_eq!(
        recall.search(&ask(vec![], unit(4000), 100)).await.unwrap().len(),
        60,
        "the largest, in several statements"
    );
    for vector in [unit(4001), vec![f32::NAN], vec![1.0, f32::INFINITY]] {
        assert!(recall.upsert(vec![doc(99, Tier::Policy, vector)]).await.is_err());
    }
    let space = RecallDoc { vector_space: "a\0b".into(), ..doc(99, Tier::Policy, vec![]) };
    assert!(recall.upsert(vec![space]).await.is_err());
    recall.upsert(vec![doc(98, Tier::Policy, vec![0.0; 3])]).await.unwrap();
    assert!(recall.search(&ask(vec![], vec![0.0, 0.0, 1.0], 10)).await.unwrap().is_empty(), "nowhere is not near");
    assert!(recall.search(&ask(vec![], vec![0.0; 3], 10)).await.unwrap().is_empty());
}

/// Writers that come in at the same time, also with the first vectors of a space, neither block each other for good nor lose.
#[tokio::test(flavor = "multi_thread")]
async fn writers_do_not_wait_for_each_other_for_good() {
    let server = Server::start().await;
    let database = server.database(By::Direct).await;
    let writers = (0..4_usize).map(|writer| {
        let recall = AuroraRecall::new(database.sql.clone());
        tokio::spawn(async move {
            for round in 0..5_usize {
                let mut docs: Vec<_> = (0..20).map(|n| doc(n, Tier::Device, vec![1.0; 2 + round])).collect();
                if writer % 2 == 0 {
                    docs.reverse();
                }
                recall.upsert(docs).await.unwrap();
                recall.erase(&[MemoryId::derive(&["3"])]).await.unwrap();
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let recall = AuroraRecall::new(database.sql.clone());
    assert_eq!(recall.search(&ask(vec![], vec![1.0; 6], 100)).await.unwrap().len(), 19);
    let spaces = database.sql.execute(Statement::new("SELECT count(*) FROM recall_spaces")).await.unwrap();
    assert_eq!(spaces[0].int(0).unwrap(), 5);
}
