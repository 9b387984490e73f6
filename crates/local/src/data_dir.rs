//! A data directory: which files are in it, whose it is, and who has it open.
//!
//! It does not know what other parts of a hub keep beside these files.

use crate::{FileVault, OpenError, SqliteLedger, SqliteQueues, SqliteRecall, SqliteTelemetry};
use std::{
    ffi::OsString,
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, ErrorKind, Read, Seek, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};

/// Held by the process that works with the directory; says which.
pub(crate) const LOCK: &str = "hub.lock";
/// There once all databases are: from then on one that is missing has been lost.
const FORMAT: &str = "format";
pub(crate) const VAULT: &str = "vault";
const LEDGER: &str = "ledger.db";
const QUEUES: &str = "queues.db";
const RECALL: &str = "recall.db";
const TELEMETRY: &str = "telemetry.db";
/// The format that this program writes. It reads the earlier ones: format 1 has no telemetry.
const FORMAT_NOW: usize = 2;

/// A part of this very process that is ending has this long to let go of a data directory.
const LOCK_WAIT: Duration = Duration::from_secs(2);
/// Whoever only looks whether a directory is locked is gone by then.
const LOOK_WAIT: Duration = Duration::from_millis(200);
/// How often it is looked whether it has.
const LOCK_INTERVAL: Duration = Duration::from_millis(20);

/// All that the hub keeps on one machine, open. The directory stays locked until the last database is closed.
pub struct LocalStores {
    /// Facts and state.
    pub ledger: Arc<SqliteLedger>,
    /// Deliveries between its steps.
    pub queues: Arc<SqliteQueues>,
    /// Write-once objects.
    pub vault: Arc<FileVault>,
    /// Memories to be found again.
    pub recall: Arc<SqliteRecall>,
    /// Readings over time.
    pub telemetry: Arc<SqliteTelemetry>,
    directory: PathBuf,
    lock: Arc<Lock>,
}

impl LocalStores {
    /// Opens a data directory, creating it (0700, files 0600) if it is not there or empty. Takes a while and blocks.
    ///
    /// # Errors
    /// [`OpenError`]: somebody else has it open, or a file is damaged or missing, or the file system refuses. Nothing
    /// that was there is replaced.
    pub fn open(directory: &Path) -> Result<Self, OpenError> {
        let directory = &std::path::absolute(directory).map_err(OpenError::file(directory))?;
        // Between the two renames of a restore there is no data directory: an empty one must not take its place.
        let unfinished = unfinished_beside(directory);
        if unfinished.exists() && is_vacant(directory).map_err(OpenError::file(directory))? {
            return Err(OpenError::Unfinished(unfinished));
        }
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(OpenError::file(directory))?;
        let directory = &fs::canonicalize(directory).map_err(OpenError::file(directory))?;
        let lock = Arc::new(Lock::take(directory)?);
        let format = directory.join(FORMAT);
        let found = found(&format)?;
        let there = |name, since: usize| {
            let path = directory.join(name);
            // A database of no bytes is one that SQLite would begin anew.
            if found < since || fs::metadata(&path).is_ok_and(|file| file.len() > 0) {
                Ok(path)
            } else {
                Err(OpenError::Missing { path })
            }
        };
        let stores = Self {
            ledger: Arc::new(SqliteLedger::open(&there(LEDGER, 1)?)?),
            queues: Arc::new(SqliteQueues::open(&there(QUEUES, 1)?)?),
            vault: Arc::new(FileVault::open(&there(VAULT, 1)?)?),
            recall: Arc::new(SqliteRecall::open(&there(RECALL, 1)?)?),
            telemetry: Arc::new(SqliteTelemetry::open(&there(TELEMETRY, 2)?)?),
            directory: directory.to_owned(),
            lock: Arc::clone(&lock),
        };
        // A part that outlives the others still writes, so each keeps the directory locked.
        let databases = [stores.ledger.store(), stores.queues.store(), stores.recall.store(), stores.telemetry.store()];
        for store in databases {
            store.keep(Arc::clone(&lock));
        }
        if found < FORMAT_NOW {
            write_durably(&format, format!("{FORMAT_NOW}\n").as_bytes()).map_err(OpenError::file(&format))?;
        }
        Ok(stores)
    }

