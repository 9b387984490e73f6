//! Group commit under failures: what is reported is what is durable. Databases of earlier versions.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use tempfile::TempDir;

use super::read::READS_AT_ONCE_MAX;
use super::{Store, StoreError, Tx, Waiver, open};

pub(super) async fn opened(directory: &TempDir) -> Store {
    open(directory.path()).await.unwrap()
}

fn insert(topic: &'static str, bytes: usize) -> impl FnOnce(&mut Tx<'_>) -> Result<(), StoreError> + Send {
    move |tx| {
        let sql = "INSERT INTO retained (topic, payload, qos, updated_ms) VALUES (?1, zeroblob(?2), 0, 0)";
        tx.connection.execute(sql, rusqlite::params![topic, bytes as i64])?;
        Ok(())
    }
}

async fn topics(store: &Store) -> Vec<String> {
    store
        .read(|connection| {
            let mut select = connection.prepare("SELECT topic FROM retained ORDER BY topic")?;
            let topics = select.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
            Ok::<_, StoreError>(topics)
        })
        .await
        .unwrap()
}

#[tokio::test]
async fn a_failing_job_is_undone_alone() {
    let directory = TempDir::new().unwrap();
    let store = opened(&directory).await;
    let first = store.submit(insert("first", 1)).await.unwrap();
    let failing = |tx: &mut Tx<'_>| {
        insert("undone", 1)(tx)?;
        tx.after_commit(|| panic!("an effect of what was undone"));
        Err::<(), _>(StoreError::Value("no".into()))
    };
    let failing = store.submit(failing).await.unwrap();
    let last = store.submit(insert("last", 1)).await.unwrap();
    first.durable().await.unwrap();
    assert!(failing.durable().await.is_err());
    last.durable().await.unwrap();
    assert_eq!(topics(&store).await, ["first", "last"]);
}

#[tokio::test]
async fn a_full_disk_fails_the_job_and_not_what_was_committed() {
    let directory = TempDir::new().unwrap();
    let store = opened(&directory).await;
    store.write(insert("before", 1)).await.unwrap();
    let limit = |tx: &mut Tx<'_>| -> Result<(), StoreError> {
        let pages: i64 = tx.connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
        Ok(tx.connection.pragma_update_and_check(None, "max_page_count", pages + 4, |_| Ok(()))?)
    };
    store.write(limit).await.unwrap();
    let error = store.write(insert("too big", 1024 * 1024)).await.unwrap_err();
    let StoreError::Sqlite(error) = error else { panic!("{error}") };
    assert_eq!(error.sqlite_error_code(), Some(rusqlite::ErrorCode::DiskFull));
    store.write(insert("small enough", 1)).await.unwrap();
    assert_eq!(topics(&store).await, ["before", "small enough"]);
}

#[tokio::test]
async fn effects_run_in_order_and_before_results() {
    let directory = TempDir::new().unwrap();
    let store = opened(&directory).await;
    let seen = Arc::new(parking_lot::Mutex::new(Vec::new()));
    let mut pending = Vec::new();
    for number in 0..100 {
        let seen = Arc::clone(&seen);
        let job = move |tx: &mut Tx<'_>| {
            let seq = tx.next_seq();
            tx.after_commit(move || seen.lock().push(number));
            Ok::<_, StoreError>(seq)
        };
        pending.push(store.submit(job).await.unwrap());
    }
    let mut last_seq = 0;
    for (number, pending) in pending.into_iter().enumerate() {
        let seq = pending.durable().await.unwrap();
        assert!(seq > last_seq);
        last_seq = seq;
        assert_eq!(seen.lock().get(number), Some(&number));
    }
}

#[tokio::test]
async fn a_job_that_is_waived_in_time_does_not_run_and_others_do() {
    let directory = TempDir::new().unwrap();
    let store = opened(&directory).await;
    let ((waived, first), (_, second)) = (Waiver::new(), Waiver::<(), StoreError>::new());
    let never = |_: &mut Tx<'_>| -> Result<(), StoreError> { panic!("it was waived") };
    store.submit_waivable(never, Arc::clone(&waived)).await.unwrap();
    waived.waive(());
    let (needed, third) = Waiver::new();
    store.submit_waivable(insert("needed", 1), needed).await.unwrap();
    first.durable().await.unwrap();
    third.durable().await.unwrap();
    assert_eq!(topics(&store).await, ["needed"]);
    // Whose waiver is gone has no result.
    assert!(matches!(second.durable().await, Err(StoreError::Closed)));
}

#[tokio::test]
async fn what_is_held_is_not_overtaken_by_what_comes_in_turn() {
    let directory = TempDir::new().unwrap();
    let store = opened(&directory).await;
    let seen = Arc::new(parking_lot::Mutex::new(Vec::new()));
    let see = |number: u32| {
        let seen = Arc::clone(&seen);
        move |_: &mut Tx<'_>| -> Result<(), StoreError> {
            seen.lock().push(number);
            Ok(())
        }
    };
    let mut expected = Vec::new();
    for round in 0..50 {
        let (waiver, _pending) = Waiver::new();
        store.submit_waivable(see(3 * round), waiver).await.unwrap();
        store.submit_unhurried(see(3 * round + 1)).await.unwrap();
        store.write(see(3 * round + 2)).await.unwrap();
        // Together, what nobody waits for is first.
        let mut together = seen.lock().split_off(expected.len());
        assert_eq!(together.pop(), Some(3 * round + 2));
        together.sort_unstable();
        assert_eq!(together, [3 * round, 3 * round + 1]);
        seen.lock().extend([3 * round, 3 * round + 1, 3 * round + 2]);
        expected.extend([3 * round, 3 * round + 1, 3 * round + 2]);
    }
}

