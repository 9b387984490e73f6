//! The writer: what shares a transaction shares no fate, and what it does when it has to rest or to end.

use super::{Schema, Store, StoreError, read::READERS_MAX};
use futures_util::{FutureExt, future::join_all};
use parking_lot::Mutex;
use std::{
    sync::{Arc, mpsc},
    time::Duration,
};

const SCHEMA: Schema = Schema { migrations: &["CREATE TABLE t (n INTEGER PRIMARY KEY)"], at_open: "" };

async fn insert(store: &Store, n: i64) -> Result<usize, StoreError> {
    store.write(move |connection| Ok(connection.execute("INSERT INTO t (n) VALUES (?)", [n])?)).await
}

async fn numbers(store: &Store) -> Vec<i64> {
    let read = store.read(|connection| {
        let mut select = connection.prepare("SELECT n FROM t ORDER BY n")?;
        let rows: Result<Vec<i64>, _> = select.query_map([], |row| row.get(0))?.collect();
        Ok::<_, StoreError>(rows?)
    });
    read.await.unwrap()
}

#[tokio::test]
async fn a_write_that_fails_takes_nothing_with_it() {
    let store = Store::open_in_memory(SCHEMA).unwrap();
    // While the writer rests all of these pile up, so that they share a transaction.
    let held = store.hold().await.unwrap();
    let writes = join_all([1, 2, 2, 3].map(|n| insert(&store, n)));
    let (results, ()) = tokio::join!(writes, async { drop(held) });
    assert_eq!(results.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, true, false, true]);
    assert_eq!(numbers(&store).await, [1, 2, 3]);
}

#[tokio::test]
async fn what_a_failing_write_did_before_it_failed_is_undone() {
    let store = Store::open_in_memory(SCHEMA).unwrap();
    let half = store.write(|connection| {
        connection.execute("INSERT INTO t (n) VALUES (1)", [])?;
        Err::<(), StoreError>(StoreError::Closed)
    });
    assert!(half.await.is_err());
    assert!(numbers(&store).await.is_empty());
}

#[tokio::test]
async fn a_write_that_ends_the_transaction_undoes_its_neighbours_and_says_so() {
    let store = Store::open_in_memory(SCHEMA).unwrap();
    let held = store.hold().await.unwrap();
    let rolls_back = store.write(|connection| Ok::<_, StoreError>(connection.execute_batch("ROLLBACK")?));
    let (before, all, after, ()) = tokio::join!(insert(&store, 1), rolls_back, insert(&store, 2), async { drop(held) });
    assert!(matches!((before, all, after), (Err(StoreError::Undone), Err(_), Err(StoreError::Undone))));
    assert!(numbers(&store).await.is_empty());
    insert(&store, 3).await.unwrap();
    assert_eq!(numbers(&store).await, [3]);
}

#[tokio::test]
async fn what_follows_a_write_happens_in_the_order_of_the_writes() {
    let store = Store::open_in_memory(SCHEMA).unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let writes = (0..100).map(|n| {
        let seen = Arc::clone(&seen);
        let work = move |connection: &rusqlite::Connection| {
            connection.execute("INSERT INTO t (n) VALUES (?)", [n])?;
            Ok::<i64, StoreError>(n)
        };
        store.write_then(work, move |n| seen.lock().push(*n))
    });
    for (expected, result) in join_all(writes).await.into_iter().enumerate() {
        assert_eq!(result.unwrap(), expected as i64);
    }
    assert_eq!(*seen.lock(), (0..100).collect::<Vec<_>>());
}

#[tokio::test]
async fn nothing_is_written_while_it_is_held() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&directory.path().join("t.db"), SCHEMA).unwrap();
    let held = store.hold().await.unwrap();
    let write = insert(&store, 1);
    tokio::pin!(write);
    assert!(tokio::time::timeout(Duration::from_millis(50), &mut write).await.is_err());
    assert!(numbers(&store).await.is_empty(), "reading goes on");
    drop(held);
    write.await.unwrap();
    assert_eq!(numbers(&store).await, [1]);
}

#[tokio::test]
async fn a_read_that_nobody_waits_for_still_counts() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&directory.path().join("t.db"), SCHEMA).unwrap();
    let (end, ended) = mpsc::channel::<()>();
    let ended = Arc::new(Mutex::new(ended));
    for _ in 0..READERS_MAX {
        let (begin, begun) = tokio::sync::oneshot::channel();
        let ended = Arc::clone(&ended);
        let read = store.read(move |_| {
            begin.send(()).unwrap();
            // An error is the test's end.
            ended.lock().recv().unwrap_or_default();
            Ok::<_, StoreError>(())
        });
        tokio::select! {
            _ = read => unreachable!("it is not let end"),
            begun = begun => begun.unwrap(),
        }
    }
    let further = numbers(&store);
    tokio::pin!(further);
    assert!(tokio::time::timeout(Duration::from_millis(50), &mut further).await.is_err());
    end.send(()).unwrap();
    assert!(further.await.is_empty());
}

#[tokio::test]
async fn what_was_handed_in_is_written_before_it_closes() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("t.db");
    let store = Store::open(&path, SCHEMA).unwrap();
    for n in 0..10 {
        // Nobody waits for the outcome.
        drop(insert(&store, n).now_or_never());
    }
    drop(store);
    let store = Store::open(&path, SCHEMA).unwrap();
    assert_eq!(numbers(&store).await, (0..10).collect::<Vec<_>>());
}
