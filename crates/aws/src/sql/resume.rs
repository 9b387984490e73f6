//! Waiting for a cluster that scales from zero: calls are repeated until it is there, and whoever looks sees it.
//!
//! Aurora Serverless v2 resumes "in approximately 15 seconds", and in 30 or more from a deeper sleep (Aurora user guide, "Scaling
//! to Zero ACUs with automatic pause and resume"). It knows no SQL.

use super::SqlError;
use std::time::Duration;
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

/// How long a call waits for the cluster to resume unless somebody has less time.
pub const RESUME_MAX: Duration = Duration::from_secs(60);
/// First pause between two attempts, in milliseconds; each is half as long again as the one before.
const PAUSE_MS_FIRST: u64 = 250;
/// Longest pause, in milliseconds.
const PAUSE_MS_MAX: u64 = 3_000;

/// Whether the database is there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SqlState {
    /// As far as is known.
    Ready,
    /// It was at zero capacity; calls wait for it.
    Resuming {
        /// Since the first call that found it so.
        since: Instant,
    },
}

/// The state, and who waits because of it.
#[derive(Debug)]
pub(super) struct Resume {
    state: watch::Sender<SqlState>,
    /// Longest that a call waits.
    longest: Duration,
}

impl Resume {
    pub(super) fn new(longest: Duration) -> Self {
        Self { state: watch::Sender::new(SqlState::Ready), longest }
    }

    pub(super) fn state(&self) -> SqlState {
        *self.state.borrow()
    }

    pub(super) fn watch(&self) -> watch::Receiver<SqlState> {
        self.state.subscribe()
    }

    /// Begins to make a call.
    pub(super) fn calling(&self) -> Calling<'_, impl Iterator<Item = Duration> + Send + use<>> {
        self.pausing(pauses(self.longest))
    }

    /// Begins to make a call, as often as there are pauses.
    fn pausing<P: Iterator<Item = Duration>>(&self, pauses: P) -> Calling<'_, P> {
        Calling { resume: self, begun: Instant::now(), pauses }
    }

    fn is_away(&self, since: Instant) {
        let changed = self.state.send_if_modified(|state| {
            let is_new = *state == SqlState::Ready;
            if is_new {
                *state = SqlState::Resuming { since };
            }
            is_new
        });
        if changed {
            tracing::info!("the database was at zero capacity and resumes");
        }
    }

    fn is_there(&self) {
        let SqlState::Resuming { since } = self.state() else { return };
        if self.state.send_if_modified(|state| std::mem::replace(state, SqlState::Ready) != SqlState::Ready) {
            tracing::info!(waited_ms = since.elapsed().as_millis(), "the database has resumed");
        }
    }
}

/// A call that is repeated while the cluster resumes.
pub(super) struct Calling<'a, P> {
    resume: &'a Resume,
    begun: Instant,
    pauses: P,
}

impl<P: Iterator<Item = Duration>> Calling<'_, P> {
    /// What the call answers in the end. None if the cluster resumes: the pause is over, and the call is to be made again.
    pub(super) async fn answer<T>(&mut self, answer: Result<T, SqlError>) -> Option<Result<T, SqlError>> {
        let source = match answer {
            Err(SqlError::Resuming { source, .. }) => source,
            done => {
                self.resume.is_there();
                return Some(done);
            }
        };
        self.resume.is_away(self.begun);
        let waited = self.begun.elapsed();
        let in_time = |pause: &Duration| waited + *pause <= self.resume.longest;
        let Some(pause) = self.pauses.next().filter(in_time) else {
            return Some(Err(SqlError::Resuming { waited_s: waited.as_secs(), source }));
        };
        sleep(pause).await;
        None
    }
}

/// The pauses between attempts: `longest` in all.
fn pauses(longest: Duration) -> impl Iterator<Item = Duration> + Send {
    let longer = |pause: &u64| Some((pause * 3 / 2).min(PAUSE_MS_MAX));
    let mut left = longest;
    std::iter::successors(Some(PAUSE_MS_FIRST), longer).map_while(move |pause| {
        let pause = Duration::from_millis(pause);
        left = left.checked_sub(pause)?;
        Some(pause)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resuming() -> SqlError {
        SqlError::Resuming { waited_s: 0, source: "asleep".into() }
    }

    #[test]
    fn pauses_grow_and_are_as_long_as_was_said_in_all() {
        let pauses: Vec<u64> = pauses(RESUME_MAX).map(|pause| pause.as_millis() as u64).collect();
        assert_eq!(pauses[..5], [250, 375, 562, 843, 1264]);
        assert!(pauses.is_sorted());
        let all: u64 = pauses.iter().sum();
        assert!(all <= 60_000 && all + PAUSE_MS_MAX > 60_000, "{all}");
    }

    #[tokio::test]
    async fn a_call_waits_and_the_state_says_so() {
        let resume = Resume::new(RESUME_MAX);
        let mut calling = resume.pausing([Duration::ZERO; 9].into_iter());
        for call in 0..4 {
            assert!(calling.answer(Err::<(), _>(resuming())).await.is_none(), "call {call}");
            assert!(matches!(resume.state(), SqlState::Resuming { .. }), "call {call}");
        }
        assert_eq!(calling.answer(Ok(7)).await.unwrap().unwrap(), 7);
        assert_eq!(resume.state(), SqlState::Ready);
    }

    #[tokio::test]
    async fn a_cluster_that_does_not_wake_up_is_an_error_in_the_end() {
        let resume = Resume::new(RESUME_MAX);
        let mut calling = resume.pausing([Duration::ZERO; 2].into_iter());
        assert!(calling.answer(Err::<(), _>(resuming())).await.is_none());
        assert!(calling.answer(Err::<(), _>(resuming())).await.is_none());
        let error = calling.answer(Err::<(), _>(resuming())).await.unwrap().unwrap_err();
        assert!(matches!(error, SqlError::Resuming { .. }), "{error}");
        assert!(matches!(resume.state(), SqlState::Resuming { .. }), "it still is");
        let refused = resume.calling().answer(Err::<(), _>(SqlError::Refused("no".into()))).await;
        assert!(matches!(refused, Some(Err(SqlError::Refused(_)))));
        assert_eq!(resume.state(), SqlState::Ready, "who refuses is awake");
    }
}
