//! The suite of the port [`Model`]. It asks a model little, as each question may cost somebody money.

use crate::port::Model;
use marvain_domain::{
    Timestamp,
    event::{Event, EventBody},
    id::EventId,
    plan::{Draft, PlanRequest},
};

/// Runs the suite.
///
/// # Panics
/// At the first thing that is not as the port's documentation has it.
pub async fn model(model: &dyn Model) {
    assert!(!model.name().is_empty());
    vectors_are_of_unit_length_and_in_order(model).await;
    likeness_is_nearness(model).await;
    what_it_proposes_is_a_plan(model).await;
}

async fn embed(model: &dyn Model, texts: &[&str]) -> Vec<Vec<f32>> {
    let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
    let embeddings = model.embed(&texts).await.unwrap();
    assert!(!embeddings.space.is_empty());
    assert_eq!(embeddings.space, model.embedding_space());
    assert_eq!(embeddings.vectors.len(), texts.len());
    embeddings.vectors
}

fn product(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len(), "vectors of one space are of one length");
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

async fn vectors_are_of_unit_length_and_in_order(model: &dyn Model) {
    let texts = ["Anna likes coffee", "東京 ☕", "the lamp in the den", &"a long story ".repeat(100)];
    let vectors = embed(model, &texts).await;
    for (text, vector) in texts.iter().zip(&vectors) {
        let square = product(vector, vector);
        assert!((square - 1.0).abs() < 1e-3, "`{text}` has length {}", square.sqrt());
    }
    let mut backwards = texts;
    backwards.reverse();
    for (one, other) in vectors.iter().zip(embed(model, &backwards).await.iter().rev()) {
        assert!(product(one, other) > 0.99, "a text's vector depends on the text alone");
    }
}

async fn likeness_is_nearness(model: &dyn Model) {
    let vectors =
        embed(model, &["who likes strong coffee", "Anna likes coffee", "the lamp in the den is broken"]).await;
    assert!(product(&vectors[0], &vectors[1]) > product(&vectors[0], &vectors[2]));
}

async fn what_it_proposes_is_a_plan(model: &dyn Model) {
    let now = Timestamp::from_ms(1_795_348_800_000);
    let event = Event {
        id: EventId::derive(&["suite"]),
        satellite: "kitchen".parse().unwrap(),
        space: Some("den".parse().unwrap()),
        person: Some("anna".parse().unwrap()),
        session: None,
        at: now,
        received_at: now,
        body: Some(EventBody::Transcript { text: "remember that I like strong coffee".into() }),
    };
    let request = PlanRequest {
        agent: "marvain".parse().unwrap(),
        event,
        recalled: vec![],
        offers: vec![],
        now,
        time_zone: "Europe/Berlin".into(),
    };
    let draft = model.propose(&request).await.unwrap();
    assert_eq!(draft.memories.len(), 1, "{draft:?}");
    assert!(draft.memories[0].content.contains("coffee"), "{draft:?}");
    assert!(draft.actions.is_empty(), "nothing was offered: {draft:?}");
    let json = serde_json::to_string(&draft).unwrap();
    assert_eq!(Draft::parse(&json).unwrap(), draft, "it is within the bounds of a plan");
}

#[cfg(test)]
mod tests {
    use crate::planner::OfflineModel;

    #[tokio::test]
    async fn the_offline_planner_conforms() {
        super::model(&OfflineModel).await;
    }
}
