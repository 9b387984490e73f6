use marvain_domain::{policy::*, identity::*, Timestamp};
#[test]
fn bench() {
    let t = std::time::Instant::now();
    for _ in 0..5 { Policies::default_set().unwrap(); }
    println!("parse {:?}", t.elapsed() / 5);
    let p = Policies::default_set().unwrap();
    let person = Person { id: "a".parse().unwrap(), display_name: "a".into(), role: Role::Member, created_at: Timestamp::EPOCH, token_hash: None };
    let t = std::time::Instant::now();
    for _ in 0..50 { p.may(&person, &Operation::View); }
    println!("may {:?}", t.elapsed() / 50);
    use marvain_hub::port::*;
    let rt = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let l = marvain_local::SqliteLedger::open_in_memory().unwrap();
    rt.block_on(async {
        let t = std::time::Instant::now();
        for i in 0..500u32 { l.commit(Commit { id: marvain_domain::id::DeliveryId::derive(&[&i.to_string()]), at: Timestamp::EPOCH, effects: vec![], audit: vec![], writes: vec![Write::Put { key: Key { pk: i.to_string(), sk: "x".into() }, list: None, due: None, expires_at: None, body: serde_json::json!({"a":1,"b":"xxxxxxxxxxxxxxxxxxxxxxxxxx"}), expect: Expect::Absent }] }).await.unwrap(); }
        println!("commit {:?}", t.elapsed() / 500);
        let t = std::time::Instant::now();
        for i in 0..500u32 { l.get(&Key { pk: i.to_string(), sk: "x".into() }).await.unwrap(); }
        println!("get {:?}", t.elapsed() / 500);
    });
    let t = std::time::Instant::now();
    for _ in 0..20 { marvain_local::SqliteLedger::open_in_memory().unwrap(); }
    println!("open {:?}", t.elapsed() / 20);
}
