//! The two modes of Object Lock, and what each means to a person.

use aws_sdk_s3::types::{ObjectLockMode, ObjectLockRetentionMode};
use std::{fmt, str::FromStr, time::Duration};

/// Seconds of a day.
const DAY_S: u64 = 24 * 3600;

/// Who may lift the lock of a version before its time (S3 User Guide, "Retention modes").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LockMode {
    /// Whoever has `s3:BypassGovernanceRetention` and says so in the request.
    Governance,
    /// Nobody, the account's root user included. Short of closing the account, the bucket stays until the last lock ends.
    Compliance,
}

/// The text is no mode.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no mode of Object Lock: it is COMPLIANCE or GOVERNANCE")]
pub struct LockModeError(String);

impl LockMode {
    /// What a person should hear before anything is written in this mode.
    ///
    /// ```
    /// use marvain_aws::vault::LockMode;
    /// use std::time::Duration;
    /// let said = LockMode::Compliance.meaning(Duration::from_secs(365 * 24 * 3600));
    /// assert!(said.contains("nobody, not even the account's root user, can delete"));
    /// ```
    pub fn meaning(self, retention: Duration) -> String {
        let time = in_words(retention);
        match self {
            Self::Compliance => format!(
                "every object of the audit log is locked for {time} in mode COMPLIANCE: nobody, not even the account's root \
                 user, can delete it, shorten that time, or remove the bucket while it holds one"
            ),
            Self::Governance => format!(
                "every object of the audit log is locked for {time} in mode GOVERNANCE: who has the right \
                 s3:BypassGovernanceRetention can delete it sooner, nobody else can"
            ),
        }
    }

    pub(super) const fn for_object(self) -> ObjectLockMode {
        match self {
            Self::Governance => ObjectLockMode::Governance,
            Self::Compliance => ObjectLockMode::Compliance,
        }
    }

    /// The mode of a bucket's default; none for what S3 may add.
    pub(super) const fn of_default(mode: &ObjectLockRetentionMode) -> Option<Self> {
        match mode {
            ObjectLockRetentionMode::Governance => Some(Self::Governance),
            ObjectLockRetentionMode::Compliance => Some(Self::Compliance),
            _ => None,
        }
    }
}

impl FromStr for LockMode {
    type Err = LockModeError;
    fn from_str(text: &str) -> Result<Self, LockModeError> {
        match text {
            "GOVERNANCE" => Ok(Self::Governance),
            "COMPLIANCE" => Ok(Self::Compliance),
            _ => Err(LockModeError(text.chars().take(40).collect())),
        }
    }
}

impl fmt::Display for LockMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Governance => "GOVERNANCE",
            Self::Compliance => "COMPLIANCE",
        })
    }
}

/// Days if they are whole, else seconds.
pub(super) fn in_words(time: Duration) -> String {
    match time.as_secs() {
        DAY_S => "1 day".to_owned(),
        s if s > 0 && s.is_multiple_of(DAY_S) => format!("{} days", s / DAY_S),
        s => format!("{s} seconds"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_read_back_and_are_ordered_by_strength() {
        for mode in [LockMode::Governance, LockMode::Compliance] {
            assert_eq!(mode.to_string().parse(), Ok(mode));
        }
        assert!(LockMode::Compliance > LockMode::Governance);
        for wrong in ["", "compliance", "NONE", "COMPLIANCE "] {
            assert!(wrong.parse::<LockMode>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn the_time_is_said_in_days() {
        let days = |days| Duration::from_secs(days * DAY_S);
        assert!(LockMode::Governance.meaning(days(1)).contains("for 1 day in mode GOVERNANCE"));
        assert!(LockMode::Compliance.meaning(days(3650)).contains("for 3650 days in mode COMPLIANCE"));
        assert!(LockMode::Governance.meaning(Duration::from_secs(90)).contains("for 90 seconds"));
    }
}
