//! Time, as adapters are given it and as AWS writes it.

use aws_sdk_s3::primitives::DateTime;
use marvain_domain::Timestamp;
use std::sync::Arc;

/// What tells the time; given by the composition root.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// A time as SDKs take it.
pub(crate) fn date_time(time: Timestamp) -> DateTime {
    DateTime::from_millis(i64::try_from(time.as_ms()).unwrap_or(i64::MAX))
}
