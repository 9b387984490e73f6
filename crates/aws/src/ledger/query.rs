//! Finding records: many in an index's order, page by page.

use super::{
    DynamoLedger,
    item::{self, text_of},
    keys::{self, Listing, Place, RECORD, SK},
    places,
    table::{Bounds, Part},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use marvain_hub::port::{Key, LedgerError, Page, Query, Record};
use serde::{Deserialize, Serialize};

/// Most records in a page.
const PAGE_RECORDS_MAX: usize = 1000;

/// Where a page ended: the index, its partition, and the sort key of the last item. Callers see it as base64url.
#[derive(PartialEq, Eq, Serialize, Deserialize)]
struct Cursor(String, String, String);

impl Cursor {
    fn of(query: &Query, sk: &str) -> String {
        let cursor = Self(name(query).into(), query.pk.clone(), sk.into());
        // Texts alone always have a JSON form.
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(&cursor).unwrap_or_default())
    }

    fn parse(query: &Query, after: &str) -> Result<String, LedgerError> {
        let bytes = URL_SAFE_NO_PAD.decode(after).ok();
        let cursor: Option<Self> = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        match cursor {
            Some(Self(index, pk, sk)) if index == name(query) && pk == query.pk => Ok(sk),
            _ => Err(LedgerError::Cursor),
        }
    }
}

fn name(query: &Query) -> &'static str {
    Listing::of(query.index).map_or("primary", Listing::name)
}

/// The items that a query is about; none if there can be none.
fn part(query: &Query) -> Result<Option<Part>, LedgerError> {
    let listing = Listing::of(query.index);
    let pk = listing.map_or_else(|| format!("{RECORD}{}", query.pk), |listing| listing.entries(&query.pk));
    let through = query.through.clone().map(|through| match listing {
        None => through,
        Some(_) => keys::entries_through(&through),
    });
    let after = query.after.as_ref().map(|after| Cursor::parse(query, after)).transpose()?;
    let prefix = query.prefix.clone();
    let bounds = match through.clone() {
        None if prefix.is_empty() => Bounds::All,
        None => Bounds::Prefix(prefix.clone()),
        // DynamoDB takes no empty key, and nothing is before it.
        Some(through) if through.is_empty() => return Ok(None),
        Some(through) if prefix.is_empty() => Bounds::Through(through),
        // What is between a prefix and a text that has it has it too.
        Some(through) if through.starts_with(&prefix) => Bounds::Between(prefix.clone(), through),
        Some(through) if through > prefix => Bounds::Prefix(prefix.clone()),
        Some(_) => return Ok(None),
    };
    // DynamoDB takes no start outside of the bounds.
    let is_low = |sk: &String| *sk < prefix;
    let is_high = |sk: &String| {
        (*sk > prefix && !sk.starts_with(&prefix)) || through.as_ref().is_some_and(|through| sk > through)
    };
    let after = match after {
        Some(sk) if is_low(&sk) && query.descending || is_high(&sk) && !query.descending => return Ok(None),
        after => after.filter(|sk| !is_low(sk) && !is_high(sk)),
    };
    Ok(Some(Part { pk, bounds, after, descending: query.descending, consistent: true }))
}

impl DynamoLedger {
    pub(super) async fn find(&self, query: &Query) -> Result<Page, LedgerError> {
        if query.limit == 0 || query.limit > PAGE_RECORDS_MAX {
            return Err(LedgerError::Bug(format!("a page of {} records, not 1 to {PAGE_RECORDS_MAX}", query.limit)));
        }
        let Some(mut part) = part(query)? else { return Ok(Page::default()) };
        let listing = Listing::of(query.index);
        if let Some(listing) = listing {
            self.settle_spills(listing, &query.pk).await?;
        }
        // One more than is asked for says whether there are more.
        let wanted = query.limit + 1;
        let mut found: Vec<(String, Record)> = Vec::new();
        loop {
            let (items, more) = self.table.page(&part, wanted - found.len()).await?;
            part.after = items.last().map(|last| text_of(last, SK).map(str::to_owned)).transpose()?;
            match listing {
                None => {
                    for item in &items {
                        found.push((text_of(item, SK)?.to_owned(), item::record(item)?));
                    }
                }
                Some(listing) => found.extend(self.records_of(listing, query, &items).await?),
            }
            if found.len() >= wanted || !more || part.after.is_none() {
                break;
            }
        }
        let more = found.len() > query.limit;
        found.truncate(query.limit);
        let next = found.last().filter(|_| more).map(|(sk, _)| Cursor::of(query, sk));
        Ok(Page { records: found.into_iter().map(|(_, record)| record).collect(), next })
    }

