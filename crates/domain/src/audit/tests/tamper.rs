//! Every class of tampering is found and located.

use super::super::layout::Content;
use super::super::{Class, Entry, bundle};
use super::*;

const ENTRIES: Content = Content::Entries;
const LEAVES: Content = Content::Hashes { level: 0 };

/// 900 entries; bundles of 256, 256, 256 and 132.
fn log() -> Log {
    Log::of(&[10, 300, 700, 900])
}

/// The entries of a whole log as an attacker sees them: one list.
fn entries(vault: &Memory) -> Vec<Vec<u8>> {
    let of = |index| bundle::decode(&vault.0[&tile_key(ENTRIES, index, 900)]).entries.into_iter().map(<[u8]>::to_vec);
    (0..4).flat_map(|index| of(index).collect::<Vec<_>>()).collect()
}

fn encode(entries: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    entries.iter().for_each(|entry| assert!(bundle::push(&mut bytes, entry)));
    bytes
}

/// The log with one bundle changed, nothing else.
fn with_bundle(index: u64, change: impl FnOnce(&mut Vec<Vec<u8>>)) -> Memory {
    let mut vault = log().vault;
    let stored = vault.0.get_mut(&tile_key(ENTRIES, index, 900)).unwrap();
    let mut list = bundle::decode(stored).entries.into_iter().map(<[u8]>::to_vec).collect();
    change(&mut list);
    *stored = encode(&list);
    vault
}

/// The log with its list of entries changed and cut into bundles again.
fn with_entries(change: impl FnOnce(&mut Vec<Vec<u8>>)) -> Memory {
    let mut vault = log().vault;
    let mut list = entries(&vault);
    change(&mut list);
    for (index, chunk) in (0..4).zip(list.chunks(256)) {
        vault.0.insert(tile_key(ENTRIES, index, 900), encode(chunk));
    }
    vault
}

/// As [`with_entries`], with the leaf hashes recomputed too.
fn with_entries_and_leaves(change: impl FnOnce(&mut Vec<Vec<u8>>)) -> Memory {
    let mut vault = with_entries(change);
    for index in 0..4 {
        let decoded = bundle::decode(&vault.0[&tile_key(ENTRIES, index, 900)])
            .entries
            .into_iter()
            .map(Hash::of_leaf)
            .collect::<Vec<_>>();
        vault.0.insert(tile_key(LEAVES, index, 900), Hash::concat(&decoded));
    }
    vault
}

fn forged(entry: &[u8]) -> Vec<u8> {
    let mut entry = Entry::parse(entry).unwrap();
    entry.kind = "event.forged".into();
    entry.to_canonical().unwrap()
}

fn found(vault: &Memory) -> Vec<String> {
    shown(&check(vault, &[]).findings)
}

#[test]
fn an_untouched_log_is_intact() {
    let log = log();
    let mut progress = Vec::new();
    let trusted = [log.checkpoint(300), log.checkpoint(900), log.checkpoint(10)];
    let report = verify(&log.vault, &verifier(), &trusted, &mut |done, total| progress.push((done, total))).unwrap();
    assert_eq!((report.size, report.entries, report.checkpoints), (900, 900, 4));
    assert_eq!(shown(&report.findings), [""; 0]);
    assert_eq!(progress, [(256, 900), (512, 900), (768, 900), (900, 900)]);
    let nothing = check(&Memory::default(), &[]);
    assert!(nothing.is_intact() && nothing.size == 0 && nothing.root == Hash::EMPTY_ROOT);
}

#[test]
fn an_edited_entry_is_found() {
    let vault = with_bundle(1, |list| list[44] = forged(&list[44]));
    assert_eq!(found(&vault), ["Edited Some(300) tile/entries/001"]);
    let vault = with_bundle(1, |list| {
        list[44] = forged(&list[44]);
        list[60] = b"{}".to_vec();
    });
    assert_eq!(found(&vault), ["Edited Some(300) tile/entries/001", "Edited Some(316) tile/entries/001"]);
}

#[test]
fn an_edited_tile_is_told_from_an_edited_entry() {
    let mut vault = log().vault;
    vault.0.get_mut("tile/0/001").unwrap()[44 * 32] ^= 1;
    assert_eq!(found(&vault), ["Edited Some(300) tile/0/001"]);
    let mut vault = log().vault;
    vault.0.get_mut("tile/1/000.p/3").unwrap()[32] ^= 1;
    assert_eq!(found(&vault), ["Edited Some(256) tile/1/000.p/3"]);
    let mut vault = log().vault;
    vault.0.get_mut("tile/0/000.p/10").unwrap()[9 * 32 + 31] ^= 1;
    assert_eq!(found(&vault), ["Edited Some(9) tile/0/000.p/10"]);
}

