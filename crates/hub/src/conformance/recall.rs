//! The suite of the port [`Recall`].

use super::Storage;
use crate::port::{Hit, Recall, RecallDoc, RecallQuery};
use marvain_domain::{Timestamp, id::MemoryId, memory::Tier};
use std::collections::BTreeSet;

/// Runs the suite; `fresh` makes storage for one scenario.
///
/// # Panics
/// At the first thing that is not as the port's documentation has it.
pub async fn recall<S>(fresh: impl AsyncFn() -> S)
where
    S: Storage<Adapter: Recall>,
{
    each_signal_finds_and_says_so(&fresh().await).await;
    words_are_found_in_their_forms(&fresh().await.open().await).await;
    any_text_is_a_question(&fresh().await.open().await).await;
    spaces_never_meet(&fresh().await.open().await).await;
    a_filter_never_starves(&fresh().await.open().await).await;
    the_nearest_are_the_nearest(&fresh().await).await;
    an_upsert_replaces(&fresh().await).await;
    what_is_erased_is_gone(&fresh().await).await;
}

const DIMS: usize = 64;

fn memory(name: &str) -> MemoryId {
    MemoryId::derive(&[name])
}

/// A vector of unit length at `degrees` in the plane of the first two dimensions.
fn at(degrees: f32) -> Vec<f32> {
    let mut vector = vec![0.0; DIMS];
    (vector[1], vector[0]) = degrees.to_radians().sin_cos();
    vector
}

fn doc(name: &str, content: &str, vector: Vec<f32>) -> RecallDoc {
    RecallDoc {
        memory: memory(name),
        tier: Tier::Semantic,
        content: content.into(),
        vector_space: "model-1".into(),
        vector,
        at: Timestamp::EPOCH,
    }
}

fn ask(text: &str, vector: Vec<f32>) -> RecallQuery {
    RecallQuery { text: text.into(), vector_space: "model-1".into(), vector, tiers: vec![], limit: 10 }
}

async fn find(recall: &impl Recall, query: &RecallQuery) -> Vec<Hit> {
    let mut hits = recall.search(query).await.unwrap();
    let distinct: BTreeSet<_> = hits.iter().map(|hit| hit.memory.clone()).collect();
    assert_eq!(distinct.len(), hits.len(), "each memory is one hit");
    assert!(hits.iter().all(|hit| hit.similarity.is_some() || hit.text_score.is_some()), "a hit has a signal");
    hits.sort_by(|a, b| a.memory.cmp(&b.memory));
    hits
}

async fn found(recall: &impl Recall, query: &RecallQuery) -> BTreeSet<MemoryId> {
    find(recall, query).await.into_iter().map(|hit| hit.memory).collect()
}

fn memories<const N: usize>(names: [&str; N]) -> BTreeSet<MemoryId> {
    names.into_iter().map(memory).collect()
}

async fn each_signal_finds_and_says_so<S: Storage<Adapter: Recall>>(storage: &S) {
    let recall = storage.open().await;
    assert!(find(&recall, &ask("coffee", at(0.0))).await.is_empty());
    let docs = vec![
        doc("both", "Anna likes coffee, strong coffee", at(0.0)),
        doc("words", "the coffee machine broke", vec![]),
        doc("vector", "espresso", at(60.0)),
        doc("opposite", "tea", at(180.0)),
    ];
    recall.upsert(docs).await.unwrap();
    drop(recall);

    let recall = storage.open().await;
    let hits = find(&recall, &ask("coffee", at(0.0))).await;
    let hit = |name: &str| hits.iter().find(|hit| hit.memory == memory(name)).unwrap();
    assert!((hit("both").similarity.unwrap() - 1.0).abs() < 1e-3);
    assert!((hit("vector").similarity.unwrap() - 0.5).abs() < 1e-3);
    assert!((hit("opposite").similarity.unwrap() + 1.0).abs() < 1e-3);
    assert_eq!(hit("words").similarity, None);
    assert!(hit("both").text_score.unwrap() > hit("words").text_score.unwrap());
    assert_eq!(hit("vector").text_score, None);
    assert_eq!(found(&recall, &ask("", at(0.0))).await, memories(["both", "vector", "opposite"]));
    assert_eq!(found(&recall, &ask("coffee", vec![])).await, memories(["both", "words"]));
    assert!(find(&recall, &ask("", vec![])).await.is_empty());
    // The limit is for each signal.
    let one = found(&recall, &RecallQuery { limit: 1, ..ask("machine", at(0.0)) }).await;
    assert_eq!(one, memories(["both", "words"]));
}

