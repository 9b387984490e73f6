//! Many at once: conditions order them, and nothing is lost.

use super::{Storage, commit, draft, effect, full, key, put};
use crate::port::{Commit, Committed, Expect, Ledger, LedgerError};
use futures_util::future::join_all;
use serde_json::json;

const WRITERS: usize = 16;
const ROUNDS: u64 = 8;

pub(super) async fn one_writer_wins_each_version(ledger: &impl Ledger) {
    let contested = key("p", "contested");
    for round in 0..ROUNDS {
        let expect = if round == 0 { Expect::Absent } else { Expect::Version(round) };
        let tries = (0..WRITERS).map(|writer| {
            let name = format!("round {round} writer {writer}");
            ledger.commit(full(&name, put(&contested, json!(name), expect)))
        });
        let results = join_all(tries).await;
        let won = results.iter().filter(|result| matches!(result, Ok(Committed::Applied))).count();
        let lost = results.iter().filter(|result| matches!(result, Err(LedgerError::Conflict { .. }))).count();
        assert_eq!((won, lost), (1, WRITERS - 1), "round {round}: {results:?}");
        let winner = results.iter().position(Result::is_ok).unwrap();
        let record = ledger.get(&contested).await.unwrap().unwrap();
        assert_eq!((record.version, record.body), (round + 1, json!(format!("round {round} writer {winner}"))));
    }
    assert_eq!(ledger.outbox(1000).await.unwrap().len() as u64, ROUNDS, "losers leave no effect");
    assert_eq!(ledger.unsealed(1000).await.unwrap().len() as u64, ROUNDS, "losers leave no audit row");
}

pub(super) async fn distinct_commits_all_land<S: Storage<Adapter: Ledger>>(storage: &S) {
    const COMMITS: usize = 200;
    let ledger = storage.open().await;
    let all = (0..COMMITS).map(|n| {
        let name = format!("commit {n}");
        ledger.commit(Commit {
            effects: vec![effect(&name), effect("second")],
            audit: vec![draft(&name), draft("second")],
            ..commit(&name, vec![put(&key("p", &name), json!(n), Expect::Absent)])
        })
    });
    for result in join_all(all).await {
        assert_eq!(result.unwrap(), Committed::Applied);
    }
    drop(ledger);

    let ledger = storage.open().await;
    for n in 0..COMMITS {
        assert_eq!(ledger.get(&key("p", &format!("commit {n}"))).await.unwrap().unwrap().body, json!(n));
    }
    assert_eq!(ledger.outbox(1000).await.unwrap().len(), 2 * COMMITS);
    let rows = ledger.unsealed(1000).await.unwrap();
    assert_eq!(rows.len(), 2 * COMMITS);
    for pair in rows.chunks(2) {
        assert_eq!(pair[1].draft, draft("second"), "the rows of one commit stay together and in order");
    }
}

pub(super) async fn one_commit_many_times_at_once_is_applied_once(ledger: &impl Ledger) {
    let counted = key("p", "counted");
    let same = || ledger.commit(full("same", put(&counted, json!(0), Expect::Any)));
    let results = join_all((0..WRITERS).map(|_| same())).await;
    let count = |what| results.iter().filter(|result| matches!(result, Ok(committed) if *committed == what)).count();
    assert_eq!((count(Committed::Applied), count(Committed::Repeated)), (1, WRITERS - 1), "{results:?}");
    assert_eq!(super::version(ledger, &counted).await, Some(1));
    assert_eq!(ledger.outbox(10).await.unwrap().len(), 1);
    assert_eq!(ledger.unsealed(10).await.unwrap().len(), 1);
}
