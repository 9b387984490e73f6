//! Queues: order, visibility, retries, dead letters, what survives a crash, and waking without a timer.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

use marvain_domain::{Timestamp, id::DeliveryId};
use marvain_hub::port::Delivery;
use marvain_local::{DELIVERY_BYTES_MAX, Enqueued, Fate, QueueCounts, QueueError, Receipt, Redrive, SqliteQueues};
use marvain_topics::Queue;
use std::time::Duration;

const NOW: Timestamp = Timestamp::from_ms(1_795_348_800_000);

fn delivery(queue: Queue, name: &str) -> Delivery {
    Delivery {
        id: DeliveryId::derive(&[name]),
        queue,
        topic: Some(format!("marvain/v1/kitchen/event/{name}")),
        principal: None,
        received_at: NOW,
        body: name.as_bytes().to_vec(),
    }
}

async fn observe(queues: &SqliteQueues, name: &str) {
    assert_eq!(queues.enqueue(delivery(Queue::Observe, name), None).await.unwrap(), Enqueued::Queued);
}

/// Takes all there is: name, receipt and attempt of each.
async fn take(queues: &SqliteQueues, now: Timestamp) -> Vec<(String, Receipt, u32)> {
    let batch = queues.receive(Queue::Observe, 100, now).await.unwrap();
    batch
        .deliveries
        .into_iter()
        .map(|taken| (String::from_utf8(taken.delivery.body).unwrap(), taken.receipt, taken.attempt))
        .collect()
}

fn names(taken: &[(String, Receipt, u32)]) -> Vec<&str> {
    taken.iter().map(|(name, ..)| name.as_str()).collect()
}

async fn counts(queues: &SqliteQueues, now: Timestamp) -> QueueCounts {
    let counts = queues.counts(now).await.unwrap();
    assert_eq!(counts.iter().map(|count| count.queue).collect::<Vec<_>>(), Queue::ALL);
    counts[0]
}

#[tokio::test]
async fn deliveries_come_in_the_order_of_arrival_and_go_when_acknowledged() {
    let queues = SqliteQueues::open_in_memory().unwrap();
    for name in ["a", "b", "c"] {
        observe(&queues, name).await;
    }
    queues.enqueue(delivery(Queue::Plan, "other queue"), None).await.unwrap();
    let first = queues.receive(Queue::Observe, 2, NOW).await.unwrap();
    assert_eq!(first.deliveries[0].delivery, delivery(Queue::Observe, "a"));
    assert_eq!(first.deliveries.iter().map(|taken| taken.attempt).collect::<Vec<_>>(), [1, 1]);
    let receipts: Vec<Receipt> = first.deliveries.iter().map(|taken| taken.receipt).collect();
    let rest = take(&queues, NOW).await;
    assert_eq!(names(&rest), ["c"]);
    assert_eq!(queues.ack(&receipts).await.unwrap(), 2);
    assert_eq!(queues.ack(&receipts).await.unwrap(), 0);
    let count = counts(&queues, NOW).await;
    assert_eq!((count.ready, count.in_flight, count.delayed, count.dead, count.oldest_at), (0, 1, 0, 0, Some(NOW)));
}

#[tokio::test]
async fn one_id_waits_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("queues.db");
    let queues = SqliteQueues::open(&path).unwrap();
    observe(&queues, "a").await;
    drop(queues);
    let queues = SqliteQueues::open(&path).unwrap();
    let again = |queues| SqliteQueues::enqueue(queues, delivery(Queue::Observe, "a"), None);
    assert_eq!(again(&queues).await.unwrap(), Enqueued::Already);
    let taken = take(&queues, NOW).await;
    assert_eq!(again(&queues).await.unwrap(), Enqueued::Already, "also while it is worked on");
    queues.ack(&[taken[0].1]).await.unwrap();
    assert_eq!(again(&queues).await.unwrap(), Enqueued::Queued);
}

