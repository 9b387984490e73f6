//! Group commit under failures: what is reported is what is durable.

use tempfile::TempDir;

use super::{Store, StoreError, Tx, open};

async fn opened(directory: &TempDir) -> Store {
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
    let seen = std::sync::Arc::new(parking_lot::Mutex::new(Vec::new()));
    let mut pending = Vec::new();
    for number in 0..100 {
        let seen = std::sync::Arc::clone(&seen);
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
async fn a_database_of_a_later_version_is_refused() {
    let directory = TempDir::new().unwrap();
    let store = opened(&directory).await;
    let later =
        |tx: &mut Tx<'_>| -> Result<(), StoreError> { Ok(tx.connection.pragma_update(None, "user_version", 99)?) };
    store.write(later).await.unwrap();
    drop(store);
    assert!(matches!(open(directory.path()).await, Err(StoreError::Newer { found: 99, .. })));
}
