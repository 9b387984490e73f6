//! Migrations: once, in order, never changed, by runners at the same time and by either executor.

use crate::database::{By, Server};
use futures_util::future::join_all;
use marvain_aws::sql::{MIGRATIONS, MigrateError, Migration, Sql, Statement, migrate};

const FIRST: Migration =
    Migration { file: "0001_first.sql", sql: "CREATE TABLE a (n bigint)\n--;;\nINSERT INTO a VALUES (1)\n" };
const SECOND: Migration = Migration { file: "0002_second.sql", sql: "INSERT INTO a VALUES (2)" };

async fn numbers(sql: &dyn Sql) -> Vec<i64> {
    let rows = sql.execute(Statement::new("SELECT n FROM a ORDER BY n")).await.unwrap();
    rows.iter().map(|row| row.int(0).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_applied_once_and_in_order() {
    let server = Server::start().await;
    for by in [By::DataApi, By::Direct] {
        let sql = server.sql(by, &server.postgres.database(None).await);
        let first = migrate(&*sql, &[FIRST]).await.unwrap();
        assert_eq!((first.applied, first.known), (vec!["0001_first.sql"], 0), "{by:?}");
        let second = migrate(&*sql, &[FIRST, SECOND]).await.unwrap();
        assert_eq!((second.applied, second.known), (vec!["0002_second.sql"], 1), "{by:?}");
        assert_eq!(migrate(&*sql, &[FIRST, SECOND]).await.unwrap().known, 2);
        assert_eq!(numbers(&*sql).await, [1, 2]);
        let error = migrate(&*sql, &[FIRST]).await.unwrap_err();
        assert!(matches!(&error, MigrateError::Newer { file } if file == "0002_second.sql"), "{error}");
        let changed = Migration { sql: "INSERT INTO a VALUES (3)", ..SECOND };
        let error = migrate(&*sql, &[FIRST, changed]).await.unwrap_err();
        assert!(error.to_string().contains("`sql/aurora/0002_second.sql` is not what was applied"), "{error}");
        assert_eq!(numbers(&*sql).await, [1, 2]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_fails_leaves_nothing_and_is_named() {
    let server = Server::start().await;
    for by in [By::DataApi, By::Direct] {
        let sql = server.sql(by, &server.postgres.database(None).await);
        let broken =
            Migration { file: "0002_second.sql", sql: "INSERT INTO a VALUES (2)\n--;;\nINSERT INTO b VALUES (1)" };
        let error = migrate(&*sql, &[FIRST, broken]).await.unwrap_err();
        assert!(matches!(&error, MigrateError::File { file, .. } if file == "0002_second.sql"), "{error}");
        assert_eq!(numbers(&*sql).await, [1], "{by:?}");
        let gap = Migration { file: "0003_third.sql", ..SECOND };
        assert!(matches!(migrate(&*sql, &[FIRST, gap]).await, Err(MigrateError::Number { .. })));
        assert_eq!(migrate(&*sql, &[FIRST, SECOND]).await.unwrap().applied, ["0002_second.sql"]);
    }
    assert_eq!(server.data_api.transactions(), 0, "none is left open");
}

#[tokio::test(flavor = "multi_thread")]
async fn runners_at_the_same_time_apply_each_file_once() {
    let server = Server::start().await;
    let name = server.postgres.database(None).await;
    let runners: Vec<_> =
        (0..6).map(|n| server.sql(if n % 2 == 0 { By::DataApi } else { By::Direct }, &name)).collect();
    let done = join_all(runners.iter().map(|sql| migrate(&**sql, &[FIRST, SECOND]))).await;
    let applied: usize = done.into_iter().map(|done| done.unwrap().applied.len()).sum();
    assert_eq!(applied, 2);
    assert_eq!(numbers(&*runners[0]).await, [1, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schema_can_be_made_by_the_data_api() {
    let server = Server::start().await;
    let sql = server.data_api(&server.postgres.database(None).await);
    assert_eq!(migrate(&sql, MIGRATIONS).await.unwrap().applied.len(), MIGRATIONS.len());
}
