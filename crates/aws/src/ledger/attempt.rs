//! Asking DynamoDB until it answers: what is worth another try, how long to wait before it, and when to give up.
//!
//! It knows no item. Every request through here may be carried out more than once, for an answer can be lost on its way.

use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use marvain_hub::port::LedgerError;
use std::{
    error::Error,
    fmt,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};
use tokio::time::{Instant, sleep};

/// Most tries of one request.
const TRIES_MAX: u32 = 40;
/// No other try is begun after so long, in milliseconds.
const PATIENCE_MS: u64 = 15_000;
/// Longest pause before the second try, in milliseconds; it doubles with each.
const PAUSE_FIRST_MS: u64 = 20;
/// Longest pause, in milliseconds.
const PAUSE_MS_MAX: u64 = 800;

/// Why a request is worth another try.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Why {
    /// More than the table, the partition or the account is allowed now.
    Throttled,
    /// Another transaction holds an item of this one, or was faster.
    Conflict,
    /// No answer in time, or none at all: it may have been carried out.
    Unanswered,
    /// An error of the server's.
    Server,
    /// It has left a part of a batch undone.
    Unprocessed,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Throttled => "throttled",
            Self::Conflict => "conflict",
            Self::Unanswered => "unanswered",
            Self::Server => "server",
            Self::Unprocessed => "unprocessed",
        })
    }
}

/// What a request came to that did not succeed.
#[derive(Debug)]
pub(super) enum Refusal {
    /// Try again.
    Again(Why, String),
    /// Its condition does not hold.
    Condition,
    /// Another try would not help.
    Final(LedgerError),
}

/// The chain of an error, as text: the SDK's own messages end at the first level.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Said(String);

impl Refusal {
    /// What an error of the SDK means.
    pub(super) fn of<E>(error: &SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let said = DisplayErrorContext(error).to_string();
        match error {
            SdkError::ConstructionFailure(_) => Self::Final(LedgerError::Bug(said)),
            SdkError::DispatchFailure(failure) if failure.is_user() => Self::Final(LedgerError::Bug(said)),
            SdkError::ServiceError(service) => {
                let status = service.raw().status().as_u16();
                Self::of_code(service.err().code().unwrap_or_default(), status, said)
            }
            _ => Self::Again(Why::Unanswered, said),
        }
    }

    /// What an error code means (Amazon DynamoDB Developer Guide, "Error handling with DynamoDB").
    fn of_code(code: &str, status: u16, said: String) -> Self {
        match code {
            "ConditionalCheckFailedException" => Self::Condition,
            "ThrottlingException"
            | "ThrottlingError"
            | "ProvisionedThroughputExceededException"
            | "ProvisionedThroughputExceeded"
            | "RequestLimitExceeded"
            | "LimitExceededException" => Self::Again(Why::Throttled, said),
            "TransactionConflictException" | "TransactionConflict" | "TransactionInProgressException" => {
                Self::Again(Why::Conflict, said)
            }
            "ValidationException"
            | "ValidationError"
            | "ItemCollectionSizeLimitExceeded"
            | "ItemCollectionSizeLimitExceededException"
            | "IdempotentParameterMismatchException" => Self::Final(LedgerError::Bug(said)),
            _ if status >= 500 => Self::Again(Why::Server, said),
            // No such table, no permission, a clock that is wrong: somebody can put it right.
            _ => Self::Final(LedgerError::Unavailable(Box::new(Said(said)))),
        }
    }

    /// What the reason for which one item of a transaction was cancelled means; none if that item was no reason.
    pub(super) fn of_reason(code: Option<&str>, message: Option<&str>) -> Option<Self> {
        match code {
            None | Some("None") => None,
            Some("ConditionalCheckFailed") => Some(Self::Condition),
            Some(code) => Some(Self::of_code(code, 400, format!("{code}: {}", message.unwrap_or_default()))),
        }
    }
}

/// Chance, from a number that is the process's own: pauses of processes that began together must differ.
pub(super) struct Dice(AtomicU64);

impl Dice {
    pub(super) const fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// SplitMix64's next number.
    fn roll(&self) -> u64 {
        let state = self.0.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

/// How long to wait after so many tries, of all that may be: "full jitter" (AWS Builders' Library, "Timeouts, retries, and
/// backoff with jitter").
fn pause_ms(made: u32, roll: u64) -> u64 {
    roll % PAUSE_FIRST_MS.saturating_mul(1 << made.min(16)).min(PAUSE_MS_MAX)
}

/// The tries of one request.
pub(super) struct Tries<'a> {
    operation: &'static str,
    dice: &'a Dice,
    began: Instant,
    made: u32,
}

impl<'a> Tries<'a> {
    pub(super) fn new(operation: &'static str, dice: &'a Dice) -> Self {
        Self { operation, dice, began: Instant::now(), made: 1 }
    }

