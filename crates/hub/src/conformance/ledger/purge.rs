//! Purging: what is over goes, nothing else does.

use super::{NOW, commit, delivery, key, place};
use crate::port::{Commit, Committed, DELIVERY_MEMORY_S, Expect, Index, Ledger, Query, Write};
use marvain_domain::Timestamp;
use serde_json::json;

pub(super) async fn what_is_over_goes_and_nothing_else(ledger: &impl Ledger) {
    let lasting = |sk: &str, expires_at: Option<Timestamp>| Write::Put {
        key: key("p", sk),
        list: place("list", sk),
        due: None,
        expires_at,
        body: json!(0),
        expect: Expect::Any,
    };
    let soon = NOW.plus_s(10);
    let writes = vec![lasting("soon", Some(soon)), lasting("later", Some(NOW.plus_s(20))), lasting("ever", None)];
    ledger.commit(commit("records", writes)).await.unwrap();
    ledger.commit(Commit { at: NOW.plus_s(30), ..commit("young", vec![]) }).await.unwrap();

    assert_eq!(ledger.purge(NOW).await.unwrap(), 0);
    assert!(ledger.get(&key("p", "soon")).await.unwrap().is_some());
    assert_eq!(ledger.purge(soon).await.unwrap(), 1);
    assert!(ledger.get(&key("p", "soon")).await.unwrap().is_none());
    let query = Query {
        index: Index::List,
        pk: "list".into(),
        prefix: String::new(),
        through: None,
        descending: false,
        limit: 10,
        after: None,
    };
    assert_eq!(super::names(&ledger.query(&query).await.unwrap().records), ["ever", "later"]);

    // A repetition has no effect for as long as the port promises, and is dropped some time after.
    ledger.purge(NOW.plus_s(DELIVERY_MEMORY_S)).await.unwrap();
    assert_eq!(ledger.commit(commit("records", vec![])).await.unwrap(), Committed::Repeated);
    assert_eq!(ledger.purge(NOW.plus_s(DELIVERY_MEMORY_S + 1)).await.unwrap(), 1);
    assert!(!ledger.is_applied(&delivery("records")).await.unwrap());
    assert!(ledger.is_applied(&delivery("young")).await.unwrap());
    assert_eq!(ledger.purge(NOW.plus_s(DELIVERY_MEMORY_S + 1)).await.unwrap(), 0);
    assert!(ledger.get(&key("p", "ever")).await.unwrap().is_some());
}
