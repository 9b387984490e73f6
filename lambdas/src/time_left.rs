//! How long an invocation may go on: Lambda kills what is not done by then.

use marvain_domain::Timestamp;
use std::time::Duration;
use tokio::time::{self, Instant};

/// What is kept for the answer, in milliseconds: work that is not done by then is given up and said to be, which is better
/// than being killed, because what was done beside it then counts.
const ANSWER_MS: u64 = 1_000;

/// When work has to end.
#[derive(Clone, Copy, Debug)]
pub struct TimeLeft(Instant);

/// The time is up. Nothing is half done: what was cut off is committed whole or not at all, and comes again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the function's time is up")]
pub struct TimeUp;

impl TimeLeft {
    /// Until shortly before `deadline_ms`, in milliseconds since the epoch as the header `Lambda-Runtime-Deadline-Ms` has it
    /// (AWS Lambda, "Using the Lambda runtime API for custom runtimes").
    pub fn until(deadline_ms: u64, now: Timestamp) -> Self {
        let left_ms = deadline_ms.saturating_sub(now.as_ms()).saturating_sub(ANSWER_MS);
        // INVARIANT: a deadline beyond what the clock can hold is no deadline that comes.
        let now = Instant::now();
        Self(now.checked_add(Duration::from_millis(left_ms)).unwrap_or(now))
    }

    /// Is it?
    pub fn is_up(self) -> bool {
        Instant::now() >= self.0
    }

    /// Does it, unless the time is up before or meanwhile.
    ///
    /// # Errors
    /// [`TimeUp`].
    pub async fn to<F: Future>(self, work: F) -> Result<F::Output, TimeUp> {
        if self.is_up() {
            return Err(TimeUp);
        }
        time::timeout_at(self.0, work).await.map_err(|_| TimeUp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{pending, ready};

    #[tokio::test(start_paused = true)]
    async fn work_ends_before_lambda_would_end_it_and_none_is_begun_too_late() {
        let now = Timestamp::from_ms(1_000_000);
        let left = TimeLeft::until(1_003_000, now);
        assert_eq!(left.to(ready(7)).await, Ok(7));
        let began = Instant::now();
        assert_eq!(left.to(pending::<()>()).await, Err(TimeUp));
        assert_eq!(began.elapsed(), Duration::from_millis(3_000 - ANSWER_MS));
        assert_eq!(left.to(ready(7)).await, Err(TimeUp));
        for past in [0, 1_000_000, 1_000_000 + ANSWER_MS] {
            assert!(TimeLeft::until(past, now).is_up(), "{past}");
        }
    }
}