#[test]
fn a_dropped_entry_is_found() {
    let from_bundle = with_bundle(1, |list| drop(list.remove(44)));
    assert_eq!(found(&from_bundle), ["Dropped Some(300) tile/entries/001"]);
    let from_end = with_bundle(1, |list| drop(list.pop()));
    assert_eq!(found(&from_end), ["Dropped Some(511) tile/entries/001"]);
    let closed_up = with_entries(|list| drop(list.remove(300)));
    assert_eq!(found(&closed_up), ["Dropped Some(300) tile/entries/001"]);
}

#[test]
fn an_inserted_entry_is_found() {
    let into_bundle = with_bundle(1, |list| list.insert(44, forged(&list[44])));
    assert_eq!(found(&into_bundle), ["Inserted Some(300) tile/entries/001"]);
    let at_end = with_bundle(3, |list| list.push(forged(&list[100])));
    assert_eq!(found(&at_end), ["Inserted Some(900) tile/entries/003.p/132"]);
    let moved_up = with_entries(|list| {
        list.insert(300, forged(&list[300]));
        list.pop();
    });
    assert_eq!(found(&moved_up), ["Inserted Some(300) tile/entries/001"]);
    let mut stray = log().vault;
    stray.0.insert("tile/entries/notes.txt".into(), Vec::new());
    assert_eq!(found(&stray), ["Inserted None tile/entries/notes.txt"]);
}

#[test]
fn swapped_entries_are_found() {
    assert_eq!(found(&with_bundle(1, |list| list.swap(44, 45))), ["Reordered Some(300) tile/entries/001"]);
    assert_eq!(found(&with_bundle(1, |list| list.swap(0, 255))), ["Reordered Some(256) tile/entries/001"]);
    let far = with_entries(|list| list.swap(300, 600));
    assert_eq!(found(&far), ["Reordered Some(300) tile/entries/001", "Reordered Some(600) tile/entries/002"]);
}

#[test]
fn a_truncated_log_is_found() {
    let mut vault = log().vault;
    vault.0.remove("tile/entries/003.p/132");
    assert_eq!(found(&vault), ["Truncated Some(768) tile/entries/003.p/132"]);
    vault.0.remove("tile/entries/002");
    assert_eq!(found(&vault), ["Truncated Some(700) tile/entries/002"]);
    assert_eq!(found(&with_bundle(3, |list| list.truncate(100)))[..], ["Truncated Some(868) tile/entries/003.p/132"]);
    let mut cut = log().vault;
    let bytes = cut.0.get_mut("tile/entries/003.p/132").unwrap();
    bytes.truncate(bytes.len() - 5);
    assert_eq!(found(&cut), ["Truncated Some(899) tile/entries/003.p/132"]);
}

#[test]
fn a_missing_object_is_found() {
    for (key, wanted) in [
        ("tile/entries/001", "Missing Some(256) tile/entries/001"),
        ("tile/0/001", "Missing Some(256) tile/0/001"),
        ("tile/1/000.p/3", "Missing Some(0) tile/1/000.p/3"),
        ("key", "Missing None key"),
    ] {
        let mut vault = log().vault;
        vault.0.remove(key).unwrap();
        assert_eq!(found(&vault), [wanted]);
    }
}

#[test]
fn who_recomputes_the_leaves_is_caught_by_links_numbers_and_checkpoints() {
    let has = |vault: &Memory, class: Class, seq| {
        let findings = check(vault, &[]).findings;
        let first = findings.iter().filter_map(|finding| finding.seq).min();
        assert!(findings.iter().any(|f| f.class == class && f.seq == Some(seq)), "{class:?} {seq}: {findings:?}");
        assert_eq!(first, Some(seq), "{findings:?}");
    };
    has(&with_entries_and_leaves(|list| list[300] = forged(&list[300])), Class::Edited, 300);
    has(&with_entries_and_leaves(|list| drop(list.remove(300))), Class::Dropped, 300);
    has(&with_entries_and_leaves(|list| list.swap(300, 301)), Class::Reordered, 300);
    has(&with_entries_and_leaves(|list| list[300] = b"{}".to_vec()), Class::Malformed, 300);
    let inserted = with_entries_and_leaves(|list| {
        list.insert(300, forged(&list[300]));
        list.pop();
    });
    has(&inserted, Class::Inserted, 300);
}