    /// The records of entries, in their order, without those that have moved or expired meanwhile.
    async fn records_of(
        &self,
        index: Listing,
        query: &Query,
        entries: &[item::Item],
    ) -> Result<Vec<(String, Record)>, LedgerError> {
        let of: Vec<(String, Key)> = entries
            .iter()
            .map(|entry| Ok((text_of(entry, SK)?.to_owned(), places::of(entry)?)))
            .collect::<Result<_, LedgerError>>()?;
        let keys: Vec<Key> = of.iter().map(|(_, key)| keys::record(key)).collect();
        let items = self.table.get_all(&keys).await?;
        let mut found = Vec::with_capacity(of.len());
        for (sk, key) in of {
            let Some(item) = items.get(&keys::record(&key)) else { continue };
            let record = item::record(item)?;
            let at = match index {
                Listing::List => record.list.clone(),
                Listing::Due => record.due.clone(),
            };
            let place = at.map(|at| Place { index, pk: at.pk, sk: at.sk, key });
            if place.is_some_and(|place| place.pk == query.pk && place.entry().sk == sk) {
                found.push((sk, record));
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use marvain_hub::port::Index;
    use proptest::prelude::*;

    fn query(index: Index, prefix: &str, through: Option<&str>, descending: bool) -> Query {
        let (pk, prefix, through) = ("p".to_owned(), prefix.to_owned(), through.map(str::to_owned));
        Query { index, pk, prefix, through, descending, limit: 1, after: None }
    }

    /// What DynamoDB would take from sorted keys.
    fn taken<'a>(part: Option<&Part>, keys: &[&'a str]) -> Vec<&'a str> {
        let Some(part) = part else { return vec![] };
        let within = |sk: &str| match &part.bounds {
            Bounds::All => true,
            Bounds::Prefix(prefix) => sk.starts_with(prefix),
            Bounds::Through(through) => sk <= through.as_str(),
            Bounds::Between(from, to) => sk >= from.as_str() && sk <= to.as_str(),
        };
        assert!(
            part.after.as_ref().is_none_or(|after| within(after)),
            "DynamoDB refuses a start outside of the bounds"
        );
        let behind = |sk: &str| {
            part.after
                .as_ref()
                .is_none_or(|after| if part.descending { sk < after.as_str() } else { sk > after.as_str() })
        };
        keys.iter().copied().filter(|sk| within(sk) && behind(sk)).collect()
    }

    proptest! {
        #[test]
        fn bounds_and_cursors_select_what_they_say(
            keys in prop::collection::btree_set("[a-c]{1,3}", 0..12),
            prefix in "[a-c]{0,2}",
            through in prop::option::of("[a-d]{0,3}"),
            after in prop::option::of("[a-c]{1,3}"),
            descending: bool,
        ) {
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            let mut query = query(Index::Primary, &prefix, through.as_deref(), descending);
            query.after = after.as_ref().map(|after| Cursor::of(&query, after));
            let expected: Vec<&str> = keys
                .iter()
                .copied()
                .filter(|sk| sk.starts_with(&prefix))
                .filter(|sk| through.as_ref().is_none_or(|through| *sk <= through.as_str()))
                .filter(|sk| after.as_ref().is_none_or(|after| if descending { *sk < after.as_str() } else { *sk > after.as_str() }))
                .collect();
            prop_assert_eq!(taken(part(&query).unwrap().as_ref(), &keys), expected);
        }
    }

    #[test]
    fn a_bound_of_an_index_takes_all_entries_of_the_last_key() {
        let entry = |sk: &str| {
            let key = Key { pk: "z".into(), sk: "z".into() };
            Place { index: Listing::Due, pk: "p".into(), sk: sk.into(), key }.entry().sk
        };
        let keys = ["", "a", "a\u{1}", "aa", "b"].map(entry);
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        assert!(keys.is_sorted());
        for (through, expected) in [("", 1), ("a", 2), ("a\u{1}", 3), ("az", 4), ("b", 5)] {
            let part = part(&query(Index::Due, "", Some(through), false)).unwrap();
            assert_eq!(taken(part.as_ref(), &keys), keys[..expected], "through `{through}`");
        }
    }
}