#[tokio::test]
async fn what_is_not_acknowledged_in_time_comes_again_and_its_receipt_is_stale() {
    let queues = SqliteQueues::open_in_memory().unwrap();
    observe(&queues, "a").await;
    observe(&queues, "b").await;
    let first = take(&queues, NOW).await;
    let visible = NOW.plus_s(Queue::Observe.visibility_s().into());
    let none = queues.receive(Queue::Observe, 1, Timestamp::from_ms(visible.as_ms() - 1)).await.unwrap();
    assert_eq!((none.deliveries.len(), none.next_at), (0, Some(visible)));
    let second = take(&queues, visible).await;
    assert_eq!(names(&second), ["a", "b"]);
    assert_eq!(second[0].2, 2);
    assert_eq!(queues.ack(&[first[0].1, second[1].1]).await.unwrap(), 1, "only the newer receipt is good");
    assert_eq!(queues.retry(first[0].1, "late", visible).await.unwrap(), Fate::Stale);
    assert_eq!(counts(&queues, visible).await.in_flight, 1);
}

#[tokio::test]
async fn a_delivery_that_keeps_failing_becomes_a_dead_letter_and_can_be_redriven() {
    let queues = SqliteQueues::open_in_memory().unwrap();
    observe(&queues, "poison").await;
    observe(&queues, "fine").await;
    let mut now = NOW;
    let mut waits = vec![];
    loop {
        let taken = take(&queues, now).await;
        assert_eq!(taken[0].0, "poison");
        if let Some((_, receipt, _)) = taken.get(1) {
            queues.ack(&[*receipt]).await.unwrap();
        }
        match queues.retry(taken[0].1, &format!("attempt {}", taken[0].2), now).await.unwrap() {
            Fate::Again(at) => {
                let count = counts(&queues, now).await;
                assert_eq!((count.ready, count.in_flight, count.delayed), (0, 0, 1));
                assert!(take(&queues, Timestamp::from_ms(at.as_ms() - 1)).await.is_empty());
                waits.push(at.ms_since(now));
                now = at;
            }
            Fate::Dead => break,
            Fate::Stale => panic!("the receipt is good"),
        }
    }
    assert_eq!(waits.len(), Queue::Observe.attempts_max() as usize - 1);
    assert!(waits.is_sorted_by(|earlier, later| earlier <= later));
    assert!(take(&queues, now.plus_s(100_000)).await.is_empty());

    let dead = queues.dead(None, None, 10).await.unwrap();
    assert_eq!((dead.letters.len(), dead.next), (1, None));
    let letter = &dead.letters[0];
    assert_eq!(letter.delivery, delivery(Queue::Observe, "poison"));
    assert_eq!((letter.attempts, letter.error.as_str(), letter.dead_at), (8, "attempt 8", now));
    let again = queues.enqueue(delivery(Queue::Observe, "poison"), None).await.unwrap();
    assert_eq!(again, Enqueued::Already, "a dead letter is not joined by a living twin");

    assert_eq!(queues.redrive(Redrive::Queue(Queue::Plan)).await.unwrap(), 0);
    assert_eq!(queues.redrive(Redrive::Delivery(Queue::Observe, DeliveryId::derive(&["fine"]))).await.unwrap(), 0);
    let redrive = |queue| queues.redrive(Redrive::Delivery(queue, letter.delivery.id.clone()));
    assert_eq!(redrive(Queue::Plan).await.unwrap(), 0, "it is another queue's");
    assert_eq!(redrive(Queue::Observe).await.unwrap(), 1);
    let taken = take(&queues, now).await;
    assert_eq!((taken[0].0.as_str(), taken[0].2), ("poison", 1));
}

#[tokio::test]
async fn work_that_never_ends_uses_up_the_attempts_too() {
    let queues = SqliteQueues::open_in_memory().unwrap();
    observe(&queues, "hangs").await;
    let mut now = NOW;
    for attempt in 1..=Queue::Observe.attempts_max() {
        assert_eq!(take(&queues, now).await[0].2, attempt);
        now = now.plus_s(3600);
    }
    assert!(take(&queues, now).await.is_empty());
    let dead = queues.dead(Some(Queue::Observe), None, 10).await.unwrap();
    assert_eq!(dead.letters[0].error, "the work on it was never finished");
    assert_eq!(dead.letters[0].attempts, Queue::Observe.attempts_max());
}

