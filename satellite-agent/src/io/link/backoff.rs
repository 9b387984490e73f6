//! How long to wait before connecting again: exponential, capped, with full jitter, so that a thousand satellites do not come
//! back in the same instant ("Exponential backoff and jitter", AWS Architecture Blog).

/// The first wait is at most this, in milliseconds.
const BASE_MS: u64 = 250;
/// No wait is longer, in milliseconds.
const CAP_MS: u64 = 30_000;

/// The wait before attempt `attempt` (0 after a connection that worked), in milliseconds; `random` is any 64 bits.
pub(crate) fn delay_ms(attempt: u32, random: u64) -> u64 {
    let most = BASE_MS.saturating_mul(1 << attempt.min(16)).min(CAP_MS);
    random % (most + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_cap_and_cover_the_whole_range() {
        let most = |attempt| (0..=30_000).map(|random| delay_ms(attempt, random)).max().unwrap();
        let bounds: Vec<_> = [0, 1, 2, 7, u32::MAX].map(most).into();
        assert_eq!(bounds, [250, 500, 1000, 30_000, 30_000]);
        assert_eq!(delay_ms(5, 0), 0);
    }
}
