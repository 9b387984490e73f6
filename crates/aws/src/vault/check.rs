//! Whether the bucket is what the vault needs: asked at deploy and by `marvain doctor`.

use super::{LockMode, S3Vault, VaultSettings, lock::in_words};
use aws_sdk_s3::{
    error::ProvideErrorMetadata as _,
    types::{BucketVersioningStatus, DefaultRetention, ObjectLockEnabled},
};
use marvain_hub::port::Cause;
use std::time::Duration;

/// Seconds of a day, and of what S3 counts as a year.
const DAY_S: u64 = 24 * 3600;
const YEAR_DAYS: u64 = 365;

/// What is wrong with a vault's bucket, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BucketFault {
    /// Versions are not kept.
    #[error("the bucket keeps no versions: turn versioning on")]
    NotVersioned,
    /// There is no Object Lock.
    #[error("the bucket has no Object Lock: turn it on (for a bucket with versioning that can be done at any time)")]
    NotLocked,
    /// What is written without a lock of its own has none.
    #[error("the bucket has no default retention: set {mode} for {}", in_words(*.retention))]
    NoDefault {
        /// The mode that is expected.
        mode: LockMode,
        /// The time that is expected.
        retention: Duration,
    },
    /// The default mode is weaker.
    #[error("the bucket's default mode is {found}, expected {expected}")]
    Weaker {
        /// The bucket's.
        found: String,
        /// The settings'.
        expected: LockMode,
    },
    /// The default time is shorter.
    #[error("the bucket's default retention is {}, expected {}", in_words(*.found), in_words(*.expected))]
    Shorter {
        /// The bucket's.
        found: Duration,
        /// The settings'.
        expected: Duration,
    },
}

/// The bucket could not be asked.
#[derive(Debug, thiserror::Error)]
#[error("the bucket `{bucket}` cannot be asked for its {what}")]
pub struct CheckError {
    /// Which.
    pub bucket: String,
    /// For what.
    pub what: &'static str,
    /// Why not.
    #[source]
    pub source: Cause,
}

impl S3Vault {
    /// Looks whether versioning and Object Lock are on and the default retention is at least the settings'; what is wrong.
    /// Needs `s3:GetBucketVersioning` and `s3:GetBucketObjectLockConfiguration`. What the mode means,
    /// [`LockMode::meaning`] says.
    ///
    /// # Errors
    /// [`CheckError`].
    pub async fn check(&self) -> Result<Vec<BucketFault>, CheckError> {
        let VaultSettings { bucket, mode, retention } = &self.settings;
        let error = |what, source| CheckError { bucket: bucket.clone(), what, source };
        let mut faults = Vec::new();
        let versioning = self.client.get_bucket_versioning().bucket(bucket).send().await;
        let versioning = versioning.map_err(|e| error("versioning", e.into()))?;
        if versioning.status() != Some(&BucketVersioningStatus::Enabled) {
            faults.push(BucketFault::NotVersioned);
        }
        let lock = match self.client.get_object_lock_configuration().bucket(bucket).send().await {
            Ok(found) => found.object_lock_configuration,
            Err(e) if e.code() == Some("ObjectLockConfigurationNotFoundError") => None,
            Err(e) => return Err(error("Object Lock", e.into())),
        };
        let Some(lock) = lock.filter(|lock| lock.object_lock_enabled() == Some(&ObjectLockEnabled::Enabled)) else {
            faults.push(BucketFault::NotLocked);
            return Ok(faults);
        };
        match lock.rule().and_then(|rule| rule.default_retention()) {
            Some(default) => faults.extend(beside(default, *mode, *retention)),
            None => faults.push(BucketFault::NoDefault { mode: *mode, retention: *retention }),
        }
        Ok(faults)
    }
}

/// What a bucket's default lacks.
fn beside(default: &DefaultRetention, mode: LockMode, retention: Duration) -> Vec<BucketFault> {
    let mut faults = Vec::new();
    let found = default.mode().and_then(LockMode::of_default);
    if found < Some(mode) {
        let found = default.mode().map_or("none", |mode| mode.as_str()).to_owned();
        faults.push(BucketFault::Weaker { found, expected: mode });
    }
    let count = |number: Option<i32>| u64::try_from(number.unwrap_or_default()).unwrap_or_default();
    let days = count(default.days()).saturating_add(count(default.years()).saturating_mul(YEAR_DAYS));
    let found = Duration::from_secs(days.saturating_mul(DAY_S));
    if found < retention {
        faults.push(BucketFault::Shorter { found, expected: retention });
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_s3::types::ObjectLockRetentionMode as Mode;

    #[test]
    fn a_default_is_held_against_the_settings() {
        let days = |days| Duration::from_secs(days * DAY_S);
        let default =
            |mode, days, years| DefaultRetention::builder().mode(mode).set_days(days).set_years(years).build();
        let found = |default, mode, retention| {
            let faults: Vec<String> = beside(&default, mode, retention).iter().map(ToString::to_string).collect();
            faults.join("; ")
        };
        let year = default(Mode::Compliance, None, Some(1));
        assert_eq!(found(year.clone(), LockMode::Compliance, days(365)), "");
        assert_eq!(found(year.clone(), LockMode::Governance, days(1)), "");
        let shorter = "the bucket's default retention is 365 days, expected 366 days";
        assert_eq!(found(year, LockMode::Compliance, days(366)), shorter);
        let day = default(Mode::Governance, Some(1), None);
        assert_eq!(found(day.clone(), LockMode::Governance, days(1)), "");
        assert_eq!(
            found(day, LockMode::Compliance, days(1)),
            "the bucket's default mode is GOVERNANCE, expected COMPLIANCE"
        );
        let none = found(DefaultRetention::builder().build(), LockMode::Governance, days(1));
        assert!(none.contains("mode is none") && none.contains("retention is 0 seconds"), "{none}");
    }
}
