//! Points in time, in milliseconds since the Unix epoch.
//!
//! It has no clock: whoever calls a decision passes the time in.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::{fmt, str::FromStr};

/// Latest instant that a [`Timestamp`] can hold: 9999-12-30T22:00:00Z, the last that RFC 3339 can write everywhere.
pub const TIMESTAMP_MS_MAX: u64 = 253_402_207_200_000;

/// A point in time: whole milliseconds since 1970-01-01T00:00:00Z. Written as RFC 3339 with three digits and `Z`.
///
/// ```
/// use marvain_domain::Timestamp;
/// let t: Timestamp = "2026-11-22T09:39:11.250Z".parse()?;
/// assert_eq!(t.as_ms(), 1_795_340_351_250);
/// assert_eq!(t.to_string(), "2026-11-22T09:39:11.250Z");
/// # Ok::<(), marvain_domain::TimestampError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Timestamp(u64);

/// The text or number is no instant between 1970 and [`TIMESTAMP_MS_MAX`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no RFC 3339 time between 1970 and 9999")]
pub struct TimestampError(String);

impl Timestamp {
    /// The Unix epoch.
    pub const EPOCH: Self = Self(0);

    /// From milliseconds since the epoch; later than [`TIMESTAMP_MS_MAX`] becomes that maximum.
    pub const fn from_ms(ms: u64) -> Self {
        Self(if ms > TIMESTAMP_MS_MAX { TIMESTAMP_MS_MAX } else { ms })
    }

    /// Milliseconds since the epoch.
    pub const fn as_ms(self) -> u64 {
        self.0
    }

    /// This instant and `ms` milliseconds, at most [`TIMESTAMP_MS_MAX`].
    #[must_use]
    pub const fn plus_ms(self, ms: u64) -> Self {
        Self::from_ms(self.0.saturating_add(ms))
    }

    /// This instant and `s` seconds.
    #[must_use]
    pub const fn plus_s(self, s: u64) -> Self {
        self.plus_ms(s.saturating_mul(1000))
    }

    /// Milliseconds since `earlier`; 0 if `earlier` is later.
    pub const fn ms_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let instant = i64::try_from(self.0).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
        write!(f, "{:.3}", instant.unwrap_or(jiff::Timestamp::UNIX_EPOCH))
    }
}

impl FromStr for Timestamp {
    type Err = TimestampError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || TimestampError(text.chars().take(40).collect());
        let instant: jiff::Timestamp = text.parse().map_err(|_| bad())?;
        let ms = u64::try_from(instant.as_millisecond()).map_err(|_| bad())?;
        if ms > TIMESTAMP_MS_MAX { Err(bad()) } else { Ok(Self(ms)) }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_is_no_time_and_clamps_arithmetic() {
        for bad in ["", "now", "1969-12-31T23:59:59Z", "2026-13-01T00:00:00Z", "12026-01-01T00:00:00Z"] {
            assert!(bad.parse::<Timestamp>().is_err(), "{bad}");
        }
        assert_eq!(Timestamp::from_ms(u64::MAX).as_ms(), TIMESTAMP_MS_MAX);
        let last: Timestamp = Timestamp::from_ms(TIMESTAMP_MS_MAX).to_string().parse().unwrap();
        assert_eq!(last.plus_s(u64::MAX).as_ms(), TIMESTAMP_MS_MAX);
        assert_eq!(Timestamp::from_ms(5).ms_since(Timestamp::from_ms(9)), 0);
    }
}
