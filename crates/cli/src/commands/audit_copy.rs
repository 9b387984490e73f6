//! Copies of the audit log: `log/` with its objects, `verifier.key`, and `trusted.checkpoint`, the newest when the copy
//! was begun. Key and checkpoint lie beside the objects, because the log knows every object that belongs to it.

use crate::{
    client::{Client, pages},
    error::{CliError, Exit},
    globals::{Globals, shown},
    output::{Look, Tint, bytes, fields, progress},
};
use futures_util::{StreamExt as _, stream};
use marvain_console::{audit::AUDIT_LIMIT_MAX, page::PageParams};
use marvain_domain::audit::layout::{Key, KeyError};
use marvain_local::is_vacant;
use serde::Serialize;
use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

/// How many objects the hub is asked for at a time.
const ASKED_AT_A_TIME: usize = 8;
/// The objects.
pub(crate) const LOG: &str = "log";
/// The verifier key.
pub(crate) const KEY: &str = "verifier.key";
/// A checkpoint to measure the log against.
pub(crate) const TRUSTED: &str = "trusted.checkpoint";

/// Where things are in a directory that is to be verified.
pub(crate) struct Layout {
    /// The objects.
    pub(crate) objects: PathBuf,
    /// The verifier key.
    pub(crate) key: PathBuf,
    /// A checkpoint that was kept, if there is one.
    pub(crate) trusted: Option<PathBuf>,
}

impl Layout {
    /// Of an export, or of a vault, which has its key among its objects.
    pub(crate) fn of(dir: &Path) -> Self {
        let (objects, key, trusted) = (dir.join(LOG), dir.join(KEY), dir.join(TRUSTED));
        if objects.is_dir() {
            Self { objects, key, trusted: trusted.is_file().then_some(trusted) }
        } else {
            Self { objects: dir.to_owned(), key: dir.join(Key::Verifier.to_string()), trusted: None }
        }
    }
}

/// What was exported.
#[derive(Serialize)]
pub(crate) struct Exported {
    /// Where.
    pub(crate) dir: PathBuf,
    /// Objects.
    pub(crate) objects: usize,
    /// Their size.
    pub(crate) bytes: u64,
    /// Entries that the checkpoint speaks of.
    pub(crate) size: u64,
}

/// Copies the log of the running hub.
pub(crate) async fn export(client: &Client, dir: &Path, globals: &Globals) -> Result<Exported, CliError> {
    if !is_vacant(dir).map_err(|e| failed("read", dir, e))? {
        return Err(CliError::new(Exit::Conflict, format!("`{}` is not empty", shown(dir)))
            .hint("nothing is overwritten: use another directory"));
    }
    // The checkpoint first: what is copied after it holds at least what it speaks of.
    let head = client.audit_checkpoint().await?;
    let log = dir.join(LOG);
    fs::create_dir_all(&log).map_err(|e| failed("make", &log, e))?;
    let bar = progress::bar(globals, "copying the audit log", 0);
    let mut exported = Exported { dir: dir.to_owned(), objects: 0, bytes: 0, size: head.size };
    let listed = async |after| client.audit_objects(&PageParams { limit: Some(AUDIT_LIMIT_MAX), after }).await;
    // Page by page, because a log has no largest number of objects.
    let copied = pages(listed, async |keys| {
        bar.inc_length(keys.len() as u64);
        let copies = keys.iter().map(|key| copy(client, key, &log));
        let mut copied = stream::iter(copies).buffer_unordered(ASKED_AT_A_TIME);
        while let Some(bytes) = copied.next().await {
            exported.bytes += bytes?;
            exported.objects += 1;
            bar.inc(1);
        }
        Ok(())
    });
    copied.await?;
    bar.finish_and_clear();
    write_new(&dir.join(KEY), format!("{}\n", head.verifier_key).as_bytes())?;
    if let Some(checkpoint) = &head.checkpoint {
        write_new(&dir.join(TRUSTED), checkpoint.as_bytes())?;
    }
    Ok(exported)
}

/// Copies an object, and says how large it is.
async fn copy(client: &Client, key: &str, log: &Path) -> Result<u64, CliError> {
    // Only a key of the log becomes a path.
    let foreign = |e: KeyError| CliError::failure("the hub lists what is no object of a log").because(e);
    let key = key.parse::<Key>().map_err(foreign)?.to_string();
    let object = client.audit_object(&key).await?;
    let path = log.join(&key);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(|e| failed("make", parent, e))?;
    }
    write_new(&path, &object)?;
    Ok(object.len() as u64)
}

/// Writes a file that must not be there yet.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    let file = OpenOptions::new().write(true).create_new(true).open(path);
    file.and_then(|mut file| file.write_all(bytes)).map_err(|e| failed("write", path, e))
}

fn failed(what: &str, path: &Path, error: io::Error) -> CliError {
    let exit = if error.kind() == io::ErrorKind::AlreadyExists { Exit::Conflict } else { Exit::Failure };
    CliError::new(exit, format!("cannot {what} `{}`", shown(path))).because(error)
}

pub(crate) fn show(exported: &Exported, look: Look) -> String {
    let dir = shown(&exported.dir);
    let text = fields(
        look,
        vec![
            ("exported to", dir.clone(), Tint::Good),
            ("objects", format!("{}, {}", exported.objects, bytes(exported.bytes)), Tint::Plain),
            ("entries", exported.size.to_string(), Tint::Plain),
        ],
    );
    format!("{text}\nverify it anywhere: `marvain audit verify {dir}`")
}
