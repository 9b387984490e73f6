//! The audit log read from the bucket, for verifying it with nothing else.
//!
//! A verifier asks for objects one by one, mostly in the order of their keys within a few directories. So a read that
//! is not at hand lists from its key on and gets a stretch of the directory at once: two LISTs for many GETs, and those
//! side by side. Memory is bounded by [`STRETCHES_MAX`] stretches of [`STRETCH_KEYS`] objects and [`STRETCH_BYTES`] bytes.
//! It does not know whether what it reads is genuine, and never sees but the first version of an object.

use super::{S3Vault, versions::First};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use marvain_domain::audit::{ReadError, ReadObject};
use marvain_hub::port::{VaultError, VaultKey};
use std::{
    cell::RefCell,
    collections::{BTreeMap, VecDeque},
};
use tokio::runtime::Handle;

/// Directories that are read ahead in at the same time: checkpoints, bundles, some levels of tiles.
const STRETCHES_MAX: usize = 6;
/// Objects read ahead at once.
const STRETCH_KEYS: usize = 64;
/// Bytes read ahead at once, unless one object has more.
const STRETCH_BYTES: u64 = 8 << 20;
/// GETs at the same time.
const PARALLEL_GETS: usize = 16;
/// Most [`Overlaid`] that are named; the rest is counted.
pub const OVERLAID_MAX: usize = 100;

/// An object that somebody put something over. The object is still what it was first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overlaid {
    /// Its key.
    pub key: String,
    /// How many newer versions there are.
    pub versions: usize,
    /// How many delete markers.
    pub delete_markers: usize,
}

/// A vault's bucket as the audit log's object store. It blocks, so it belongs on a blocking thread.
pub struct BucketLog {
    vault: S3Vault,
    runtime: Handle,
    stretches: RefCell<VecDeque<Stretch>>,
    overlaid: RefCell<Seen>,
}

/// What a listing has found put over objects.
#[derive(Default)]
struct Seen {
    named: BTreeMap<String, Overlaid>,
    /// Versions and markers over objects that are not named.
    more: usize,
}

impl Seen {
    fn note(&mut self, key: &str, versions: usize, delete_markers: usize) {
        if self.named.len() >= OVERLAID_MAX && !self.named.contains_key(key) {
            self.more += versions + delete_markers;
            return;
        }
        let fresh = || Overlaid { key: key.to_owned(), versions: 0, delete_markers: 0 };
        let overlaid = self.named.entry(key.to_owned()).or_insert_with(fresh);
        overlaid.versions += versions;
        overlaid.delete_markers += delete_markers;
    }
}

/// The objects of a directory between two keys.
struct Stretch {
    directory: String,
    from: String,
    /// The last key; none if it is the end of the directory.
    through: Option<String>,
    objects: BTreeMap<String, Vec<u8>>,
}

impl Stretch {
    fn covers(&self, directory: &str, key: &str) -> bool {
        let is_before_end = self.through.as_deref().is_none_or(|through| key <= through);
        self.directory == directory && self.from.as_str() <= key && is_before_end
    }
}

impl BucketLog {
    /// The log in this vault's bucket. Of the client it needs `s3:ListBucketVersions` and `s3:GetObjectVersion`.
    pub fn new(vault: S3Vault, runtime: Handle) -> Self {
        Self { vault, runtime, stretches: RefCell::default(), overlaid: RefCell::default() }
    }

    /// Objects that the last listing of everything found something put over, the first [`OVERLAID_MAX`], and how many versions
    /// and markers there are over others. None of it changes what is read; all of it was done by somebody who may write to
    /// the bucket and is not the hub.
    pub fn overlaid(&self) -> (Vec<Overlaid>, usize) {
        let seen = self.overlaid.borrow();
        (seen.named.values().cloned().collect(), seen.more)
    }

    /// The stretch of `directory` that begins at `key`; none if there is no such object.
    async fn stretch(&self, directory: &str, key: VaultKey<'_>) -> Result<Option<Stretch>, VaultError> {
        let Some(first) = self.vault.first_version(key).await? else { return Ok(None) };
        let (mut bytes, mut firsts, mut is_whole) = (first.bytes, vec![first], true);
        let mut listing = self.vault.listing(directory, Some(key.as_str()));
        'listing: while let Some(page) = listing.next().await? {
            for first in page.into_iter().filter(|first| first.key.as_str() > key.as_str()) {
                bytes = bytes.saturating_add(first.bytes);
                if firsts.len() >= STRETCH_KEYS || bytes > STRETCH_BYTES {
                    is_whole = false;
                    break 'listing;
                }
                firsts.push(first);
            }
        }
        let through = firsts.last().filter(|_| !is_whole).map(|first| first.key.clone());
        let gets = firsts.into_iter().map(|First { key, id, .. }| async move {
            let bytes = self.vault.version(&key, &id).await?;
            Ok((key, bytes))
        });
        let objects = stream::iter(gets).buffer_unordered(PARALLEL_GETS).try_collect().await?;
        Ok(Some(Stretch { directory: directory.to_owned(), from: key.as_str().to_owned(), through, objects }))
    }

    fn look_up(&self, key: &str) -> Result<Option<Vec<u8>>, VaultError> {
        let key = VaultKey::parse(key)?;
        let directory = key.as_str().rfind('/').and_then(|end| key.as_str().get(..=end)).unwrap_or_default();
        let mut stretches = self.stretches.borrow_mut();
        if let Some(stretch) = stretches.iter().find(|stretch| stretch.covers(directory, key.as_str())) {
            return Ok(stretch.objects.get(key.as_str()).cloned());
        }
        let Some(stretch) = self.runtime.block_on(self.stretch(directory, key))? else { return Ok(None) };
        let found = stretch.objects.get(key.as_str()).cloned();
        stretches.retain(|stretch| stretch.directory != directory);
        stretches.push_front(stretch);
        stretches.truncate(STRETCHES_MAX);
        Ok(found)
    }
}

impl ReadObject for BucketLog {
    fn read(&self, key: &str) -> Result<Option<Vec<u8>>, ReadError> {
        self.look_up(key).map_err(|e| ReadError { what: key.to_owned(), source: Box::new(e) })
    }

    fn list(&self, prefix: &str, visit: &mut dyn FnMut(&str)) -> Result<(), ReadError> {
        let error = |e| ReadError { what: prefix.to_owned(), source: Box::new(e) };
        let mut listing = self.vault.listing(prefix, None);
        let mut seen = Seen::default();
        while let Some(page) = self.runtime.block_on(listing.next()).map_err(error)? {
            for first in page {
                if first.newer > 0 {
                    seen.note(&first.key, first.newer, 0);
                }
                visit(&first.key);
            }
            for key in listing.take_markers() {
                seen.note(&key, 0, 1);
            }
        }
        if prefix.is_empty() {
            *self.overlaid.borrow_mut() = seen;
        }
        Ok(())
    }
}