#[test]
fn who_recomputes_everything_is_caught_by_the_signature() {
    let mut forger = Log::of(&[10]);
    forger.grow(300, "event.forged");
    forger.grow(700, "event.recorded");
    forger.grow(900, "event.recorded");
    let honest = log().vault;
    for (key, bytes) in forger.vault.0.iter_mut().filter(|(key, _)| key.starts_with("checkpoint/")) {
        bytes.clone_from(&honest.0[key]);
    }
    let report = check(&forger.vault, &[]);
    let shown = shown(&report.findings);
    assert_eq!(shown, ["Edited Some(10) checkpoint/00000000000000000300"]);
    assert!(report.findings[0].detail.contains("at size 10 they were still right"), "{report:?}");
}

#[test]
fn a_checkpoint_of_another_key_is_found() {
    let mut vault = log().vault;
    let stranger = |size, root| sign(8, size, root);
    let root = log().checkpoint(700).root();
    vault.0.insert("checkpoint/00000000000000000700".into(), stranger(700, root));
    assert_eq!(found(&vault), ["BadSignature Some(300) checkpoint/00000000000000000700"]);
    vault.0.insert("checkpoint/00000000000000000900".into(), stranger(900, root));
    let both = found(&vault);
    assert!(both.contains(&"BadSignature Some(700) checkpoint/00000000000000000900".into()), "{both:?}");
    let mut renamed = log().vault;
    renamed
        .0
        .insert("checkpoint/00000000000000000700".into(), log().vault.0["checkpoint/00000000000000000300"].clone());
    assert_eq!(found(&renamed), ["Edited Some(300) checkpoint/00000000000000000700"]);
}

#[test]
fn a_rollback_is_found_with_a_trusted_checkpoint() {
    let earlier = Log::of(&[10, 300, 700]);
    assert!(check(&earlier.vault, &[]).is_intact());
    let report = check(&earlier.vault, &[log().checkpoint(900), log().checkpoint(300)]);
    assert_eq!(shown(&report.findings), ["RolledBack Some(700) -"]);
    assert!(!report.is_intact());
    let emptied = check(&Memory::default(), &[log().checkpoint(900)]);
    assert_eq!(shown(&emptied.findings), ["RolledBack Some(0) -"]);
    // Only the checkpoint is gone: what an append under way looks like too.
    let mut vault = log().vault;
    vault.0.remove("checkpoint/00000000000000000900");
    assert_eq!(found(&vault), ["Unpublished Some(700) -"]);
    assert!(!check(&vault, &[log().checkpoint(900)]).is_intact());
}

#[test]
fn a_fork_is_found_with_a_trusted_checkpoint_or_an_older_one_left() {
    let mut fork = Log::of(&[10, 300]);
    fork.grow(700, "event.forged");
    fork.grow(900, "event.recorded");
    assert!(check(&fork.vault, &[]).is_intact(), "an alternative history signed with the key is sound in itself");
    let honest = log();
    let trusted = [honest.checkpoint(300), honest.checkpoint(900)];
    let report = check(&fork.vault, &trusted);
    assert_eq!(shown(&report.findings), ["Forked Some(300) -"]);
    assert!(report.findings[0].detail.contains("at size 300 they were still right"), "{report:?}");

    let left = "checkpoint/00000000000000000700".to_owned();
    let mut vault = fork.vault.clone();
    vault.0.insert(left.clone(), honest.vault.0[&left].clone());
    assert_eq!(found(&vault), [format!("Forked Some(300) {left}")]);

    // Superseded partial tiles that were left say where exactly.
    let mut vault = fork.vault;
    vault.0.insert("tile/0/002.p/188".into(), honest.vault.0["tile/0/002.p/188"].clone());
    assert_eq!(found(&vault), ["Edited Some(512) tile/0/002.p/188"]);
}

#[test]
fn findings_are_bounded() {
    let vault = with_entries(|list| list.iter_mut().for_each(|entry| *entry = forged(entry)));
    let report = check(&vault, &[]);
    assert_eq!(report.findings.len(), super::super::verify::FINDINGS_MAX);
    assert!(report.findings_left_out >= 800);
    assert_eq!(report.findings[0].seq, Some(0));
}
