//! Lines appended to a file.
//!
//! A file is read from its beginning the first time, and from where reading stopped after a restart. Rotation by renaming (the
//! old file is read to its end first, also when it was renamed while the agent was down) and by copying and truncating are
//! both followed.

use super::{
    Refused, line,
    lines::{Item, Lines},
};
use crate::{
    config::Emit,
    core::{Input, Position},
};
use std::{
    fs::{File, Metadata},
    io::{self, Read as _, Seek as _, SeekFrom},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::sync::mpsc;

/// How often a file is looked at, in milliseconds.
const POLL_MS: u64 = 200;
/// Bytes read at once.
const READ_BYTES: usize = 8192;
/// Entries of the file's directory that are looked at for a renamed file.
const SIBLINGS_MAX: usize = 1024;

/// Reads for ever.
pub(super) async fn follow(
    name: String,
    path: PathBuf,
    emit: Emit,
    position: Option<Position>,
    to: mpsc::Sender<Input>,
) {
    let mut follower = Follower { path, resume: position, open: None };
    let (mut refused, mut failing) = (Refused::default(), false);
    loop {
        let read = follower.read();
        if let Err(error) = &read
            && !failing
        {
            tracing::warn!(input = name, path = %follower.path.display(), %error, "file cannot be read; trying on");
        }
        failing = read.is_err();
        let items = read.unwrap_or_default();
        if items.is_empty() {
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(POLL_MS)) => continue,
                () = to.closed() => return,
            }
        }
        for (item, device, inode) in items {
            let position = Position { input: name.clone(), device, inode, offset: item.end() };
            if let Some(text) = refused.line(&name, item)
                && to.send(line(&name, emit, text, Some(position))).await.is_err()
            {
                return;
            }
        }
    }
}

#[derive(Debug)]
struct Open {
    file: File,
    device: u64,
    inode: u64,
    offset: u64,
    lines: Lines,
}

impl Open {
    fn is(&self, metadata: &Metadata) -> bool {
        (self.device, self.inode) == (metadata.dev(), metadata.ino())
    }
}

struct Follower {
    path: PathBuf,
    resume: Option<Position>,
    open: Option<Open>,
}

impl Follower {
    /// What has come since, with the file's device and inode; nothing if nothing has.
    fn read(&mut self) -> io::Result<Vec<(Item, u64, u64)>> {
        let open = match &mut self.open {
            Some(open) => open,
            None => {
                // The position is good until there is a file to go on with: it may not be readable yet.
                let open = begin(&self.path, self.resume.as_ref())?;
                self.resume = None;
                self.open.insert(open)
            }
        };
        let mut bytes = [0; READ_BYTES];
        let n = open.file.read(&mut bytes)?;
        open.offset += n as u64;
        let (device, inode) = (open.device, open.inode);
        let mut items = open.lines.push(bytes.get(..n).unwrap_or_default());
        if n == 0 {
            match std::fs::metadata(&self.path) {
                Ok(now) if open.is(&now) && now.len() < open.offset => {
                    tracing::info!(path = %self.path.display(), "file was truncated: reading from its beginning");
                    open.file.seek(SeekFrom::Start(0))?;
                    (open.offset, open.lines) = (0, Lines::default());
                }
                Ok(now) if !open.is(&now) => {
                    items.extend(open.lines.finish());
                    self.open = None;
                }
                // Renamed, and the new one is not there yet: what is open may still grow.
                Ok(_) | Err(_) => {}
            }
        }
        Ok(items.into_iter().map(|item| (item, device, inode)).collect())
    }
}

