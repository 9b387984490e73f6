//! Appending: batches do not matter, crashes do not matter, and the bytes are those of the C2SP formats.

use super::super::append::PLAN_DRAFTS_MAX;
use super::super::layout::Key;
use super::super::recover::{RecoverError, checkpoint_at};
use super::super::tree::Tree;
use super::super::{Entry, tail_from};
use super::*;
use proptest::prelude::*;

/// RFC 6962 §2.1 as it is written there.
fn root_by_definition(leaves: &[Hash]) -> Hash {
    match leaves.len() {
        0 => Hash::EMPTY_ROOT,
        1 => leaves[0],
        n => {
            let (left, right) = leaves.split_at(n.next_power_of_two() / 2);
            Hash::of_node(root_by_definition(left), root_by_definition(right))
        }
    }
}

#[test]
fn the_tree_is_that_of_rfc_6962() {
    let leaves: Vec<_> = (0..700_u32).map(|n| Hash::of_leaf(&n.to_be_bytes())).collect();
    let mut tree = Tree::EMPTY;
    for (n, leaf) in leaves.iter().enumerate() {
        if n < 20 || n % 37 == 0 || (255..258).contains(&n) {
            assert_eq!(tree.root(), root_by_definition(&leaves[..n]), "{n}");
        }
        tree.push(*leaf).unwrap();
    }
    assert_eq!(tree.root(), root_by_definition(&leaves));
    let closed: Vec<_> = tree.take_closed().into_iter().map(|(tile, _)| Key::Tile(tile).to_string()).collect();
    assert_eq!(closed, ["tile/0/000", "tile/0/001"]);
    assert!(tree.take_closed().is_empty());
    let open: Vec<_> = tree.open().map(|(tile, _)| Key::Tile(tile).to_string()).collect();
    assert_eq!(open, ["tile/0/002.p/188", "tile/1/000.p/2"]);
}

#[test]
fn a_third_level_of_tiles_closes_and_opens_where_it_should() {
    let mut tree = Tree::EMPTY;
    let (mut keys, mut first_level) = (Vec::new(), Vec::new());
    for n in 0..65_537_u32 {
        tree.push(Hash::of_leaf(&n.to_be_bytes())).unwrap();
        for (tile, hashes) in tree.take_closed() {
            let key = Key::Tile(tile).to_string();
            if key.starts_with("tile/1/") {
                first_level = hashes;
                keys.push(key);
            }
        }
    }
    let open: Vec<_> = tree.open().map(|(tile, hashes)| (Key::Tile(tile).to_string(), hashes.to_vec())).collect();
    assert_eq!(keys, ["tile/1/000"]);
    assert_eq!(open.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(), ["tile/0/256.p/1", "tile/2/000.p/1"]);
    assert_eq!(open[1].1, [root_by_definition(&first_level)]);
    assert_eq!(Tree::from_open(65_537, vec![open[0].1.clone(), Vec::new(), open[1].1.clone()]).unwrap(), tree);
}

#[test]
fn objects_come_in_the_order_in_which_they_must_be_written() {
    let plan = plan(&Tail::EMPTY, &(0..257).map(draft).collect::<Vec<_>>());
    let keys: Vec<_> = plan.objects.iter().map(|(key, _)| key.as_str()).collect();
    let expected = [
        "key",
        "tile/entries/000",
        "tile/entries/001.p/1",
        "tile/0/000",
        "tile/0/001.p/1",
        "tile/1/000.p/1",
        "checkpoint/00000000000000000257",
    ];
    assert_eq!(keys, expected);
    let next = super::plan(&plan.tail, &[draft(257)]);
    let keys: Vec<_> = next.objects.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, ["tile/entries/001.p/2", "tile/0/001.p/2", "checkpoint/00000000000000000258"]);
}