#[tokio::test]
async fn what_is_held_runs_by_itself_and_before_the_end() {
    let directory = TempDir::new().unwrap();
    let store = opened(&directory).await;
    let (done, runs) = tokio::sync::oneshot::channel();
    let tell = move |_: &mut Tx<'_>| -> Result<(), StoreError> {
        done.send(()).unwrap();
        Ok(())
    };
    store.submit_unhurried(tell).await.unwrap();
    runs.await.unwrap();
    let (waiver, pending) = Waiver::new();
    store.submit_waivable(insert("waivable", 1), waiver).await.unwrap();
    store.submit_unhurried(insert("unhurried", 1)).await.unwrap();
    store.close().await.unwrap();
    pending.durable().await.unwrap();
    let late = Waiver::new();
    assert!(matches!(store.submit_waivable(insert("late", 1), late.0).await, Err(StoreError::Closed)));
    assert!(matches!(store.submit_unhurried(insert("late", 1)).await, Err(StoreError::Closed)));
    assert_eq!(topics(&opened(&directory).await).await, ["unhurried", "waivable"]);
}

#[tokio::test]
async fn a_database_of_a_later_version_is_refused() {
    let directory = TempDir::new().unwrap();
    let store = opened(&directory).await;
    let later =
        |tx: &mut Tx<'_>| -> Result<(), StoreError> { Ok(tx.connection.pragma_update(None, "user_version", 99)?) };
    store.write(later).await.unwrap();
    drop(store);
    assert!(matches!(open(directory.path()).await, Err(StoreError::Newer { found: 99, .. })));
}

#[tokio::test]
async fn a_panic_fails_its_own_job_and_the_writer_goes_on() {
    let directory = TempDir::new().unwrap();
    let store = opened(&directory).await;
    let panicking = |tx: &mut Tx<'_>| -> Result<(), StoreError> {
        insert("undone", 1)(tx)?;
        panic!("a bug");
    };
    let error = store.write(panicking).await.unwrap_err();
    assert!(matches!(error, StoreError::Panicked), "{error}");
    let panicking_effect = |tx: &mut Tx<'_>| {
        tx.after_commit(|| panic!("a bug"));
        insert("kept", 1)(tx)
    };
    store.write(panicking_effect).await.unwrap();
    let error = store.read(|_| -> Result<(), StoreError> { panic!("a bug") }).await.unwrap_err();
    assert!(matches!(error, StoreError::Panicked), "{error}");
    store.write(insert("last", 1)).await.unwrap();
    assert_eq!(topics(&store).await, ["kept", "last"]);
}

#[tokio::test]
async fn closing_finishes_what_was_handed_in_and_leaves_one_file_that_nobody_holds() {
    let directory = TempDir::new().unwrap();
    let store = opened(&directory).await;
    let mut pending = Vec::new();
    for _ in 0..100 {
        pending.push(store.submit(insert("same", 1)).await.unwrap());
        pending.push(store.submit(|tx: &mut Tx<'_>| insert("other", 1)(tx)).await.unwrap());
    }
    topics(&store).await;
    store.close().await.unwrap();
    store.ended().await;
    let done = futures_util::future::join_all(pending.into_iter().map(super::Pending::durable)).await;
    assert_eq!(done.into_iter().filter(Result::is_ok).count(), 2, "each is there once");
    assert!(matches!(store.write(insert("late", 1)).await, Err(StoreError::Closed)));
    assert!(matches!(store.read(|_| Ok::<_, StoreError>(())).await, Err(StoreError::Closed)));
    store.close().await.unwrap();
    let left: Vec<_> = std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| name == "iotcore.db" || name == "iotcore.lock"), "{left:?}");
    std::fs::File::open(directory.path().join("iotcore.lock")).unwrap().try_lock().unwrap();
    assert_eq!(topics(&opened(&directory).await).await, ["other", "same"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_wait_for_their_turn() {
    let directory = TempDir::new().unwrap();
    let store = opened(&directory).await;
    let (now, most) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let reads = (0..100).map(|_| {
        let (now, most) = (Arc::clone(&now), Arc::clone(&most));
        store.read(move |_| {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::sleep(std::time::Duration::from_millis(1));
            now.fetch_sub(1, Ordering::SeqCst);
            Ok::<_, StoreError>(())
        })
    });
    for done in futures_util::future::join_all(reads).await {
        done.unwrap();
    }
    assert!(most.load(Ordering::SeqCst) <= READS_AT_ONCE_MAX, "{most:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_ends_while_commits_go_on() {
    let directory = TempDir::new().unwrap();
    let store = opened(&directory).await;
    // More than one step of a backup that would go by steps.
    store.write(insert("big", 128 * 1024 * 1024)).await.unwrap();
    store.write(insert("small", 1)).await.unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let writing = {
        // Faster than the writer, which waits for the disk.
        let writer = rusqlite::Connection::open(directory.path().join("iotcore.db")).unwrap();
        writer.pragma_update(None, "synchronous", "OFF").unwrap();
        let stop = Arc::clone(&stop);
        std::thread::spawn(move || {
            while !stop.load(Ordering::SeqCst) {
                writer.execute("UPDATE retained SET updated_ms = updated_ms + 1 WHERE topic = 'small'", []).unwrap();
            }
        })
    };
    let copy = TempDir::new().unwrap();
    let backup = store.backup(copy.path().join("iotcore.db"));
    let ended = tokio::time::timeout(std::time::Duration::from_secs(30), backup).await;
    stop.store(true, Ordering::SeqCst);
    writing.join().unwrap();
    ended.expect("it ends").unwrap();
    assert_eq!(topics(&opened(&copy).await).await, ["big", "small"]);
    assert!(store.backup(copy.path().join("missing/iotcore.db")).await.is_err());
}
