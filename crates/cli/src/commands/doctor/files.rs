//! The data directory: who can read it, and how much room it has.

use super::Check;
use crate::{globals::shown, output::bytes};
use std::{
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

/// Less room than this is worth a warning, in bytes.
const FREE_LOW_BYTES: u64 = 1 << 30;
/// With less room than this the hub is about to stop taking events, in bytes.
const FREE_MIN_BYTES: u64 = 100 << 20;
/// Bits of a mode that let anybody in but the owner.
const OTHERS: u32 = 0o077;
/// Directories with secrets, relative to the data directory.
const SECRETS: [&str; 4] = ["keys", "credentials", "iot", "iot/ca"];

pub(super) fn look(data: &Path) -> Vec<Check> {
    if !data.exists() {
        let absent = Check::warn("data directory", format!("there is none at `{}` yet", shown(data)));
        return vec![absent.hint("`marvain up` makes it; another one: `--data DIR`")];
    }
    let free = rustix::fs::statvfs(data).map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize));
    vec![
        privacy(data, open_to_others(data)),
        match free {
            Ok(free) => room(free),
            Err(error) => Check::fail("disk", format!("its room cannot be told: {error}")),
        },
    ]
}

/// What others than the owner can read or write, of the directory and of its secrets.
fn open_to_others(data: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = vec![data.to_owned()];
    for dir in SECRETS.map(|name| data.join(name)).into_iter().chain([data.to_owned()]) {
        match fs::read_dir(&dir) {
            Ok(entries) => {
                for entry in entries {
                    paths.push(entry?.path());
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    let mut open = Vec::new();
    for path in paths {
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.permissions().mode() & OTHERS != 0 => open.push(path),
            // A hub that runs renames files.
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    open.sort();
    open.dedup();
    Ok(open)
}

fn privacy(data: &Path, open: io::Result<Vec<PathBuf>>) -> Check {
    let name = "data directory";
    match open {
        Err(error) => Check::fail(name, format!("`{}` cannot be looked through: {error}", shown(data))),
        Ok(open) => match open.as_slice() {
            [] => Check::ok(name, format!("`{}`, for its owner alone", shown(data))),
            [first, more @ ..] => {
                let more = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
                Check::fail(name, format!("others can get at `{}`{more}", shown(first)))
                    .hint(format!("chmod -R go= '{}'", shown(data)))
            }
        },
    }
}

pub(super) fn room(free: u64) -> Check {
    let detail = format!("{} free", bytes(free));
    match free {
        FREE_LOW_BYTES.. => Check::ok("disk", detail),
        FREE_MIN_BYTES.. => Check::warn("disk", detail).hint("make room before the hub has to turn events away"),
        _ => Check::fail("disk", detail).hint("make room: a hub on a full disk takes no events"),
    }
}
