//! Databases of earlier versions: what is in them stays.

use tempfile::TempDir;

use super::tests::opened;
use super::{StoreError, Tx};
use crate::error::Error;
use crate::names::ThingName;
use crate::registry::{certificates, groups, policies, policy_versions, templates, things};

const CERTIFICATE: &str = "00000000000000000000000000000000000000000000000000000000000000ff";

/// A database of the first version, with rows.
fn of_the_first_version(directory: &TempDir) {
    let connection = rusqlite::Connection::open(directory.path().join("iotcore.db")).unwrap();
    connection.execute_batch(include_str!("schema/1_first.sql")).unwrap();
    let policy = r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "iot:*", "Resource": "*"}}"#;
    let rows = [
        ("INSERT INTO things (name, attributes, created_ms) VALUES ('pump', '{\"floor\":\"1\"}', 5)", None),
        ("INSERT INTO thing_groups (name, attributes, created_ms) VALUES ('home', '{}', 6)", None),
        ("INSERT INTO group_members (thing, thing_group) VALUES ('pump', 'home')", None),
        ("INSERT INTO policies (name, document, created_ms) VALUES ('all', ?1, 7)", Some(policy)),
        ("INSERT INTO group_policies (thing_group, policy) VALUES ('home', 'all')", None),
        ("INSERT INTO certificates (id, pem, status, created_ms) VALUES (?1, 'x', 'ACTIVE', 9)", Some(CERTIFICATE)),
        (
            "INSERT INTO clients (client_id, version, forget_ms, session_identifier, principal, ip_address)
             VALUES ('a', 7, 9, 'x', 'y', '::1')",
            None,
        ),
        ("INSERT INTO templates (name, body, created_ms) VALUES ('fleet', ?1, 8)", Some("the body")),
    ];
    for (statement, parameter) in rows {
        connection.execute(statement, rusqlite::params_from_iter(parameter)).unwrap();
    }
    connection.pragma_update(None, "user_version", 1).unwrap();
}

#[tokio::test]
async fn a_database_of_the_first_version_keeps_what_it_has() {
    let directory = TempDir::new().unwrap();
    of_the_first_version(&directory);
    let store = opened(&directory).await;
    let read = |connection: &rusqlite::Connection| {
        let thing = things::get(connection, &ThingName::parse("pump").unwrap())?.unwrap();
        assert_eq!((thing.version, thing.attributes["floor"].as_str(), thing.created_ms), (1, "1", 5));
        let group = groups::get(connection, "home")?.unwrap();
        assert_eq!((group.version, group.description.as_str(), group.created_ms), (1, "", 6));
        assert_eq!(groups::things_in(connection, "home", false, "")?, [thing.name]);
        let policy = policies::get(connection, "all")?.unwrap();
        assert!(policy.document.contains("iot:*"), "{policy:?}");
        assert_eq!((policy.default_version, policy.created_ms, policy.updated_ms), (1, 7, 7));
        assert_eq!(policies::of_group(connection, "home")?, ["all"]);
        let template = templates::get(connection, "fleet")?.unwrap();
        assert!(template.settings.enabled && template.settings.role_arn.is_none(), "{template:?}");
        assert_eq!((template.body.as_str(), template.default_version, template.updated_ms), ("the body", 1, 8));
        let certificate = certificates::get(connection, CERTIFICATE.parse().unwrap())?.unwrap();
        assert!(!certificate.is_foreign && certificates::foreign(connection)?.is_empty());
        let row = "SELECT version, disconnected_ms FROM clients WHERE client_id = 'a'";
        let client: (i64, Option<i64>) = connection.query_row(row, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
        assert_eq!(client, (7, None));
        assert!(!connection.prepare("PRAGMA foreign_key_check")?.exists([])?, "a row refers to none");
        Ok::<_, StoreError>(())
    };
    store.read(read).await.unwrap();
    // And it goes on from there: a version is added, and all goes away with its policy.
    let document = r#"{"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "iot:*", "Resource": "*"}}"#;
    let change = move |tx: &mut Tx<'_>| {
        assert_eq!(policy_versions::create(tx.connection, "all", document, true, 9)?, 2);
        assert_eq!(policies::get(tx.connection, "all")?.unwrap().document, document);
        policies::detach_from_group(tx.connection, "all", "home")?;
        policy_versions::delete(tx.connection, "all", 1)?;
        policies::delete(tx.connection, "all")?;
        Ok::<_, Error>(policy_versions::get(tx.connection, "all", 2)?)
    };
    assert_eq!(store.write(change).await.unwrap(), None);
}