fn begin(path: &Path, resume: Option<&Position>) -> io::Result<Open> {
    let open = |path: &Path, offset: u64| {
        let mut file = File::open(path)?;
        let metadata = file.metadata()?;
        // A shorter file than was read is another one, or was truncated.
        let offset = if metadata.len() < offset { 0 } else { offset };
        file.seek(SeekFrom::Start(offset))?;
        Ok(Open { file, device: metadata.dev(), inode: metadata.ino(), offset, lines: Lines::at(offset) })
    };
    let Some(position) = resume else { return open(path, 0) };
    let same = |path: &Path| {
        let metadata = std::fs::metadata(path).ok()?;
        (metadata.is_file() && (metadata.dev(), metadata.ino()) == (position.device, position.inode)).then_some(())
    };
    if same(path).is_some() {
        return open(path, position.offset);
    }
    let siblings = path.parent().and_then(|dir| std::fs::read_dir(dir).ok()).into_iter().flatten().take(SIBLINGS_MAX);
    match siblings.flatten().map(|sibling| sibling.path()).find(|sibling| same(sibling).is_some()) {
        Some(renamed) => open(&renamed, position.offset),
        None => {
            let another = open(path, 0)?;
            tracing::warn!(path = %path.display(), "the file that was followed is gone: lines at its end may be missing");
            Ok(another)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    struct World {
        dir: tempfile::TempDir,
        follower: Follower,
        position: Option<Position>,
    }

    impl World {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let follower = Follower { path: dir.path().join("log"), resume: None, open: None };
            Self { dir, follower, position: None }
        }

        fn write(&self, text: &str) {
            let path = self.dir.path().join("log");
            File::options().append(true).create(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
        }

        fn read(&mut self) -> String {
            let mut texts = Vec::new();
            for _ in 0..4 {
                for (item, device, inode) in self.follower.read().unwrap() {
                    self.position = Some(Position { input: "log".into(), device, inode, offset: item.end() });
                    let Item::Line { text, .. } = item else { panic!("{item:?}") };
                    texts.push(text);
                }
            }
            texts.join(" ")
        }

        fn restart(&mut self) {
            let path = self.dir.path().join("log");
            self.follower = Follower { path, resume: self.position.clone(), open: None };
        }

        fn rename(&self) {
            std::fs::rename(self.dir.path().join("log"), self.dir.path().join("log.1")).unwrap();
        }
    }

    #[test]
    fn reads_what_is_there_and_what_comes() {
        let mut world = World::new();
        assert!(world.follower.read().is_err(), "there is no file yet");
        world.write("a\nb\nc");
        assert_eq!(world.read(), "a b");
        world.write("c\nd\n");
        assert_eq!(world.read(), "cc d");
        assert_eq!(world.read(), "");
    }

    #[test]
    fn goes_on_after_a_restart_where_it_stopped() {
        let mut world = World::new();
        world.write("a\nb\npart");
        assert_eq!(world.read(), "a b");
        world.restart();
        world.write("ial\nc\n");
        assert_eq!(world.read(), "partial c");
        world.restart();
        assert_eq!(world.read(), "");
    }

    #[test]
    fn follows_rotation_and_truncation() {
        let mut world = World::new();
        world.write("a\nb\n");
        assert_eq!(world.read(), "a b");
        world.write("c\nlast");
        world.rename();
        world.write("d\n");
        assert_eq!(world.read(), "c last d");
        std::fs::write(world.dir.path().join("log"), "").unwrap();
        assert_eq!(world.read(), "");
        world.write("e\n");
        assert_eq!(world.read(), "e");
    }

    #[test]
    fn a_file_that_cannot_be_read_at_first_is_gone_on_with_all_the_same() {
        let mut world = World::new();
        world.write("a\nb\n");
        assert_eq!(world.read(), "a b");
        // As when a disk is mounted late: the same file is there again after a while.
        let (here, away) = (world.dir.path().join("log"), world.dir.path().join("away"));
        std::fs::create_dir(&away).unwrap();
        std::fs::rename(&here, away.join("log")).unwrap();
        world.restart();
        for _ in 0..2 {
            assert!(world.follower.read().is_err());
        }
        std::fs::rename(away.join("log"), &here).unwrap();
        world.write("c\n");
        assert_eq!(world.read(), "c");
    }

    #[test]
    fn a_file_renamed_while_the_agent_was_down_is_read_to_its_end() {
        let mut world = World::new();
        world.write("a\n");
        assert_eq!(world.read(), "a");
        world.write("b\n");
        world.rename();
        world.write("c\n");
        world.restart();
        assert_eq!(world.read(), "b c");
    }
}
