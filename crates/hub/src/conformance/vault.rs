//! The suite of the port [`Vault`].

use super::Storage;
use crate::port::{Put, Vault, VaultError};
use futures_util::future::join_all;

/// Runs the suite; `fresh` makes storage for one scenario.
///
/// # Panics
/// At the first thing that is not as the port's documentation has it.
pub async fn vault<S>(fresh: impl AsyncFn() -> S)
where
    S: Storage<Adapter: Vault>,
{
    an_object_is_written_once(&fresh().await).await;
    objects_come_back_as_they_were(&fresh().await).await;
    keys_have_an_alphabet(&fresh().await.open().await).await;
    listing_is_by_prefix_and_in_order(&fresh().await).await;
    one_of_many_writers_wins(&fresh().await.open().await).await;
}

async fn an_object_is_written_once<S: Storage<Adapter: Vault>>(storage: &S) {
    let vault = storage.open().await;
    assert_eq!(vault.get("tile/0/000").await.unwrap(), None);
    assert_eq!(vault.put_once("tile/0/000", b"one").await.unwrap(), Put::Written);
    assert_eq!(vault.put_once("tile/0/000", b"one").await.unwrap(), Put::Same);
    drop(vault);

    let vault = storage.open().await;
    assert_eq!(vault.put_once("tile/0/000", b"one").await.unwrap(), Put::Same);
    for other in [&b"two"[..], b"", b"one more"] {
        match vault.put_once("tile/0/000", other).await {
            Err(VaultError::Different(key)) => assert_eq!(key, "tile/0/000"),
            result => panic!("other bytes must be refused, not {result:?}"),
        }
    }
    assert_eq!(vault.get("tile/0/000").await.unwrap().as_deref(), Some(&b"one"[..]));
}

async fn objects_come_back_as_they_were<S: Storage<Adapter: Vault>>(storage: &S) {
    let objects = [
        ("empty", vec![]),
        ("every/byte", (0..=255).collect()),
        ("large/object.p/256", vec![0xa5; 3 << 20]),
        ("a.b-c_D/0/..x/.hidden", b"odd".to_vec()),
    ];
    let vault = storage.open().await;
    for (key, bytes) in &objects {
        assert_eq!(vault.put_once(key, bytes).await.unwrap(), Put::Written, "{key}");
    }
    drop(vault);
    let vault = storage.open().await;
    for (key, bytes) in objects {
        assert!(vault.get(key).await.unwrap() == Some(bytes), "{key}");
    }
}

async fn keys_have_an_alphabet(vault: &impl Vault) {
    let wrong =
        ["", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/.", "a b", "a\\b", "ü", "a\0", "a~", "a*"];
    for key in wrong {
        let put = vault.put_once(key, b"x").await;
        assert!(matches!(put, Err(VaultError::Key(_))), "put `{key}`: {put:?}");
        let get = vault.get(key).await;
        assert!(matches!(get, Err(VaultError::Key(_))), "get `{key}`: {get:?}");
    }
    assert!(vault.list("").await.unwrap().is_empty(), "nothing was written");
}

async fn listing_is_by_prefix_and_in_order<S: Storage<Adapter: Vault>>(storage: &S) {
    let keys = ["a-b", "a.b", "a/b", "a/b.p/1", "a/c/d", "a0", "b"];
    let vault = storage.open().await;
    for key in keys.iter().rev() {
        vault.put_once(key, key.as_bytes()).await.unwrap();
    }
    drop(vault);
    let vault = storage.open().await;
    let cases: [(&str, &[&str]); 9] = [
        ("", &keys),
        ("a", &keys[..6]),
        ("a/", &keys[2..5]),
        ("a/b", &keys[2..4]),
        ("a/b.p/", &keys[3..4]),
        ("b", &keys[6..]),
        ("b/", &[]),
        ("c/d", &[]),
        ("../", &[]),
    ];
    for (prefix, expected) in cases {
        assert_eq!(vault.list(prefix).await.unwrap(), expected, "prefix `{prefix}`");
    }
}

async fn one_of_many_writers_wins(vault: &impl Vault) {
    let bodies: Vec<Vec<u8>> = (0..16_u8).map(|writer| vec![writer; 1000]).collect();
    let results = join_all(bodies.iter().map(|body| vault.put_once("contested/object", body))).await;
    let won: Vec<usize> = (0..results.len()).filter(|n| matches!(results[*n], Ok(Put::Written))).collect();
    assert_eq!(won.len(), 1, "{results:?}");
    let lost = results.iter().filter(|result| matches!(result, Err(VaultError::Different(_)))).count();
    assert_eq!(lost, bodies.len() - 1, "{results:?}");
    assert!(vault.get("contested/object").await.unwrap().as_ref() == Some(&bodies[won[0]]));
}