async fn words_are_found_in_their_forms(recall: &impl Recall) {
    let docs = vec![doc("a", "Zoë is WATERING the plants", vec![]), doc("b", "unrelated", vec![])];
    recall.upsert(docs).await.unwrap();
    for text in ["zoë", "Zoë", "water", "watered", "PLANT", "who waters my plants?", "nothing but plants"] {
        assert_eq!(found(recall, &ask(text, vec![])).await, memories(["a"]), "`{text}`");
    }
    assert!(find(recall, &ask("cactus", vec![])).await.is_empty());
}

async fn any_text_is_a_question(recall: &impl Recall) {
    recall.upsert(vec![doc("a", "the lamp isn't on; 100% sure", vec![])]).await.unwrap();
    let texts =
        ["\"lamp", "lamp\" OR \"x", "lamp*", "(lamp", "content:lamp", "lamp AND", "NOT lamp", "NEAR(lamp", "^lamp"];
    for text in texts {
        assert_eq!(found(recall, &ask(text, vec![])).await, memories(["a"]), "`{text}`");
    }
    for text in ["\"", "'", "*", "-", "();--", "\u{0}", "🦀", " \t\n"] {
        assert!(find(recall, &ask(text, vec![])).await.is_empty(), "`{text}`");
    }
    assert_eq!(found(recall, &ask(&"lamp x ".repeat(2000), vec![])).await, memories(["a"]));
}

async fn spaces_never_meet(recall: &impl Recall) {
    let other = RecallDoc { vector_space: "model-2".into(), ..doc("other", "x", at(0.0)) };
    let short = doc("short", "x", vec![1.0; 1]);
    recall.upsert(vec![doc("same", "x", at(0.0)), other, short]).await.unwrap();
    assert_eq!(found(recall, &ask("", at(0.0))).await, memories(["same"]));
    let of = |space: &str| RecallQuery { vector_space: space.into(), ..ask("", at(0.0)) };
    assert_eq!(found(recall, &of("model-2")).await, memories(["other"]));
    assert!(find(recall, &of("model-3")).await.is_empty());
    let others = async |space: &str, limit: usize| recall.of_other_spaces(space, limit).await.unwrap();
    assert_eq!(others("model-1", 9).await, [memory("other")]);
    assert_eq!(others("model-2", 9).await.into_iter().collect::<BTreeSet<_>>(), memories(["same", "short"]));
    assert_eq!(others("model-3", 9).await.len(), 3);
    assert_eq!(others("model-3", 2).await, others("model-3", 3).await[..2]);
    let none = RecallDoc { vector_space: String::new(), ..doc("other", "x", vec![]) };
    recall.upsert(vec![none]).await.unwrap();
    assert_eq!(others("model-1", 9).await, [memory("other")]);
    recall.upsert(vec![doc("other", "x", vec![])]).await.unwrap();
    assert!(others("model-1", 9).await.is_empty(), "what was looked at needs no vector");
}

async fn a_filter_never_starves(recall: &impl Recall) {
    // Five hundred better memories of another sort are in the way.
    let mut docs: Vec<RecallDoc> = (0..500).map(|n| doc(&format!("{n}"), "tea tea tea", at(0.0))).collect();
    let rare = |name, tier, vector| RecallDoc { tier, ..doc(name, "some tea among many other words", vector) };
    docs.push(rare("device", Tier::Device, at(80.0)));
    docs.push(rare("policy", Tier::Policy, at(85.0)));
    recall.upsert(docs).await.unwrap();
    for (tiers, expected) in [
        (vec![Tier::Device], memories(["device"])),
        (vec![Tier::Policy, Tier::Device], memories(["device", "policy"])),
        (vec![Tier::Location], memories([])),
    ] {
        let hits = find(recall, &RecallQuery { tiers, limit: 2, ..ask("tea", at(0.0)) }).await;
        assert_eq!(hits.iter().map(|hit| hit.memory.clone()).collect::<BTreeSet<_>>(), expected);
        assert!(hits.iter().all(|hit| hit.similarity.is_some() && hit.text_score.is_some()), "{hits:?}");
    }
}

