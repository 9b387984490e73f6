//! The tokens that may be used in a day.
//!
//! What a call uses is known when it has answered; so calls under way when the budget is reached may exceed it by what
//! they use, each at most its output limit and its input. The count begins anew with the process.

use marvain_domain::Timestamp;
use parking_lot::Mutex;

const DAY_MS: u64 = 24 * 3600 * 1000;

/// Tokens used on one day of UTC.
pub(super) struct Budget {
    limit: u64,
    used: Mutex<Used>,
}

#[derive(Clone, Copy, Default)]
struct Used {
    day: u64,
    tokens: u64,
}

impl Budget {
    pub(super) fn new(limit: u64) -> Self {
        Self { limit, used: Mutex::default() }
    }

    /// Tokens a day.
    pub(super) const fn limit(&self) -> u64 {
        self.limit
    }

    /// Are there tokens left at `now`?
    pub(super) fn is_left(&self, now: Timestamp) -> bool {
        let used = *self.used.lock();
        let tokens = if now.as_ms() / DAY_MS > used.day { 0 } else { used.tokens };
        tokens < self.limit
    }

    /// Counts what an answer at `now` used. A clock that went back does not renew the budget.
    pub(super) fn spend(&self, tokens: u64, now: Timestamp) {
        let mut used = self.used.lock();
        let day = now.as_ms() / DAY_MS;
        if day > used.day {
            *used = Used { day, tokens: 0 };
        }
        used.tokens = used.tokens.saturating_add(tokens);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_is_of_a_day_of_utc() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let budget = Budget::new(100);
        assert!(budget.is_left(at("2026-03-01T10:00:00Z")));
        budget.spend(99, at("2026-03-01T10:00:00Z"));
        assert!(budget.is_left(at("2026-03-01T10:00:00Z")));
        budget.spend(1, at("2026-03-01T23:59:59Z"));
        assert!(!budget.is_left(at("2026-03-01T23:59:59Z")));
        assert!(budget.is_left(at("2026-03-02T00:00:00Z")));
        budget.spend(100, at("2026-03-02T00:00:00Z"));
        assert!(!budget.is_left(at("2026-03-01T23:00:00Z")), "a clock went back");
        assert!(!Budget::new(0).is_left(at("2026-03-02T00:00:00Z")));
    }
}
