//! A restore: the hub stops, a backup takes the place of its data, and the hub that starts on them says so in the audit
//! log. A small file among the data tells it.

use super::files::{FileError, remove, running};
use marvain_domain::{Timestamp, id::PersonId};
use marvain_hub::Hub;
use marvain_local::{BackupError, Manifest, replace, restore, write_durably};
use serde::{Deserialize, Serialize};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Tells the next hub on the data that they were restored. It is gone before that hub can be asked for a backup, so that
/// no backup has it.
const MARK: &str = "restored.json";

/// A backup to be put in the place of the data.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Restore {
    /// The backup.
    pub(crate) backup: PathBuf,
    /// Who has asked a running hub for it; nobody if none runs.
    pub(crate) by: Option<PersonId>,
    /// When it was asked for; names what is kept of the data before.
    pub(crate) at: Timestamp,
}

/// What the next hub writes into the audit log.
#[derive(Serialize, Deserialize)]
struct Mark {
    of: Timestamp,
    by: Option<PersonId>,
    at: Timestamp,
}

impl Restore {
    /// Where the data from before go: beside `data`.
    pub(crate) fn aside(&self, data: &Path) -> PathBuf {
        // Its components, because a trailing slash would put it inside.
        let mut name = data.components().collect::<PathBuf>().into_os_string();
        name.push(format!("-before-{}", self.at.to_string().replace(':', "")));
        PathBuf::from(name)
    }

    /// Puts the backup in the place of `data`, which nobody may have open. What was there is kept aside.
    pub(crate) fn take_over(&self, data: &Path) -> Result<Manifest, BackupError> {
        replace(&self.backup, data, &self.aside(data), |copy, manifest| self.mark(copy, manifest))
    }

    /// Makes `data`, which must be empty or absent, from the backup.
    pub(crate) fn begin(&self, data: &Path) -> Result<Manifest, BackupError> {
        restore(&self.backup, data, |copy, manifest| self.mark(copy, manifest))
    }

    /// Before the copy takes the place of the data: there is no moment at which the data are restored and nobody knows.
    fn mark(&self, copy: &Path, manifest: &Manifest) -> io::Result<()> {
        let mark = Mark { of: manifest.at, by: self.by.clone(), at: self.at };
        write_durably(&copy.join(MARK), &serde_json::to_vec(&mark)?)?;
        // What the backup says of where a hub was running is long over.
        match fs::remove_file(running(copy)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// If the data were restored since a hub last ran on them, has it say so in its audit log.
pub(super) async fn record(hub: &Hub, data: &Path) -> Result<(), super::EmbeddedError> {
    let path = data.join(MARK);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(FileError::Io { what: "read", path, source }.into()),
    };
    let Mark { of, by, at } = serde_json::from_slice(&bytes).map_err(|_| FileError::Damaged(path.clone()))?;
    hub.restored(by.as_ref(), of, at).await?;
    Ok(remove(&path)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_from_before_lie_beside_the_data() {
        let restore = Restore { backup: "b".into(), by: None, at: Timestamp::EPOCH };
        assert_eq!(restore.aside(Path::new("/x/data")), Path::new("/x/data-before-1970-01-01T000000.000Z"));
        assert_eq!(restore.aside(Path::new("/x/data/")), restore.aside(Path::new("/x/data")));
    }

    #[test]
    fn what_is_no_backup_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let (data, backup) = (dir.path().join("data"), dir.path().join("backup"));
        fs::create_dir_all(&backup).unwrap();
        fs::create_dir_all(&data).unwrap();
        fs::write(data.join("mine"), "mine").unwrap();
        let restore = Restore { backup, by: None, at: Timestamp::EPOCH };
        assert!(matches!(restore.take_over(&data), Err(BackupError::Incomplete(_))));
        assert!(matches!(restore.begin(&data), Err(BackupError::NotVacant(_))));
        assert!(data.join("mine").exists() && !data.join(MARK).exists());
    }
}
