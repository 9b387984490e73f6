//! Many processes at once, through faults: nothing is lost, nothing done twice, versions are exact.

use super::{
    Table,
    faulty::{client, weather},
    full, key, listing, put,
};
use futures_util::future::join_all;
use marvain_hub::port::{AuditRow, Committed, Expect, Head, Index, Ledger, LedgerError};
use marvain_peers::Dynoxide;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

/// Processes, each with a ledger of its own.
const PROCESSES: usize = 4;
/// Deliveries; every one goes to two processes.
const DELIVERIES: usize = 60;
/// Records that they count in.
const COUNTERS: usize = 3;

/// One delivery: adds one to a counter, moves it to another place, as a use case does.
async fn deliver(ledger: &impl Ledger, delivery: usize) -> Committed {
    let sk = format!("counter {}", delivery % COUNTERS);
    loop {
        let old = ledger.get(&key(&sk)).await.unwrap();
        let (count, expect) = match &old {
            None => (0, Expect::Absent),
            Some(old) => (old.body.as_u64().unwrap(), Expect::Version(old.version)),
        };
        let counted = put(&sk, &format!("{:03}", count + 1), Some("same"), json!(count + 1), expect);
        let own = put(&format!("delivery {delivery}"), "z", None, json!(delivery), Expect::Any);
        match ledger.commit(full(&delivery.to_string(), vec![counted, own])).await {
            Ok(committed) => return committed,
            Err(LedgerError::Conflict { .. }) => {}
            Err(error) => panic!("delivery {delivery}: {error:?}"),
        }
    }
}