    /// Waits before another try.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`], if there have been enough.
    pub(super) async fn again(&mut self, why: Why, said: String) -> Result<(), LedgerError> {
        let waited_ms = self.began.elapsed().as_millis();
        let operation = self.operation;
        if self.made >= TRIES_MAX || waited_ms >= u128::from(PATIENCE_MS) {
            tracing::warn!(operation, %why, tries = self.made, waited_ms, said, "DynamoDB is given up on");
            return Err(LedgerError::Unavailable(Box::new(Said(format!("{why} after {} tries: {said}", self.made)))));
        }
        tracing::debug!(operation, %why, tries = self.made, waited_ms, "DynamoDB is asked again");
        sleep(Duration::from_millis(pause_ms(self.made, self.dice.roll()))).await;
        self.made += 1;
        Ok(())
    }
}

/// Sends a request until it is answered. None says that its condition does not hold.
///
/// # Errors
/// [`LedgerError::Unavailable`] or [`LedgerError::Bug`].
pub(super) async fn ask<T, E, F>(
    operation: &'static str,
    dice: &Dice,
    send: impl Fn() -> F,
) -> Result<Option<T>, LedgerError>
where
    E: ProvideErrorMetadata + Error + 'static,
    F: Future<Output = Result<T, SdkError<E>>>,
{
    let mut tries = Tries::new(operation, dice);
    loop {
        match send().await.map_err(|error| Refusal::of(&error)) {
            Ok(answer) => return Ok(Some(answer)),
            Err(Refusal::Condition) => return Ok(None),
            Err(Refusal::Again(why, said)) => tries.again(why, said).await?,
            Err(Refusal::Final(error)) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_say_what_to_do() {
        let meaning = |code, status| match Refusal::of_code(code, status, String::new()) {
            Refusal::Again(why, _) => why.to_string(),
            Refusal::Condition => "condition".to_owned(),
            Refusal::Final(LedgerError::Bug(_)) => "bug".to_owned(),
            Refusal::Final(_) => "unavailable".to_owned(),
        };
        for (code, status, expected) in [
            ("ConditionalCheckFailedException", 400, "condition"),
            ("ThrottlingException", 400, "throttled"),
            ("ProvisionedThroughputExceededException", 400, "throttled"),
            ("RequestLimitExceeded", 400, "throttled"),
            ("TransactionConflictException", 400, "conflict"),
            ("TransactionInProgressException", 400, "conflict"),
            ("ValidationException", 400, "bug"),
            ("IdempotentParameterMismatchException", 400, "bug"),
            ("InternalServerError", 500, "server"),
            ("", 503, "server"),
            ("ResourceNotFoundException", 400, "unavailable"),
            ("AccessDeniedException", 400, "unavailable"),
        ] {
            assert_eq!(meaning(code, status), expected, "{code} {status}");
        }
        assert!(Refusal::of_reason(None, None).is_none());
        assert!(Refusal::of_reason(Some("None"), None).is_none());
        assert!(matches!(Refusal::of_reason(Some("ConditionalCheckFailed"), None), Some(Refusal::Condition)));
        let conflict = Refusal::of_reason(Some("TransactionConflict"), None);
        assert!(matches!(conflict, Some(Refusal::Again(Why::Conflict, _))));
        let throttled = Refusal::of_reason(Some("ProvisionedThroughputExceeded"), None);
        assert!(matches!(throttled, Some(Refusal::Again(Why::Throttled, _))));
    }

    #[test]
    fn pauses_grow_to_a_bound_and_differ() {
        let longest = |made| (0..1000).map(|roll| pause_ms(made, roll * 7919)).max();
        assert_eq!((1..8).map(longest).collect::<Vec<_>>(), [39, 79, 159, 319, 639, 799, 799].map(Some));
        assert!(pause_ms(TRIES_MAX, u64::MAX) < PAUSE_MS_MAX);
        let dice = Dice::new(7);
        assert_ne!(dice.roll(), dice.roll());
        assert_ne!(Dice::new(7).roll(), Dice::new(8).roll());
    }
}