#[test]
fn entries_are_chained_and_their_bytes_are_stable() {
    let plan = plan(&Tail::EMPTY, &[draft(0), draft(1)]);
    let first = plan.entries[0].to_canonical().unwrap();
    insta::assert_snapshot!(String::from_utf8_lossy(&first), @r#"{"actor":"satellite:kitchen","data":{"n":0,"reading":0,"text":"grüße\n"},"kind":"event.recorded","on_behalf_of":["person:anna"],"prev":"0000000000000000000000000000000000000000000000000000000000000000","seq":0,"time":"2026-11-22T09:39:11.250Z","v":1}"#);
    assert_eq!(plan.entries[1].prev, Hash::of_leaf(&first));
    assert_eq!(Entry::parse(&first).unwrap(), plan.entries[0]);
    insta::assert_snapshot!(String::from_utf8_lossy(&plan.objects.last().unwrap().1), @"
    marvain.local/test
    2
    Fbu+TEjpDSjr5eFvHgJPQ8smmtHV7t7zlwPLal0ebNQ=

    — marvain.local/test St7FQpswWBwfoPaTZw5958Cok3A+TFBEJAT62ASMmK9g/zJ3xXp+ikg2F3hGTp8fxW+la6YKdc3ukjSintoptkEmKgY=
    ");
    insta::assert_snapshot!(verifier().as_str(), @"marvain.local/test+4adec542+AepKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs");
}

#[test]
fn a_tail_is_recovered_from_the_vault_and_from_json() {
    for sizes in [&[1][..], &[255], &[256], &[257], &[100, 300, 512], &[1, 2, 3, 600]] {
        let log = Log::of(sizes);
        let newest = log.checkpoint(*sizes.last().unwrap());
        let tail = tail_from(&log.vault, &newest).unwrap();
        assert_eq!(Some(&tail), log.tail.as_ref(), "{sizes:?}");
        let json = serde_json::to_string(&tail).unwrap();
        assert_eq!(serde_json::from_str::<Tail>(&json).unwrap(), tail);
        let damaged = json.replacen(&tail.last().to_string(), &Hash::EMPTY_ROOT.to_string(), 1);
        assert_eq!(serde_json::from_str::<Tail>(&damaged).is_err(), !tail.size().is_multiple_of(256));
    }
}

#[test]
fn a_damaged_log_is_not_continued() {
    let log = Log::of(&[100, 300]);
    let newest = log.checkpoint(300);
    for key in ["tile/entries/001.p/44", "tile/0/001.p/44", "tile/1/000.p/1"] {
        let mut damaged = log.vault.clone();
        damaged.0.get_mut(key).unwrap()[20] ^= 1;
        assert!(tail_from(&damaged, &newest).is_err(), "{key}");
        damaged.0.remove(key);
        assert!(matches!(tail_from(&damaged, &newest), Err(RecoverError::Missing(missing)) if missing == key));
    }
    let mut unsigned = log.vault.clone();
    unsigned.0.get_mut("checkpoint/00000000000000000300").unwrap()[25] ^= 1;
    assert!(matches!(checkpoint_at(&unsigned, &verifier(), 300), Err(RecoverError::Checkpoint { .. })));
}

#[test]
fn limits_are_kept() {
    let many = vec![draft(0); PLAN_DRAFTS_MAX + 1];
    let plan = |drafts| super::super::plan(&Tail::EMPTY, drafts, &verifier());
    assert!(plan(&many).is_err());
    assert!(plan(&many[1..]).is_ok());
    let nothing = plan(&[]).unwrap();
    assert_eq!((nothing.objects.len(), nothing.checkpoint, nothing.tail), (0, None, Tail::EMPTY));
}

#[test]
fn an_append_cut_short_anywhere_is_completed_by_the_next_whatever_was_added() {
    let mut log = Log::of(&[250]);
    let drafts: Vec<_> = (250..270).map(draft).collect();
    let first = plan(log.tail.as_ref().unwrap(), &drafts);
    for written in 0..=first.objects.len() {
        let mut vault = log.vault.clone();
        vault.0.extend(first.objects[..written].iter().cloned());
        let published = if written == first.objects.len() { 270 } else { 250 };
        let newest = checkpoint_at(&vault, &verifier(), published).unwrap();
        assert!(check(&vault, &[]).is_intact());
        let mut again = Log { tail: Some(tail_from(&vault, &newest).unwrap()), vault };
        again.grow(300, "event.recorded");
        let report = check(&again.vault, &[]);
        assert_eq!(shown(&report.findings), [""; 0], "{written} objects written");
        assert_eq!(report.size, 300);
    }
    log.grow(300, "event.recorded");
    assert_eq!(log.tail.unwrap().size(), 300);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn batches_do_not_matter(cuts in proptest::collection::btree_set(1_u64..700, 0..8), total in 1_u64..700) {
        let cuts: Vec<_> = cuts.into_iter().filter(|cut| *cut < total).chain([total]).collect();
        let (batched, at_once) = (Log::of(&cuts), Log::of(&[total]));
        for (key, bytes) in &at_once.vault.0 {
            prop_assert_eq!(batched.vault.0.get(key), Some(bytes));
        }
        prop_assert_eq!(&batched.tail, &at_once.tail);
        let report = check(&batched.vault, &[]);
        prop_assert_eq!((report.size, report.entries, report.checkpoints), (total, total, cuts.len() as u64));
        prop_assert_eq!(shown(&report.findings), Vec::<String>::new());
        prop_assert_eq!(report.root, at_once.tail.unwrap().root());
    }
}