/// Sequences and seals some rows as a sealer does; several may try.
async fn seal(ledger: &impl Ledger, log: &Mutex<BTreeMap<u64, AuditRow>>) -> Result<(), LedgerError> {
    let size = ledger.head().await?.map_or(0, |head| head.size);
    let mut rows = ledger.unsealed(16).await?;
    let known = rows.iter().take_while(|row| row.seq.is_some()).count() as u64;
    let first = rows.first().and_then(|row| row.seq).unwrap_or(size) + known;
    let fresh: Vec<u64> = rows.iter().filter(|row| row.seq.is_none()).map(|row| row.row).collect();
    ledger.sequence(first, &fresh).await?;
    for (row, seq) in rows.iter_mut().filter(|row| row.seq.is_none()).zip(first..) {
        row.seq = Some(seq);
    }
    let Some(last) = rows.last().and_then(|row| row.seq) else { return Ok(()) };
    for row in rows {
        let seq = row.seq.unwrap();
        let before = log.lock().unwrap().insert(seq, row.clone());
        assert!(before.is_none_or(|before| before == row), "place {seq} was given twice");
    }
    ledger.seal(&Head { size: last + 1, checkpoint: format!("{}", last + 1) }).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_and_nothing_done_twice() {
    let server = Dynoxide::start().await;
    for seed in [11, 12] {
        let (client, _) = client(&server.url(), weather(seed, 3));
        let table = Table::new(&server.url(), client).await;
        let ledgers: Vec<_> = (0..PROCESSES).map(|_| Arc::new(table.ledger())).collect();
        let is_over = AtomicBool::new(false);
        let (log, sent) = (Mutex::new(BTreeMap::new()), Mutex::new(BTreeMap::<String, usize>::new()));

        let deliveries = async {
            let pairs = (0..DELIVERIES).map(|delivery| {
                let (one, other) = (ledgers[delivery % PROCESSES].clone(), ledgers[(delivery + 1) % PROCESSES].clone());
                async move { [deliver(&*one, delivery).await, deliver(&*other, delivery).await] }
            });
            let mut results = Vec::new();
            let pairs: Vec<_> = pairs.collect();
            let mut pairs = pairs.into_iter();
            loop {
                let some: Vec<_> = pairs.by_ref().take(12).collect();
                if some.is_empty() {
                    break;
                }
                results.extend(join_all(some).await);
            }
            is_over.store(true, Ordering::Relaxed);
            results
        };
        let sealers = join_all(ledgers[..2].iter().map(async |ledger| {
            while !is_over.load(Ordering::Relaxed) {
                match seal(&**ledger, &log).await {
                    Ok(()) | Err(LedgerError::Conflict { .. }) => {}
                    Err(error) => panic!("{error:?}"),
                }
            }
        }));
        let sender = async {
            while !is_over.load(Ordering::Relaxed) || !ledgers[3].outbox(1).await.unwrap().is_empty() {
                let waiting = ledgers[3].outbox(7).await.unwrap();
                for outgoing in &waiting {
                    *sent.lock().unwrap().entry(outgoing.id.to_string()).or_default() += 1;
                }
                let ids: Vec<_> = waiting.into_iter().map(|outgoing| outgoing.id).collect();
                ledgers[3].sent(&ids).await.unwrap();
            }
        };
        let (results, _, ()) = futures_util::join!(deliveries, sealers, sender);
        while !ledgers[0].unsealed(1).await.unwrap().is_empty() {
            seal(&*ledgers[0], &log).await.unwrap();
        }

        let ledger = &ledgers[0];
        for (delivery, pair) in results.into_iter().enumerate() {
            assert_eq!(pair, [Committed::Applied, Committed::Repeated], "delivery {delivery}, seed {seed}");
        }
        for counter in 0..COUNTERS {
            let record = ledger.get(&key(&format!("counter {counter}"))).await.unwrap().unwrap();
            let count = (DELIVERIES / COUNTERS) as u64;
            assert_eq!((record.version, record.body), (count, json!(count)), "seed {seed}");
        }
        assert_eq!(sent.lock().unwrap().len(), DELIVERIES, "every effect went out");
        let listed = ledger.query(&listing(Index::List, "list")).await.unwrap().records.len();
        assert_eq!(listed, COUNTERS + DELIVERIES);
        assert_eq!(table.keys("list#").await.len(), listed, "an entry for each record and no other");
        assert_eq!(table.keys("due#").await.len(), COUNTERS);
        for prefix in ["audit", "outbox", "spill#"] {
            assert_eq!(table.keys(prefix).await, [], "{prefix}");
        }

        let log = log.into_inner().unwrap();
        assert!(log.keys().copied().eq(0..2 * DELIVERIES as u64), "no gap in the log, seed {seed}");
        let about = |row: &AuditRow| (row.draft.data["about"].clone(), row.draft.data["part"].clone());
        let rows: Vec<(Value, Value)> = log.values().map(about).collect();
        assert!(rows.chunks(2).all(|pair| pair[0].0 == pair[1].0 && pair[0].1 == json!(0) && pair[1].1 == json!(1)));
        let distinct: BTreeSet<String> = rows.iter().map(|(about, _)| about.to_string()).collect();
        assert_eq!(distinct.len(), DELIVERIES, "each delivery is in the log once");
    }
}

#[tokio::test]
async fn rows_grow_from_one_acknowledged_commit_to_the_next_whoever_makes_them() {
    let server = Dynoxide::start().await;
    let table = Table::plain(&server.url()).await;
    let ledgers = [table.ledger(), table.ledger()];
    for n in 0..20 {
        ledgers[n % 2].commit(full(&n.to_string(), vec![])).await.unwrap();
    }
    let rows = ledgers[0].unsealed(100).await.unwrap();
    let about: Vec<String> = rows.iter().map(|row| row.draft.data["about"].as_str().unwrap().to_owned()).collect();
    let expected: Vec<String> = (0..40).map(|n| (n / 2).to_string()).collect();
    assert_eq!(about, expected);
    let backlog = ledgers[1].backlog(30).await.unwrap();
    assert_eq!((backlog.effects, backlog.audit_rows), (20, 30), "counted up to what is asked");
}
