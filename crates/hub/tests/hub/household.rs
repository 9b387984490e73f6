use crate::world::World;
use marvain_domain::{
    Timestamp,
    consent::ConsentKind,
    id::{AccountId, DeliveryId},
    identity::Role,
};
use marvain_hub::{
    entity::{Entity as _, PolicySource},
    people::{Credential, Enrolment, EnrolmentRequest, NewConsent, RequestError, Secret, Standing},
    port::{Commit, Expect, Ledger as _, Write},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_code_enrols_one_device_and_a_refusal_is_audited() {
    let mut world = World::new().await;
    let code = Secret::presented("right");
    let enrolment = Enrolment {
        serial: "porch".parse().unwrap(),
        standing: Standing { space: Some("den".parse().unwrap()), person: None },
        ttl_s: Some(60),
        replace: false,
    };
    let caller = world.owner();
    world.hub.create_enrolment(&caller, &enrolment, &code).await.unwrap();
    let request = |code: &str, certificate: &str| EnrolmentRequest {
        serial: "porch".into(),
        code: Secret::presented(code),
        certificate_id: certificate.into(),
        claim_certificate_id: "claim".into(),
    };
    let now = world.now;
    assert!(world.hub.enrol(&request("wrong", "c1"), now).await.is_err());
    let satellite = world.hub.enrol(&request("right", "c1"), now).await.unwrap();
    assert_eq!(satellite.space, Some("den".parse().unwrap()));
    assert!(world.hub.enrol(&request("right", "c1"), now).await.is_ok(), "its first answer may have been lost");
    assert!(world.hub.enrol(&request("right", "c2"), now).await.is_err(), "a code is spent by one certificate");
    let kinds = world.audit_kinds(4).await;
    assert_eq!(kinds.iter().filter(|kind| *kind == "enrolment.refused").count(), 2, "{kinds:?}");
    let caller = world.owner();
    let again = world.hub.create_enrolment(&caller, &enrolment, &code).await;
    assert!(matches!(again, Err(RequestError::Conflict(_))), "{again:?}");
    let caller = world.owner();
    let replace = Enrolment { replace: true, ..enrolment };
    world.hub.create_enrolment(&caller, &replace, &Secret::presented("next")).await.unwrap();
    world.hub.enrol(&request("next", "c3"), now).await.unwrap();
    assert_eq!(world.revoked(), ["c1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn rotation_revokes_what_came_before() {
    let mut world = World::new().await;
    let before = world.certificate("pi").await;
    let caller = world.owner();
    world.hub.rotate_satellite(&caller, &"pi".parse().unwrap()).await.unwrap();
    assert_eq!(world.revoked(), std::slice::from_ref(&before));
    assert_ne!(world.certificate("pi").await, before);
}

fn token(text: &str) -> Credential {
    Credential::Token(Secret::presented(text))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_one_persons_and_a_person_has_one() {
    let mut world = World::new().await;
    let (anna, ben) = (world.person("anna", Role::Member).await, world.person("ben", Role::Admin).await);
    let account = |text: &str| text.parse::<AccountId>().unwrap();
    let signed_in = |text: &str| Credential::Account(account(text));
    let (first, second) = ("5b1fd4c2-e0a1-70d1-2f4d-cc3e6f0a1111", "5b1fd4c2-e0a1-70d1-2f4d-cc3e6f0a2222");
    assert!(matches!(world.hub.authenticate(&signed_in(first)).await, Err(RequestError::Unauthenticated)));
    let caller = world.owner();
    world.hub.link_account(&caller, &anna.id, &account(first)).await.unwrap();
    assert_eq!(world.hub.authenticate(&signed_in(first)).await.unwrap().id, anna.id);
    let caller = world.owner();
    let taken = world.hub.link_account(&caller, &ben.id, &account(first)).await;
    assert_eq!(taken.unwrap_err().to_string(), "the account is that of `anna`: unlink it there first");
    let caller = world.owner();
    world.hub.link_account(&caller, &anna.id, &account(second)).await.unwrap();
    assert!(world.hub.authenticate(&signed_in(first)).await.is_err(), "a person has one account");
    let caller = world.owner();
    world.hub.link_account(&caller, &ben.id, &account(first)).await.unwrap();
    assert_eq!(world.hub.authenticate(&signed_in(first)).await.unwrap().id, ben.id);
    for (by, of) in [(&anna, "anna"), (&anna, "ben"), (&ben, "olga")] {
        let caller = world.caller(by);
        let refused = world.hub.link_account(&caller, &of.parse().unwrap(), &account("other")).await;
        assert!(matches!(refused, Err(RequestError::Refused { .. })), "{} {of}: {refused:?}", by.id);
    }
    let caller = world.owner();
    assert_eq!(world.hub.unlink_account(&caller, &anna.id).await.unwrap().account, None);
    assert!(world.hub.authenticate(&signed_in(second)).await.is_err());
    let caller = world.owner();
    assert!(matches!(world.hub.unlink_account(&caller, &anna.id).await, Err(RequestError::NotFound { .. })));
    let caller = world.owner();
    world.hub.set_role(&caller, &ben.id, Role::Blocked).await.unwrap();
    assert!(world.hub.authenticate(&signed_in(first)).await.is_err(), "who is blocked is nobody");
    let kinds = world.audit_kinds(20).await;
    let count = |kind: &str| kinds.iter().filter(|each| *each == kind).count();
    assert_eq!((count("person.account_linked"), count("person.account_unlinked")), (3, 1), "{kinds:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_says_whose_account_the_owners_is() {
    let mut world = World::new().await;
    let (olga, now) = ("olga".parse().unwrap(), world.now);
    let account = Credential::Account("5b1fd4c2-e0a1-70d1-2f4d-cc3e6f0a3333".parse().unwrap());
    for _ in 0..2 {
        world.hub.bootstrap(&olga, &account, now).await.unwrap();
        assert_eq!(world.hub.authenticate(&account).await.unwrap().id, olga);
    }
    assert_eq!(world.hub.authenticate(&token("olga-token")).await.unwrap().id, olga, "the token is hers as before");
    let kinds = world.audit_kinds(20).await;
    assert_eq!(kinds.iter().filter(|kind| *kind == "person.bootstrapped").count(), 2, "{kinds:?}");
    let other = world.hub.bootstrap(&"olaf".parse().unwrap(), &account, now).await;
    assert!(matches!(other, Err(RequestError::Conflict(_))), "{other:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_and_roles() {
    let mut world = World::new().await;
    let anna = world.person("anna", Role::Member).await;
    let caller = world.owner();
    world.hub.issue_token(&caller, &anna.id, &Secret::presented("first")).await.unwrap();
    assert_eq!(world.hub.authenticate(&token("first")).await.unwrap().id, anna.id);
    let caller = world.owner();
    world.hub.issue_token(&caller, &anna.id, &Secret::presented("second")).await.unwrap();
    assert!(world.hub.authenticate(&token("first")).await.is_err());
    let caller = world.caller(&anna);
    let refused = world.hub.set_role(&caller, &anna.id, Role::Owner).await;
    assert!(matches!(refused, Err(RequestError::Refused { .. })), "{refused:?}");
    let caller = world.owner();
    let last = world.hub.set_role(&caller, &"olga".parse().unwrap(), Role::Member).await;
    assert!(matches!(last, Err(RequestError::Conflict(_))), "{last:?}");
    let caller = world.owner();
    world.hub.set_role(&caller, &anna.id, Role::Blocked).await.unwrap();
    assert!(world.hub.authenticate(&token("second")).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_that_do_not_validate_change_nothing_and_good_ones_bind_at_once() {
    let mut world = World::new().await;
    let caller = world.owner();
    let before = world.hub.policy_source(&caller).await.unwrap();
    let caller = world.owner();
    assert!(world.hub.set_policy(&caller, "permit(principal, action, resource) when { nonsense };").await.is_err());
    let caller = world.owner();
    assert_eq!(world.hub.policy_source(&caller).await.unwrap(), before);
    let strict =
        format!("{before}\n@id(\"nobody-speaks\")\nforbid (principal, action == Action::\"speak\", resource);\n");
    let caller = world.owner();
    world.hub.set_policy(&caller, &strict).await.unwrap();
    let caller = world.owner();
    let speech = marvain_hub::people::Speech { satellite: "pi".parse().unwrap(), text: "hello".into() };
    let refused = world.hub.speak(&caller, &speech).await;
    let Err(RequestError::Refused { policies, .. }) = refused else { panic!("{refused:?}") };
    assert_eq!(policies, ["nobody-speaks"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn consent_in_the_past_is_no_consent() {
    let mut world = World::new().await;
    let expired = NewConsent {
        person: "olga".parse().unwrap(),
        kind: ConsentKind::Memory,
        purpose: String::new(),
        expires_at: Some(Timestamp::EPOCH),
    };
    let caller = world.owner();
    assert!(matches!(world.hub.grant_consent(&caller, &expired).await, Err(RequestError::Invalid(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_of_the_hubs_data_works_after_every_start() {
    let mut world = World::new().await;
    let (olga, now) = ("olga".parse().unwrap(), world.now);
    let (kept, issued) = (token("olga-token"), token("issued"));
    for _ in 0..2 {
        let caller = world.owner();
        world.hub.issue_token(&caller, &olga, &Secret::presented("issued")).await.unwrap();
        assert!(world.hub.authenticate(&kept).await.is_err());
        world.hub.bootstrap(&olga, &kept, now).await.unwrap();
        assert_eq!(world.hub.authenticate(&kept).await.unwrap().id, olga);
        assert!(world.hub.authenticate(&issued).await.is_err(), "a person has one token");
    }
}

/// Both see two owners, whoever is faster.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_owners_who_demote_each_other_one_remains() {
    for _ in 0..8 {
        let mut world = World::new().await;
        let other = world.person("otto", Role::Owner).await;
        let (first, second) = (world.owner(), world.caller(&other));
        let (olga, hub) = (first.person.id.clone(), &world.hub);
        let done =
            tokio::join!(hub.set_role(&first, &other.id, Role::Member), hub.set_role(&second, &olga, Role::Member));
        assert!(done.0.is_ok() != done.1.is_ok(), "{done:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_locks_themselves_out_by_policies() {
    let mut world = World::new().await;
    let caller = world.owner();
    let before = world.hub.policy_source(&caller).await.unwrap();
    for locked in ["", "@id(\"all\")\npermit (principal, action == Action::\"view\", resource);"] {
        let caller = world.owner();
        let refused = world.hub.set_policy(&caller, locked).await;
        assert!(matches!(refused, Err(RequestError::Invalid(_))), "{refused:?}");
    }
    let caller = world.owner();
    assert_eq!(world.hub.policy_source(&caller).await.unwrap(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_that_do_not_parse_any_more_are_put_right_by_an_owner() {
    let mut world = World::new().await;
    let mia = world.person("mia", Role::Member).await;
    let caller = world.owner();
    let good = world.hub.policy_source(&caller).await.unwrap();
    // As if an upgrade had made another schema.
    let text = "permit (principal, action == Action::\"gone\", resource);".to_owned();
    let source = PolicySource { text: text.clone(), changed_at: world.now, changed_by: mia.id.clone() };
    let write = Write::Put {
        key: source.key(),
        list: None,
        due: None,
        expires_at: None,
        body: serde_json::to_value(&source).unwrap(),
        expect: Expect::Absent,
    };
    let id = DeliveryId::derive(&["upgrade"]);
    let commit = Commit { id, at: world.now, writes: vec![write], effects: Vec::new(), audit: Vec::new() };
    world.ledger.commit(commit).await.unwrap();
    let caller = world.owner();
    let people = world.hub.people(&caller).await;
    assert!(matches!(people, Err(RequestError::Refused { .. })), "nothing else is decided: {people:?}");
    let caller = world.caller(&mia);
    assert!(matches!(world.hub.set_policy(&caller, &good).await, Err(RequestError::Refused { .. })));
    let caller = world.owner();
    assert_eq!(world.hub.policy_source(&caller).await.unwrap(), text);
    let caller = world.owner();
    world.hub.set_policy(&caller, &good).await.unwrap();
    let caller = world.caller(&mia);
    assert_eq!(world.hub.people(&caller).await.unwrap().len(), 2);
}
