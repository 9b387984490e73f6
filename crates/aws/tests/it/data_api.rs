//! Both executors answer the same; a cluster that resumes is waited for; AWS's own SDK for Python is content with the stand-in.

use crate::database::{By, Server};
use marvain_aws::sql::{Direct, Row, Sql, SqlError, SqlState, Statement, Value};
use marvain_peers::Resuming;
use std::{process::Command, time::Duration};

#[tokio::test(flavor = "multi_thread")]
async fn both_executors_answer_the_same() {
    let server = Server::start().await;
    let name = server.postgres.database(None).await;
    for by in [By::DataApi, By::Direct] {
        let sql = server.sql(by, &name);
        let echo =
            "SELECT CAST(:t AS text), CAST(:i AS bigint), CAST(:b AS boolean), CAST(:n AS text), CAST(:i AS bigint)";
        let values = [Value::Text("it's :t $1 ü\n🦀".into()), Value::Int(i64::MIN), Value::Bool(true), Value::Null];
        let [t, i, b, n] = values.clone();
        let statement = Statement::new(echo).bind("t", t).bind("i", i.clone()).bind("b", b).bind("n", n);
        let expected = Row::new(values.into_iter().chain([i]).collect());
        assert_eq!(sql.execute(statement.clone()).await.unwrap(), std::slice::from_ref(&expected), "{by:?}");
        assert_eq!(sql.execute(statement).await.unwrap(), [expected], "prepared: {by:?}");
        let float = Statement::new("SELECT CAST(CAST(:f AS text) AS double precision), 1e300, CAST(3 AS integer)");
        let error = sql.execute(float.bind("f", "0.1")).await.unwrap_err();
        assert!(matches!(error, SqlError::Unexpected(_) | SqlError::Refused(_)), "numeric needs a cast: {error:?}");
        let float = Statement::new("SELECT CAST(CAST(:f AS text) AS double precision), CAST(3 AS integer)");
        assert_eq!(sql.execute(float.bind("f", "0.1")).await.unwrap()[0].float(0).unwrap(), 0.1);
        let none = sql.execute(Statement::new("CREATE TABLE IF NOT EXISTS nothing (n bigint)")).await.unwrap();
        assert!(none.is_empty());
        for wrong in ["SELECT", "SELECT * FROM nowhere", "SELECT CAST('x' AS bigint)", "SELECT 1; SELECT 2"] {
            let refused = sql.execute(Statement::new(wrong)).await;
            let is_empty_row = wrong == "SELECT" && refused.is_ok();
            assert!(is_empty_row || matches!(refused, Err(SqlError::Refused(_))), "{by:?} {wrong}: {refused:?}");
        }
        let steps = vec![Statement::new("INSERT INTO nothing VALUES (1)"), Statement::new("SELECT * FROM nowhere")];
        assert!(sql.transaction(steps).await.is_err());
        let steps = vec![Statement::new("SELECT count(*) FROM nothing"), Statement::new("DELETE FROM nothing")];
        let answers = sql.transaction(steps).await.unwrap();
        assert_eq!((answers.len(), answers[0][0].int(0).unwrap()), (2, 0), "{by:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_direct_connection_is_by_tls_that_verifies_and_with_the_password() {
    let server = Server::start().await;
    let name = server.postgres.database(None).await;
    let one = || Statement::new("SELECT CAST(1 AS bigint)");
    let right = server.settings(&name, server.postgres.password());
    assert_eq!(Direct::new(&right).unwrap().execute(one()).await.unwrap()[0].int(0).unwrap(), 1);
    let mut wrong = right.clone();
    wrong.password = "wrong".into();
    assert!(Direct::new(&wrong).unwrap().execute(one()).await.is_err());
    // Another name, another root.
    wrong = right.clone();
    wrong.host = "127.0.0.1".into();
    assert!(matches!(Direct::new(&wrong).unwrap().execute(one()).await, Err(SqlError::Unavailable(_))));
    let other = marvain_peers::Postgres::start().await;
    wrong = right.clone();
    wrong.roots_pem = other.root_pem().into();
    assert!(matches!(Direct::new(&wrong).unwrap().execute(one()).await, Err(SqlError::Unavailable(_))));
    assert!(!format!("{right:?}").contains(server.postgres.password()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_resumes_is_waited_for_and_seen() {
    let server = Server::start().await;
    let sql = server.data_api(&server.postgres.database(None).await);
    for how in [Resuming::Exception, Resuming::LinkFailure] {
        let before = server.data_api.calls();
        server.data_api.resume_after(3, how);
        let mut states = sql.watch();
        let (answer, seen) = tokio::join!(sql.execute(Statement::new("SELECT CAST(7 AS bigint)")), async {
            states.changed().await.unwrap();
            *states.borrow_and_update()
        });
        assert_eq!(answer.unwrap()[0].int(0).unwrap(), 7, "{how:?}");
        assert!(matches!(seen, SqlState::Resuming { since } if since.elapsed() < Duration::from_secs(60)));
        assert_eq!(sql.state(), SqlState::Ready);
        assert_eq!(server.data_api.calls() - before, 4);
        server.data_api.resume_after(2, how);
        assert_eq!(sql.transaction(vec![Statement::new("SELECT CAST(1 AS bigint)")]).await.unwrap().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_and_rows_are_bounded_as_the_data_api_bounds_them() {
    let server = Server::start().await;
    let sql = server.data_api(&server.postgres.database(None).await);
    let row = Statement::new("SELECT repeat('x', 70000)");
    assert!(matches!(sql.execute(row).await, Err(SqlError::Refused(_))));
    let rows = Statement::new("SELECT repeat('x', 1000) FROM generate_series(1, 2000)");
    assert!(matches!(sql.execute(rows).await, Err(SqlError::Refused(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sdk_for_python_is_content_with_the_stand_in() {
    let server = Server::start().await;
    let name = server.postgres.database(None).await;
    let mut python = Command::new(marvain_peers::Moto::python());
    python.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/data_api.py"));
    for (variable, _) in std::env::vars_os() {
        if variable.to_string_lossy().starts_with("AWS_") {
            python.env_remove(variable);
        }
    }
    python.args([
        server.data_api.url(),
        name,
        marvain_peers::DataApi::CLUSTER_ARN.into(),
        marvain_peers::DataApi::SECRET_ARN.into(),
    ]);
    server.data_api.resume_after(1, Resuming::Exception);
    let output = tokio::task::spawn_blocking(move || python.output().unwrap()).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