    /// The data directory, absolute and without links.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Keeps the directory locked as long as it lives.
    pub(crate) fn lock(&self) -> Arc<Lock> {
        Arc::clone(&self.lock)
    }
}

/// Where a restore prepares what will take the place of a data directory.
pub(crate) fn unfinished_beside(directory: &Path) -> PathBuf {
    let mut name = directory.file_name().map_or_else(OsString::new, OsString::from);
    name.push(".unfinished");
    directory.with_file_name(name)
}

/// The format that the directory has; 0 if the file that says so does not exist yet.
fn found(format: &Path) -> Result<usize, OpenError> {
    let mut text = String::new();
    match File::open(format) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
        file => file.and_then(|file| file.take(16).read_to_string(&mut text)).map_err(OpenError::file(format))?,
    };
    match text.trim().parse() {
        Ok(found @ 1..=FORMAT_NOW) => Ok(found),
        Ok(found) => Err(OpenError::Newer { path: format.into(), found, known: FORMAT_NOW }),
        Err(_) => Err(OpenError::Damaged { path: format.into(), problem: "it holds no number".into() }),
    }
}

/// The right to work with a data directory; given up when it is dropped, or when the process ends.
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    pub(crate) fn take(directory: &Path) -> Result<Self, OpenError> {
        let path = directory.join(LOCK);
        let error = || OpenError::file(&path);
        let mut options = OpenOptions::new();
        let mut file =
            options.read(true).write(true).create(true).truncate(false).mode(0o600).open(&path).map_err(error())?;
        let mut waited = Duration::ZERO;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(source)) => return Err(error()(source)),
                Err(TryLockError::WouldBlock) => {}
            }
            let pid = signed(&mut file).map_err(error())?;
            let patience = if pid == Some(std::process::id()) { LOCK_WAIT } else { LOOK_WAIT };
            if waited >= patience {
                return Err(OpenError::InUse { path, pid });
            }
            thread::sleep(LOCK_INTERVAL);
            waited += LOCK_INTERVAL;
        }
        let mut sign = || {
            file.set_len(0)?;
            file.rewind()?;
            writeln!(file, "{}", std::process::id())
        };
        sign().map_err(error())?;
        Ok(Self { _file: file })
    }
}

/// The process that works with a data directory, if one does and has said so.
///
/// # Errors
/// If it cannot be told.
pub fn holder(directory: &Path) -> Result<Option<u32>, OpenError> {
    let path = directory.join(LOCK);
    let mut file = match File::open(&path) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
        file => file.map_err(OpenError::file(&path))?,
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => signed(&mut file).map_err(OpenError::file(&path)),
        Err(TryLockError::Error(source)) => Err(OpenError::File { path, source }),
    }
}

/// The process that a lock file names.
fn signed(file: &mut File) -> io::Result<Option<u32>> {
    let mut pid = String::new();
    file.rewind()?;
    file.take(16).read_to_string(&mut pid)?;
    Ok(pid.trim().parse().ok())
}

/// Writes a private file that is there whole or not at all, in place of one that may be there: durable on return.
///
/// # Errors
/// If the file system refuses; what was there still is.
pub fn write_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let unfinished = path.with_extension("unfinished");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    sync_directory(path.parent().unwrap_or(Path::new("/")))
}

/// Makes the names in a directory durable.
///
/// # Errors
/// If the file system refuses.
pub fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// Is there nothing, or an empty directory?
///
/// # Errors
/// If it is something else, or the file system refuses.
pub fn is_vacant(path: &Path) -> io::Result<bool> {
    match fs::read_dir(path) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}