#[tokio::test]
async fn retries_do_not_hold_up_others_and_delayed_deliveries_wait_for_their_time() {
    let queues = SqliteQueues::open_in_memory().unwrap();
    queues.enqueue(delivery(Queue::Observe, "later"), Some(NOW.plus_s(10))).await.unwrap();
    observe(&queues, "a").await;
    observe(&queues, "b").await;
    let batch = queues.receive(Queue::Observe, 1, NOW).await.unwrap();
    queues.retry(batch.deliveries[0].receipt, "no", NOW).await.unwrap();
    assert_eq!(names(&take(&queues, NOW).await), ["b"]);
    assert_eq!(names(&take(&queues, NOW.plus_s(9)).await), ["a"]);
    assert_eq!(names(&take(&queues, NOW.plus_s(10)).await), ["later"]);
}

#[tokio::test]
async fn dead_letters_are_paged() {
    let queues = SqliteQueues::open_in_memory().unwrap();
    for n in 0..5 {
        observe(&queues, &n.to_string()).await;
    }
    for attempt in 0..=u64::from(Queue::Observe.attempts_max()) {
        take(&queues, NOW.plus_s(3600 * attempt)).await;
    }
    let mut after = None;
    let mut found = vec![];
    loop {
        let page = queues.dead(Some(Queue::Observe), after, 2).await.unwrap();
        found.extend(page.letters.into_iter().map(|letter| String::from_utf8(letter.delivery.body).unwrap()));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(found, ["0", "1", "2", "3", "4"]);
    assert!(queues.dead(Some(Queue::Plan), None, 2).await.unwrap().letters.is_empty());
    assert_eq!(queues.redrive(Redrive::Queue(Queue::Observe)).await.unwrap(), 5);
}

#[tokio::test]
async fn what_was_in_flight_at_a_crash_can_be_taken_at_once_and_what_was_delayed_still_waits() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("queues.db");
    let queues = SqliteQueues::open(&path).unwrap();
    for name in ["in flight", "failed", "gone"] {
        observe(&queues, name).await;
    }
    let taken = take(&queues, NOW).await;
    queues.retry(taken[1].1, "no", NOW).await.unwrap();
    queues.ack(&[taken[2].1]).await.unwrap();
    drop(queues);
    let queues = SqliteQueues::open(&path).unwrap();
    let again = take(&queues, NOW).await;
    assert_eq!(names(&again), ["in flight"]);
    assert_eq!(again[0].2, 2, "a crash counts as an attempt, or a delivery that crashes the hub would do so for ever");
    assert_eq!(queues.ack(&[taken[0].1]).await.unwrap(), 0, "a receipt does not survive");
}

#[tokio::test]
async fn a_worker_waits_without_a_timer() {
    let queues = SqliteQueues::open_in_memory().unwrap();
    let mut changes = queues.watch(Queue::Observe);
    assert!(take(&queues, NOW).await.is_empty());
    assert!(!changes.has_changed().unwrap(), "finding nothing wakes nobody");
    queues.enqueue(delivery(Queue::Plan, "other queue"), None).await.unwrap();
    assert!(!changes.has_changed().unwrap());

    let waits = async { tokio::time::timeout(Duration::from_secs(10), changes.changed()).await.unwrap().unwrap() };
    tokio::join!(waits, observe(&queues, "a"));
    let taken = take(&queues, NOW).await;
    assert!(changes.has_changed().unwrap(), "others learn that there is something to come back");
    changes.mark_unchanged();
    queues.retry(taken[0].1, "no", NOW).await.unwrap();
    assert!(changes.has_changed().unwrap());
}

#[tokio::test]
async fn a_body_has_a_limit() {
    let queues = SqliteQueues::open_in_memory().unwrap();
    let sized = |bytes| Delivery { body: vec![0xff; bytes], ..delivery(Queue::Observe, "big") };
    let long = queues.enqueue(sized(DELIVERY_BYTES_MAX + 1), None).await;
    assert!(matches!(long, Err(QueueError::Long { bytes }) if bytes == DELIVERY_BYTES_MAX + 1));
    queues.enqueue(sized(DELIVERY_BYTES_MAX), None).await.unwrap();
    let taken = queues.receive(Queue::Observe, 1, NOW).await.unwrap();
    assert!(taken.deliveries[0].delivery == sized(DELIVERY_BYTES_MAX));
}
