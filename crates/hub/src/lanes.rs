//! Batches: one satellite's deliveries in order, different satellites' side by side.
//!
//! Whoever takes deliveries from a queue works on them so, on one machine and on AWS. It knows no queue.

use crate::port::Delivery;
use futures_util::future;
use marvain_topics::Topic;
use std::collections::BTreeMap;

/// Works on a batch; what came of it is in no order across satellites.
pub fn in_lanes<T, F: Future>(
    batch: Vec<T>,
    delivery: impl Fn(&T) -> &Delivery,
    work: impl Fn(T) -> F,
) -> impl Future<Output = Vec<F::Output>> {
    let mut lanes: BTreeMap<String, Vec<T>> = BTreeMap::new();
    for item in batch {
        lanes.entry(lane(delivery(&item))).or_default().push(item);
    }
    async move {
        let work = &work;
        let lanes = lanes.into_values().map(|lane| async move {
            let mut done = Vec::with_capacity(lane.len());
            for item in lane {
                done.push(work(item).await);
            }
            done
        });
        future::join_all(lanes).await.into_iter().flatten().collect()
    }
}

/// What keeps its order: the satellite, or the one thing that a hop is about.
fn lane(delivery: &Delivery) -> String {
    let topic = delivery.topic.as_deref().and_then(|topic| topic.parse::<Topic>().ok());
    match topic.as_ref().and_then(Topic::thing) {
        Some(thing) => thing.to_string(),
        None => delivery.id.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use marvain_domain::Timestamp;
    use marvain_topics::{EventKind, Queue, Shape};
    use parking_lot::Mutex;
    use serde_json::json;
    use tokio::sync::Barrier;

    fn said(thing: &str, number: u64) -> Delivery {
        let topic = Shape::Event(EventKind::Transcript).with_thing(thing).to_string();
        Delivery::from_rule(Queue::Observe, &topic, None, Timestamp::from_ms(number), number.to_string().into_bytes())
    }

    #[tokio::test]
    async fn a_satellites_deliveries_keep_their_order_and_different_ones_do_not_wait_for_each_other() {
        let hop =
            |number: u64| Delivery::hop(Queue::Judge, &number.to_string(), Timestamp::from_ms(number), &json!({}));
        let batch = vec![said("den", 1), said("porch", 2), said("den", 3), hop(4), hop(5), said("porch", 6)];
        // Two satellites and two hops: nobody is through before all four have begun.
        let (began, order) = (Barrier::new(4), Mutex::new(Vec::new()));
        let first = |number| matches!(number, 1 | 2 | 4 | 5);
        let (began, order) = (&began, &order);
        let done = in_lanes(
            batch,
            |delivery| delivery,
            |delivery| async move {
                let number = delivery.received_at.as_ms();
                if first(number) {
                    began.wait().await;
                }
                order.lock().push(number);
                number
            },
        );
        let mut done = done.await;
        let order = order.lock().clone();
        let place = |number: u64| order.iter().position(|each| *each == number).unwrap();
        assert!(place(1) < place(3) && place(2) < place(6), "{order:?}");
        done.sort_unstable();
        assert_eq!(done, [1, 2, 3, 4, 5, 6]);
    }
}
