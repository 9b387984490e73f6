//! How much one connection may send: rates, and shadow requests in flight. General Reference, "AWS IoT Core endpoints and
//! quotas", message broker and protocol, "Publish requests per second per connection" and "Throughput per second per
//! connection"; Device Shadow, "Maximum number of in-flight, unacknowledged messages per thing".
//!
//! It knows no clock and no socket: time is an argument, counted from any moment on, and who is over a rate is told how long
//! not to be read.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::limits::{PUBLISHES_PER_S_MAX, RECEIVED_BYTES_PER_S_MAX, SHADOW_REQUESTS_IN_FLIGHT_MAX};
use crate::names::ThingName;

/// How many tokens it holds: those of this time. It begins full.
const BURST: Duration = Duration::from_secs(1);

/// Tokens that come back steadily.
#[derive(Debug)]
struct TokenBucket {
    per_s: u64,
    /// When all tokens will be back.
    full_at: Duration,
}

impl TokenBucket {
    fn new(per_s: u64) -> Self {
        Self { per_s, full_at: Duration::ZERO }
    }

    /// Takes tokens, whether they are there or not: what has come has come.
    fn take(&mut self, count: u64, now: Duration) {
        self.full_at = self.full_at.max(now).saturating_add(self.time_of(count));
    }

    /// How long it is until a token is there.
    fn wait(&self, now: Duration) -> Duration {
        self.full_at.saturating_add(self.time_of(1)).saturating_sub(now.saturating_add(BURST))
    }

    /// How long it takes until so many tokens are back.
    fn time_of(&self, count: u64) -> Duration {
        Duration::from_nanos(count.saturating_mul(1_000_000_000).checked_div(self.per_s).unwrap_or(u64::MAX))
    }
}

/// What one connection has sent.
#[derive(Debug)]
pub(super) struct Rates {
    publishes: TokenBucket,
    bytes: TokenBucket,
    pub(super) shadow_requests: ShadowRequests,
}

impl Rates {
    /// Nothing yet.
    pub(super) fn new() -> Self {
        Self {
            publishes: TokenBucket::new(PUBLISHES_PER_S_MAX),
            bytes: TokenBucket::new(RECEIVED_BYTES_PER_S_MAX),
            shadow_requests: ShadowRequests::default(),
        }
    }

    /// Bytes have been read from the socket.
    pub(super) fn received(&mut self, bytes: usize, now: Duration) {
        self.bytes.take(bytes as u64, now);
    }

    /// One of the packets in them was a PUBLISH.
    pub(super) fn published(&mut self, now: Duration) {
        self.publishes.take(1, now);
    }

    /// How long nothing further may be taken from it.
    pub(super) fn pause(&self, now: Duration) -> Option<Duration> {
        Some(self.publishes.wait(now).max(self.bytes.wait(now))).filter(|pause| !pause.is_zero())
    }
}

/// The shadow requests of one connection that are not answered yet, by thing. Their number in all is bounded by that of all
/// publishes that are not.
#[derive(Debug, Default)]
pub(super) struct ShadowRequests(HashMap<ThingName, Arc<Semaphore>>);

impl ShadowRequests {
    /// A place for one more request of `thing`, free again when it is dropped; none if too many are in flight.
    pub(super) fn begin(&mut self, thing: &ThingName) -> Option<OwnedSemaphorePermit> {
        self.0.retain(|_, places| places.available_permits() < SHADOW_REQUESTS_IN_FLIGHT_MAX);
        let places = self.0.entry(thing.clone());
        let places = places.or_insert_with(|| Arc::new(Semaphore::new(SHADOW_REQUESTS_IN_FLIGHT_MAX)));
        Arc::clone(places).try_acquire_owned().ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_bucket_gives_a_seconds_worth_at_once_and_then_what_comes_back() {
        let mut bucket = TokenBucket::new(100);
        let mut takes = |now| {
            let mut taken = 0;
            while bucket.wait(now).is_zero() {
                bucket.take(1, now);
                taken += 1;
            }
            (taken, bucket.wait(now))
        };
        assert_eq!(takes(ms(0)), (100, ms(10)));
        assert_eq!(takes(ms(9)), (0, ms(1)));
        assert_eq!(takes(ms(10)), (1, ms(10)));
        assert_eq!(takes(ms(55)), (4, ms(5)));
        // Never more than a second's worth, however long nothing came.
        assert_eq!(takes(ms(60_000)), (100, ms(10)));
        // A clock that stands still or goes back gives nothing.
        assert_eq!(takes(ms(50_000)), (0, ms(10_010)));
    }

    #[test]
    fn what_has_come_is_owed() {
        let mut rates = Rates::new();
        rates.received(512 * 1024, ms(0));
        assert!(rates.pause(ms(0)).unwrap() <= ms(1));
        rates.received(256 * 1024, ms(0));
        let pause = rates.pause(ms(0)).unwrap();
        assert!(pause > ms(500) && pause <= ms(501), "{pause:?}");
        assert_eq!(rates.pause(pause), None);
        // The longer of the two counts.
        (0..200).for_each(|_| rates.published(ms(0)));
        assert_eq!(rates.pause(ms(0)), Some(ms(1010)));
        assert_eq!(rates.pause(ms(1010)), None);
    }

    proptest! {
        /// Whoever waits as told sends no more in any time than a second's worth and what came back.
        #[test]
        fn who_waits_as_told_keeps_to_the_rate(per_s in 1_u64..1000, idle_ms in proptest::collection::vec(0_u64..3000, 1..200)) {
            let mut bucket = TokenBucket::new(per_s);
            let (mut now, mut taken) = (Duration::ZERO, 0_u128);
            for idle_ms in idle_ms {
                now += ms(idle_ms) + bucket.wait(now + ms(idle_ms));
                bucket.take(1, now);
                taken += 1;
                prop_assert!(taken <= u128::from(per_s) * (now + BURST).as_nanos() / 1_000_000_000 + 1);
            }
        }
    }

    #[test]
    fn each_thing_has_ten_shadow_requests_in_flight() {
        let (a, b) = (ThingName::parse("a").unwrap(), ThingName::parse("b").unwrap());
        let mut requests = ShadowRequests::default();
        let mut in_flight: Vec<_> = (0..10).map(|_| requests.begin(&a).unwrap()).collect();
        assert!(requests.begin(&a).is_none());
        let other = requests.begin(&b);
        assert!(other.is_some());
        in_flight.pop();
        assert!(requests.begin(&a).is_some());
        // What is not in flight takes no memory.
        drop((in_flight, other));
        assert!(requests.begin(&b).is_some());
        assert_eq!(requests.0.len(), 1);
    }
}
