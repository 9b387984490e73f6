//! Audit rows: committed, given a place, sealed; and the head, which never goes back.

use super::{Storage, commit, draft};
use crate::port::{AuditRow, Commit, Head, Ledger, LedgerError};

fn audit(name: &str, drafts: &[&str]) -> Commit {
    Commit { audit: drafts.iter().map(|name| draft(name)).collect(), ..commit(name, vec![]) }
}

fn head(size: u64) -> Head {
    Head { size, checkpoint: format!("hub\n{size}\nroot=\n\n— hub signature\n") }
}

fn about(rows: &[AuditRow]) -> Vec<&str> {
    rows.iter().map(|row| row.draft.data["about"].as_str().unwrap()).collect()
}

fn places(rows: &[AuditRow]) -> Vec<Option<u64>> {
    rows.iter().map(|row| row.seq).collect()
}

fn is_conflict(result: Result<(), LedgerError>) -> bool {
    matches!(result, Err(LedgerError::Conflict { .. }))
}

pub(super) async fn rows_go_from_commit_to_seal<S: Storage<Adapter: Ledger>>(storage: &S) {
    let ledger = storage.open().await;
    assert_eq!(ledger.unsealed(10).await.unwrap(), []);
    assert_eq!(ledger.head().await.unwrap(), None);
    ledger.commit(audit("1", &["a", "b"])).await.unwrap();
    ledger.commit(audit("2", &["c"])).await.unwrap();
    ledger.commit(audit("3", &["d", "e"])).await.unwrap();
    drop(ledger);

    let ledger = storage.open().await;
    let rows = ledger.unsealed(10).await.unwrap();
    assert_eq!(about(&rows), ["a", "b", "c", "d", "e"]);
    assert_eq!(rows[0].draft, draft("a"));
    assert_eq!(places(&rows), [None; 5]);
    assert!(rows.is_sorted_by(|earlier, later| earlier.row < later.row), "row ids grow in the order of commits");
    assert_eq!(ledger.unsealed(2).await.unwrap(), rows[..2]);
    assert_eq!(ledger.unsealed_last(2).await.unwrap(), rows[3..]);

    ledger.sequence(0, &[rows[0].row, rows[1].row, rows[2].row]).await.unwrap();
    // A crash between sequencing and sealing: the places stand.
    drop(ledger);
    let ledger = storage.open().await;
    let rows = ledger.unsealed(10).await.unwrap();
    assert_eq!(places(&rows), [Some(0), Some(1), Some(2), None, None]);
    assert_eq!(about(&ledger.unsealed(4).await.unwrap()), ["a", "b", "c", "d"]);
    for (limit, last) in [(1, &rows[4..]), (4, &rows[1..]), (10, &rows[..])] {
        assert_eq!(ledger.unsealed_last(limit).await.unwrap(), last);
    }

    ledger.seal(&head(2)).await.unwrap();
    assert_eq!(about(&ledger.unsealed(10).await.unwrap()), ["c", "d", "e"]);
    assert_eq!(ledger.head().await.unwrap(), Some(head(2)));
    ledger.seal(&head(3)).await.unwrap();
    ledger.seal(&head(3)).await.unwrap();
    drop(ledger);

    let ledger = storage.open().await;
    assert_eq!(about(&ledger.unsealed(10).await.unwrap()), ["d", "e"]);
    assert_eq!(ledger.head().await.unwrap(), Some(head(3)));
    // Row ids go on, though the earlier rows are gone.
    ledger.commit(audit("4", &["f"])).await.unwrap();
    let rows = ledger.unsealed(10).await.unwrap();
    assert_eq!(about(&rows), ["d", "e", "f"]);
    ledger.sequence(3, &[rows[0].row, rows[1].row, rows[2].row]).await.unwrap();
    ledger.seal(&head(6)).await.unwrap();
    assert_eq!(ledger.unsealed(10).await.unwrap(), []);
    ledger.commit(audit("5", &["g"])).await.unwrap();
    let last = ledger.unsealed(10).await.unwrap()[0].row;
    assert!(last > rows[2].row, "a row id is never given again");
}

pub(super) async fn places_are_given_once_and_without_gap(ledger: &impl Ledger) {
    ledger.commit(audit("1", &["a", "b", "c", "d"])).await.unwrap();
    let rows: Vec<u64> = ledger.unsealed(10).await.unwrap().iter().map(|row| row.row).collect();
    assert!(is_conflict(ledger.sequence(1, &rows[..1]).await), "the first place is 0");
    // The order in the log is the one that is asked for.
    ledger.sequence(0, &[rows[1], rows[0]]).await.unwrap();
    assert_eq!(about(&ledger.unsealed(10).await.unwrap()), ["b", "a", "c", "d"]);
    for (why, first, which) in [
        ("0 is taken", 0, &rows[2..3]),
        ("1 is taken", 1, &rows[2..3]),
        ("2 is next, not 3", 3, &rows[2..3]),
        ("a row has one place", 2, &rows[1..3]),
    ] {
        assert!(is_conflict(ledger.sequence(first, which).await), "{why}");
    }
    assert_eq!(
        places(&ledger.unsealed(10).await.unwrap()),
        [Some(0), Some(1), None, None],
        "a conflict changes nothing"
    );
    ledger.seal(&head(2)).await.unwrap();
    assert!(is_conflict(ledger.sequence(0, &rows[2..3]).await), "the log does not begin anew after a seal");
    ledger.sequence(2, &rows[2..]).await.unwrap();
    assert_eq!(places(&ledger.unsealed(10).await.unwrap()), [Some(2), Some(3)]);
}

pub(super) async fn the_head_never_goes_back(ledger: &impl Ledger) {
    ledger.commit(audit("1", &["a", "b"])).await.unwrap();
    let rows: Vec<u64> = ledger.unsealed(10).await.unwrap().iter().map(|row| row.row).collect();
    ledger.sequence(0, &rows).await.unwrap();
    ledger.seal(&head(2)).await.unwrap();
    assert!(is_conflict(ledger.seal(&head(1)).await));
    assert_eq!(ledger.head().await.unwrap(), Some(head(2)));
    // A head from elsewhere (a vault that is ahead) moves the next place.
    ledger.seal(&head(10)).await.unwrap();
    ledger.commit(audit("2", &["c"])).await.unwrap();
    let row = ledger.unsealed(10).await.unwrap()[0].row;
    assert!(is_conflict(ledger.sequence(2, &[row]).await));
    ledger.sequence(10, &[row]).await.unwrap();
}
