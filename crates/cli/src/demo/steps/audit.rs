//! `audit`: the log verifies offline, and every class of tampering on a copy is found and located.

use crate::{
    audit_files::FileObjects,
    demo::stage::Stage,
    scene::{Proof, StepError, auditing},
};
use marvain_domain::{
    Timestamp,
    audit::{
        Checkpoint, Class, Draft, LogKey, Report, Tail, Verifier, bundle,
        layout::{Key, Tile},
        plan,
        store::read_tile,
        verify,
    },
};
use serde_json::json;
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

pub(crate) async fn audit(stage: &mut Stage) -> Proof {
    let (verifier, trusted) = auditing::sealed(stage).await?;
    // From here on there is no hub: only files.
    stage.hub.take().ok_or("no hub runs")?.stop().await?;
    let log = stage.path("hub").join("vault");
    let report = check(&log, &verifier, &trusted)?;
    if !report.is_intact() {
        return Err(format!("the log is not intact: {:?}", report.findings).into());
    }
    let seed: [u8; 32] = fs::read(stage.path("hub").join("keys").join("audit.seed"))?
        .try_into()
        .map_err(|_| "the log's key is no key")?;
    let key = (verifier.clone(), LogKey::from_seed(&seed));
    let mut found = Vec::new();
    for tampering in Tampering::ALL {
        let copy = stage.path("tampered");
        copy_dir(&log, &copy)?;
        let victim = report.size / 2;
        tampering.apply(&copy, report.size, victim, &key)?;
        let findings = check(&copy, &verifier, &trusted)?.findings;
        let finding = findings.iter().find(|finding| tampering.is(finding.class));
        let finding = finding.ok_or_else(|| format!("{tampering:?} is not found: {findings:?}"))?;
        let place =
            finding.seq.map_or_else(|| finding.object.clone().unwrap_or_default(), |seq| format!("entry {seq}"));
        found.push(format!("{} at {place}", format!("{tampering:?}").to_lowercase()));
        fs::remove_dir_all(&copy)?;
    }
    Ok(format!("{} entries verify without a hub; on copies, found: {}", report.size, found.join(", ")))
}

fn check(dir: &Path, verifier: &Verifier, trusted: &[Checkpoint]) -> Result<Report, StepError> {
    let files = FileObjects::open(dir)?;
    Ok(verify(&files, verifier, trusted, &mut |_, _| ())?)
}

/// Whoever has stolen it can sign any history.
type GenuineKey = (Verifier, LogKey);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Tampering {
    Edit,
    Drop,
    Insert,
    Swap,
    Truncate,
    Rollback,
    Fork,
}

impl Tampering {
    const ALL: [Self; 7] =
        [Self::Edit, Self::Drop, Self::Insert, Self::Swap, Self::Truncate, Self::Rollback, Self::Fork];

    fn is(self, class: Class) -> bool {
        match self {
            Self::Edit => class == Class::Edited,
            Self::Drop => class == Class::Dropped,
            Self::Insert => class == Class::Inserted,
            Self::Swap => class == Class::Reordered,
            Self::Truncate => class == Class::Truncated,
            Self::Rollback => class == Class::RolledBack,
            Self::Fork => class == Class::Forked,
        }
    }

    /// Tampers with the log in `dir`, which has `size` entries, at entry `victim`.
    fn apply(self, dir: &Path, size: u64, victim: u64, key: &GenuineKey) -> Result<(), StepError> {
        match self {
            Self::Edit | Self::Drop | Self::Insert | Self::Swap => self.rewrite(dir, size, victim),
            Self::Truncate => {
                let tile = Tile::bundle(size - 1, size).ok_or("no last bundle")?;
                remove(&dir.join(Key::Tile(tile).to_string()))
            }
            Self::Rollback => rebuild(dir, size, size / 2, None, key),
            Self::Fork => rebuild(dir, size, size, Some(victim), key),
        }
    }

    /// Changes the bundle that holds `victim`, and leaves all else as it is.
    fn rewrite(self, dir: &Path, size: u64, victim: u64) -> Result<(), StepError> {
        let tile = Tile::bundle(victim, size).ok_or("no such bundle")?;
        let (name, bytes) = read_tile(&FileObjects::open(dir)?, tile)?.ok_or("the bundle is missing")?;
        let mut entries: Vec<Vec<u8>> = bundle::decode(&bytes).entries.iter().map(|entry| entry.to_vec()).collect();
        let place = usize::try_from(victim % 256)?.min(entries.len().saturating_sub(2));
        let entry = entries.get(place).cloned().ok_or("no such entry")?;
        match self {
            Self::Edit => {
                let text = String::from_utf8(entry)?.replacen("\"actor\":\"", "\"actor\":\"x", 1);
                if let Some(entry) = entries.get_mut(place) {
                    *entry = text.into_bytes();
                }
            }
            Self::Drop => drop(entries.remove(place)),
            Self::Insert => entries.insert(place, entry),
            _ => entries.swap(place, place + 1),
        }
        let mut changed = Vec::new();
        for entry in &entries {
            bundle::push(&mut changed, entry);
        }
        let path = dir.join(name);
        remove(&path)?;
        Ok(fs::write(path, changed)?)
    }
}

/// Builds the log of `whole` entries anew with the genuine key, up to `size`, with another entry at `fork` if that is
/// said.
fn rebuild(
    dir: &Path,
    whole: u64,
    size: u64,
    fork: Option<u64>,
    (verifier, key): &GenuineKey,
) -> Result<(), StepError> {
    let read = FileObjects::open(dir)?;
    let mut drafts = Vec::new();
    for seq in 0..size {
        let tile = Tile::bundle(seq, whole).ok_or("no such bundle")?;
        let (_, bytes) = read_tile(&read, tile)?.ok_or("the bundle is missing")?;
        let decoded = bundle::decode(&bytes);
        let entry = decoded.entries.get(usize::try_from(seq % 256)?).ok_or("no such entry")?;
        let entry = marvain_domain::audit::Entry::parse(entry)?;
        drafts.push(if fork == Some(seq) {
            Draft::new(Timestamp::EPOCH, "system", Vec::new(), "never.happened", json!({}))?
        } else {
            Draft::new(entry.time, entry.actor, entry.on_behalf_of, entry.kind, entry.data)?
        });
    }
    fs::remove_dir_all(dir)?;
    let mut tail = Tail::EMPTY;
    for drafts in drafts.chunks(1024) {
        let planned = plan(&tail, drafts, verifier)?;
        let mut objects = planned.objects;
        if let Some(unsigned) = planned.checkpoint {
            objects.push((unsigned.key(), verifier.signed(&unsigned, &key.sign(unsigned.text()))?));
        }
        for (name, bytes) in objects {
            let path = dir.join(name);
            fs::create_dir_all(path.parent().unwrap_or(dir))?;
            fs::write(path, bytes)?;
        }
        tail = planned.tail;
    }
    Ok(())
}

fn remove(path: &Path) -> Result<(), StepError> {
    Ok(fs::remove_file(path)?)
}

/// Copies a tree; the copies are writable.
fn copy_dir(from: &Path, to: &Path) -> Result<(), StepError> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target: PathBuf = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_dir(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target)?;
            fs::set_permissions(&target, fs::Permissions::from_mode(0o600))?;
        }
    }
    Ok(())
}
