//! Planners that fail, look at the first offers alone, or are replaced by others.

use crate::world::World;
use async_trait::async_trait;
use marvain_domain::{
    plan::{Draft, PlanRequest},
    recall::Reason,
};
use marvain_hub::{
    Outcome,
    people::{RecallRequest, Standing},
    planner::OfflineModel,
    port::{Embeddings, Model, ModelError},
};
use marvain_topics::{Queue, ShadowName, ShadowOp, Topic};
use serde_json::json;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// The rules, in a shape that differs from theirs.
#[derive(Default)]
struct Shaped {
    /// Its answer is no plan, but what was said.
    babbles: bool,
    /// It embeds nothing.
    declines_to_embed: bool,
    /// Most offers that it looks at.
    offers_max: Option<usize>,
    /// Its vectors are of another space than before.
    is_newer: AtomicBool,
}

#[async_trait]
impl Model for Shaped {
    fn name(&self) -> &str {
        OfflineModel.name()
    }

    fn embedding_space(&self) -> &str {
        if self.is_newer.load(Ordering::Relaxed) { "newer" } else { OfflineModel.embedding_space() }
    }

    async fn propose(&self, request: &PlanRequest) -> Result<Draft, ModelError> {
        if self.babbles {
            let babble = json!({"memories": request.event.text(), "actions": []}).to_string();
            return Draft::parse(&babble).map_err(ModelError::Nonsense);
        }
        let mut request = request.clone();
        request.offers.truncate(self.offers_max.unwrap_or(usize::MAX));
        OfflineModel.propose(&request).await
    }

    async fn embed(&self, texts: &[String]) -> Result<Embeddings, ModelError> {
        if self.declines_to_embed {
            return Err(ModelError::Declined("HTTP status 400".into()));
        }
        let space = self.embedding_space().to_owned();
        Ok(Embeddings { space, ..OfflineModel.embed(texts).await? })
    }
}

/// How many of the memories that are recalled for `text` are so for their meaning, and how many at all.
async fn recalled(world: &mut World, text: &str) -> (usize, usize) {
    let caller = world.owner();
    let request = RecallRequest { text: text.into(), tiers: vec![], limit: 50 };
    let recalled = world.hub.recall(&caller, &request).await.unwrap();
    let is_similar = |reason: &Reason| matches!(reason, Reason::Similar { .. });
    (recalled.iter().filter(|r| r.reasons.iter().any(is_similar)).count(), recalled.len())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_log_does_not_keep_what_was_said() {
    let mut world = World::with_model(Arc::new(Shaped { babbles: true, ..Shaped::default() })).await;
    world.hears("1", "the safe opens with 4711").await;
    world.settle().await;
    let certificate = world.certificate("pi").await;
    let body = json!({"v": 1, "id": "2", "at": world.now, "kind": "observation", "name": "said",
        "details": "the safe opens with 4711"});
    let topic = "marvain/v1/pi/event/observation";
    let outcome = world.deliver(Queue::Observe, topic, Some(&certificate), body.to_string()).await;
    assert_eq!(outcome, Outcome::Rejected("`details`: invalid type: string `…`, expected a map".into()));
    let kinds = world.audit_kinds(10).await;
    assert!(["plan.failed", "delivery.rejected"].iter().all(|kind| kinds.contains(&(*kind).into())), "{kinds:?}");
    let audit = serde_json::to_string(&world.audit(1000).await).unwrap();
    assert!(!audit.contains("safe") && !audit.contains("4711"), "{audit}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_embedded_goes_by_its_words() {
    let mut world = World::with_model(Arc::new(Shaped { declines_to_embed: true, ..Shaped::default() })).await;
    world.hears("1", "remember that the spare key is under the blue pot").await;
    world.settle().await;
    world.commits().await;
    assert_eq!(recalled(&mut world, "spare key").await, (0, 1));
    world.hub.tick(world.now.plus_s(7200)).await.unwrap();
    let asked = world.queues.receive(Queue::Memory, 1, world.now.plus_s(7200)).await.unwrap();
    assert!(asked.deliveries.is_empty(), "what a model declines is not put to it again");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hubs_own_tools_are_offered_before_those_of_far_satellites() {
    let mut world = World::with_model(Arc::new(Shaped { offers_max: Some(200), ..Shaped::default() })).await;
    let capabilities: Vec<_> = (0..32).map(|n| json!({"name": format!("c{n}"), "kind": "builtin"})).collect();
    for n in 0..7 {
        let far: marvain_domain::id::SatelliteId = format!("far{n}").parse().unwrap();
        let caller = world.owner();
        world.hub.add_satellite(&caller, &far, &Standing { space: None, person: None }).await.unwrap();
        let topic = Topic::Shadow { thing: far, name: ShadowName::Presence, op: ShadowOp::UpdateDocuments };
        let reported = json!({"software": "test", "capabilities": capabilities});
        let body = json!({"current": {"state": {"reported": reported}, "version": 1}}).to_string();
        let certificate = world.certificate(&format!("far{n}")).await;
        world.deliver(Queue::Presence, &topic.to_string(), Some(&certificate), body).await;
    }
    world.hears("1", "remind me to water the plants in 10 minutes").await;
    world.settle().await;
    let kinds = world.audit_kinds(10).await;
    assert!(kinds.contains(&"reminder.set".into()), "{kinds:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn memories_are_embedded_again_for_another_model() {
    let model = Arc::new(Shaped::default());
    let mut world = World::with_model(model.clone()).await;
    for n in 0..20 {
        world.hears(&n.to_string(), &format!("remember that the key of box {n} is blue")).await;
        world.settle().await;
        world.commits().await;
    }
    assert_eq!(recalled(&mut world, "the key of a box").await, (20, 20));
    model.is_newer.store(true, Ordering::Relaxed);
    assert_eq!(recalled(&mut world, "the key of a box").await, (0, 20));
    world.pass_s(1).await;
    assert_eq!(recalled(&mut world, "the key of a box").await, (16, 20), "some at a time");
    world.pass_s(1).await;
    assert_eq!(recalled(&mut world, "the key of a box").await, (20, 20));
    // Back to the model before, in the same hour.
    model.is_newer.store(false, Ordering::Relaxed);
    world.pass_s(1).await;
    assert_eq!(recalled(&mut world, "the key of a box").await.0, 16);
}