async fn the_nearest_are_the_nearest<S: Storage<Adapter: Recall>>(storage: &S) {
    let degrees: Vec<f32> = (0..1200).map(|n| n as f32 * 0.15).collect();
    let recall = storage.open().await;
    for part in degrees.chunks(100) {
        recall.upsert(part.iter().map(|d| doc(&d.to_string(), "x", at(*d))).collect()).await.unwrap();
    }
    drop(recall);
    let recall = storage.open().await;
    for limit in [1, 10, 1000] {
        let hits = find(&recall, &RecallQuery { limit, ..ask("", at(90.0)) }).await;
        assert_eq!(hits.len(), limit);
        // A search may be approximate at the rim: nine in ten of the nearest have to be there.
        let mut nearest = degrees.clone();
        nearest.sort_by(|a, b| (a - 90.0).abs().total_cmp(&(b - 90.0).abs()));
        let expected: BTreeSet<_> = nearest[..limit].iter().map(|d| memory(&d.to_string())).collect();
        let right = hits.iter().filter(|hit| expected.contains(&hit.memory)).count();
        assert!(right * 10 >= limit * 9, "{right} of {limit}");
    }
}

async fn an_upsert_replaces<S: Storage<Adapter: Recall>>(storage: &S) {
    let recall = storage.open().await;
    recall.upsert(vec![doc("a", "old words", at(0.0)), doc("b", "old words", at(0.0))]).await.unwrap();
    let new = RecallDoc { tier: Tier::Device, ..doc("a", "new sayings", at(90.0)) };
    recall.upsert(vec![doc("a", "in between", at(45.0)), new]).await.unwrap();
    drop(recall);
    // What another opening sees is what the first has seen.
    for _ in 0..2 {
        let recall = storage.open().await;
        assert_eq!(found(&recall, &ask("old between", vec![])).await, memories(["b"]));
        assert_eq!(found(&recall, &ask("sayings", vec![])).await, memories(["a"]));
        let hits = find(&recall, &RecallQuery { tiers: vec![Tier::Device], ..ask("", at(90.0)) }).await;
        assert_eq!(hits.len(), 1);
        assert!((hits[0].similarity.unwrap() - 1.0).abs() < 1e-3);
        assert_eq!(recall.ids().await.unwrap().len(), 2);
    }
}

async fn what_is_erased_is_gone<S: Storage<Adapter: Recall>>(storage: &S) {
    let recall = storage.open().await;
    let docs = (0..10).map(|n| doc(&n.to_string(), "the same words", at(n as f32))).collect();
    recall.upsert(docs).await.unwrap();
    let gone = ["0", "4", "9", "never there"].map(memory);
    recall.erase(&gone).await.unwrap();
    recall.erase(&gone).await.unwrap();
    recall.erase(&[]).await.unwrap();
    let left = memories(["1", "2", "3", "5", "6", "7", "8"]);
    assert_eq!(found(&recall, &ask("words", at(0.0))).await, left);
    drop(recall);
    let recall = storage.open().await;
    assert_eq!(found(&recall, &ask("words", vec![])).await, left);
    assert_eq!(found(&recall, &ask("", at(0.0))).await, left);
    assert_eq!(recall.ids().await.unwrap().into_iter().collect::<BTreeSet<_>>(), left);
    recall.upsert(vec![doc("4", "the same words", at(4.0))]).await.unwrap();
    assert!(found(&recall, &ask("words", at(0.0))).await.contains(&memory("4")), "it can be remembered anew");
}
