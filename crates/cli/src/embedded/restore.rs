//! A restore that a running hub is asked for: the hub stops, the backup takes the data's place, and the hub starts anew.

use marvain_domain::Timestamp;
use marvain_local::{BackupError, Manifest, replace};
use std::path::{Path, PathBuf};

/// A backup to be put in the place of the data.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Restore {
    /// The backup.
    pub(crate) backup: PathBuf,
    /// When it was asked for; names what is kept of the data before.
    pub(crate) at: Timestamp,
}

impl Restore {
    /// Where the data from before goes.
    pub(crate) fn aside(&self, data: &Path) -> PathBuf {
        let mut name = data.as_os_str().to_owned();
        name.push(format!("-before-{}", self.at.to_string().replace(':', "")));
        PathBuf::from(name)
    }

    /// Puts the backup in the place of `data`, which nobody may have open. What was there is kept aside.
    pub(crate) fn take_over(&self, data: &Path) -> Result<Manifest, BackupError> {
        replace(&self.backup, data, &self.aside(data))
    }
}
