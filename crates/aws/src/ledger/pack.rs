//! Many short texts in one item, each an attribute with its number: a transaction pays for items, and has room for 100.

use super::item::{ITEM_BYTES_MAX, Item, text};
use aws_sdk_dynamodb::types::AttributeValue;
use std::collections::BTreeMap;

/// Bytes of texts in one item; what else is in it needs less than the rest.
const PACK_BYTES_MAX: usize = ITEM_BYTES_MAX - 16 * 1024;
/// Bytes that a text takes besides itself.
const NAME_BYTES: usize = 8;

/// Name of the attribute of text `number`.
pub(super) fn name(number: u64) -> String {
    format!("p{number}")
}

/// Numbers of texts, parted so that each part fits into an item of at most `most` texts. A text that does not fit into any is
/// alone, and found too long where items are checked.
pub(super) fn split(texts: &[String], most: usize) -> Vec<&[String]> {
    let mut packs = Vec::new();
    let mut rest = texts;
    while !rest.is_empty() {
        let mut bytes = 0_usize;
        let fit = rest.iter().take(most).take_while(|text| {
            bytes = bytes.saturating_add(text.len() + NAME_BYTES);
            bytes <= PACK_BYTES_MAX
        });
        let (pack, others) = rest.split_at(fit.count().max(1));
        packs.push(pack);
        rest = others;
    }
    packs
}

/// Puts texts into an item, numbered from `first`.
pub(super) fn fill(item: &mut Item, texts: &[String], first: u64) {
    item.extend((first..).zip(texts).map(|(number, of)| (name(number), text(of.clone()))));
}

/// The texts in an item, by their numbers.
pub(super) fn texts(item: &Item) -> BTreeMap<u64, &str> {
    fn numbered<'a>((name, value): (&'a String, &'a AttributeValue)) -> Option<(u64, &'a str)> {
        let number: u64 = name.strip_prefix('p')?.parse().ok()?;
        Some((number, value.as_s().ok()?.as_str()))
    }
    item.iter().filter_map(numbered).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packs_hold_all_texts_in_order_and_not_too_much() {
        let long = "x".repeat(PACK_BYTES_MAX / 2);
        let cases: [(Vec<String>, usize, &[usize]); 5] = [
            (vec![], 10, &[]),
            (vec!["a".into(), "b".into()], 10, &[2]),
            (vec!["a".into(), "b".into(), "c".into()], 2, &[2, 1]),
            (vec![long.clone(), long.clone(), "b".into(), long.clone()], 10, &[1, 2, 1]),
            (vec!["a".into(), "x".repeat(2 * ITEM_BYTES_MAX), "b".into()], 10, &[1, 1, 1]),
        ];
        for (texts, most, expected) in cases {
            let packs = split(&texts, most);
            assert_eq!(packs.iter().map(|pack| pack.len()).collect::<Vec<_>>(), expected);
            assert_eq!(packs.concat(), texts);
        }
    }

    #[test]
    fn texts_come_back_with_their_numbers() {
        let mut item = Item::from([("pk".to_owned(), text("p1")), ("place".to_owned(), text("no"))]);
        fill(&mut item, &["ninth".to_owned(), "tenth".to_owned(), "".to_owned()], 9);
        assert_eq!(texts(&item), BTreeMap::from([(9, "ninth"), (10, "tenth"), (11, "")]));
    }
}
