//! Listing versions: the first of each key, and what is over it.
//!
//! S3 gives keys in the order of their bytes, and of each key the newest version first (API reference of `ListObjectVersions`,
//! examples: "returned in the order in which they were stored, with the most recently stored returned first").

use super::{S3Vault, S3VaultError, unavailable};
use aws_sdk_s3::operation::list_object_versions::ListObjectVersionsOutput;
use marvain_hub::port::{VaultError, VaultKey};

/// Versions a request: S3's most.
const PAGE_VERSIONS: i32 = 1000;
/// Versions in the first request for one key: that of the key, and one that shows that there is no other.
const ONE_KEY_VERSIONS: i32 = 2;
/// Most versions of one key that are looked through for its first.
const VERSIONS_MAX: usize = 100_000;

/// The first version of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct First {
    pub(super) key: String,
    pub(super) id: String,
    pub(super) bytes: u64,
    /// Versions that were written later.
    pub(super) newer: usize,
}

/// A listing under way.
pub(super) struct Listing<'a> {
    vault: &'a S3Vault,
    prefix: String,
    /// Versions in the next page.
    page: i32,
    /// Where the next page begins: key and version id; none when the last page was read.
    next: Option<(Option<String>, Option<String>)>,
    /// The key whose oldest version so far was the last of the page before.
    open: Option<First>,
    /// Delete markers of the pages read, as far as they were not taken.
    markers: Vec<String>,
}

impl S3Vault {
    /// The first version of a key; none if it has none.
    pub(super) async fn first_version(&self, key: VaultKey<'_>) -> Result<Option<First>, VaultError> {
        let mut listing = self.listing(key.as_str(), None);
        listing.page = ONE_KEY_VERSIONS;
        while let Some(page) = listing.next().await? {
            // The key itself comes before those that it is the beginning of.
            if let Some(first) = page.into_iter().next() {
                return Ok(Some(first).filter(|first| first.key == key.as_str()));
            }
        }
        Ok(None)
    }

    /// Lists the keys that begin with `prefix` and come after `after`.
    pub(super) fn listing(&self, prefix: &str, after: Option<&str>) -> Listing<'_> {
        let next = is_prefix(prefix).then(|| (after.map(str::to_owned), None));
        Listing { vault: self, prefix: prefix.to_owned(), page: PAGE_VERSIONS, next, open: None, markers: Vec::new() }
    }
}

impl Listing<'_> {
    /// The first versions that the next page of versions completes, which may be none; `None` after the last.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<First>>, VaultError> {
        let Some((key, version)) = self.next.take() else { return Ok(None) };
        let list = self.vault.client.list_object_versions().bucket(&self.vault.settings.bucket);
        let list = list.prefix(&self.prefix).max_keys(self.page).set_key_marker(key).set_version_id_marker(version);
        let page = list.send().await.map_err(unavailable)?;
        self.page = PAGE_VERSIONS;
        if page.is_truncated() == Some(true) {
            let (key, version) = (page.next_key_marker().map(str::to_owned), page.next_version_id_marker());
            self.next = Some((key, version.map(str::to_owned)));
        }
        self.markers.extend(page.delete_markers().iter().filter_map(|marker| marker.key()).map(str::to_owned));
        self.take(&page).map(Some)
    }

    /// Keys over which delete markers were put, one for each marker, as far as was listed.
    pub(super) fn take_markers(&mut self) -> Vec<String> {
        std::mem::take(&mut self.markers)
    }

    /// Goes through a page; what the next may add to stays open.
    fn take(&mut self, page: &ListObjectVersionsOutput) -> Result<Vec<First>, VaultError> {
        let mut done = Vec::new();
        for version in page.versions() {
            let (Some(key), Some(id)) = (version.key(), version.version_id()) else { continue };
            let bytes = u64::try_from(version.size().unwrap_or_default()).unwrap_or_default();
            let newer = match self.open.take() {
                Some(open) if open.key == key => open.newer + 1,
                other => {
                    done.extend(other);
                    0
                }
            };
            if newer > VERSIONS_MAX {
                return Err(unavailable(S3VaultError::TooManyVersions(VERSIONS_MAX, key.to_owned())));
            }
            self.open = Some(First { key: key.to_owned(), id: id.to_owned(), bytes, newer });
        }
        if self.next.is_none() {
            done.extend(self.open.take());
        }
        Ok(done)
    }
}

/// May a key begin so? Servers refuse some of what cannot.
fn is_prefix(prefix: &str) -> bool {
    let directories = prefix.rfind('/').and_then(|end| prefix.get(..end));
    directories.is_none_or(|directories| VaultKey::parse(directories).is_ok())
}
