//! Secrets as moto's Secrets Manager has them: rotated, staged, absent, and while it is away.

use aws_sdk_secretsmanager::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
    primitives::Blob,
};
use marvain_aws::{Clock, SECRET_STALE_S_MAX, SECRET_TTL_S, SECRETS_MAX, SecretError, Secrets, Stage};
use marvain_domain::Timestamp;
use marvain_peers::Moto;
use secrecy::ExposeSecret as _;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

const ID: &str = "marvain/openai";

/// Secrets on a moto, and a clock that is moved by hand.
struct World {
    moto: Option<Moto>,
    client: Client,
    secrets: Secrets,
    now_s: Arc<AtomicU64>,
}

impl World {
    async fn new() -> Self {
        let moto = Moto::start().await;
        let config = aws_sdk_secretsmanager::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .endpoint_url(moto.url())
            .credentials_provider(Credentials::new("test", "test", None, None, "tests"));
        let client = Client::from_conf(config.build());
        let now_s = Arc::new(AtomicU64::new(1_000_000));
        let ticks = Arc::clone(&now_s);
        let clock: Clock = Arc::new(move || Timestamp::from_ms(ticks.load(Ordering::Relaxed) * 1000));
        Self { moto: Some(moto), secrets: Secrets::new(client.clone(), clock), client, now_s }
    }

    fn pass(&self, s: u64) {
        self.now_s.fetch_add(s, Ordering::Relaxed);
    }

    async fn rotate(&self, text: &str) {
        self.client.put_secret_value().secret_id(ID).secret_string(text).send().await.unwrap();
    }

    async fn get(&self, stage: Stage) -> Result<String, SecretError> {
        Ok(self.secrets.get(ID, stage).await?.expose_secret().to_owned())
    }
}

#[tokio::test]
async fn a_rotated_secret_is_picked_up() {
    let world = World::new().await;
    world.client.create_secret().name(ID).secret_string("first").send().await.unwrap();
    assert_eq!(world.get(Stage::Current).await.unwrap(), "first");
    world.rotate("second").await;
    world.pass(SECRET_TTL_S - 1);
    assert_eq!(world.get(Stage::Current).await.unwrap(), "first", "it is kept");
    assert_eq!(world.get(Stage::Previous).await.unwrap(), "first");
    world.pass(1);
    assert_eq!(world.get(Stage::Current).await.unwrap(), "second");

    world.rotate("third").await;
    let refreshed = world.secrets.refresh(ID, Stage::Current).await.unwrap();
    assert_eq!(refreshed.expose_secret(), "third", "who was refused need not wait");
    assert!(!format!("{refreshed:?}").contains("third"));
}

#[tokio::test]
async fn an_old_copy_does_while_nobody_answers_and_not_for_ever() {
    let mut world = World::new().await;
    world.client.create_secret().name(ID).secret_string("first").send().await.unwrap();
    assert_eq!(world.get(Stage::Current).await.unwrap(), "first");
    world.moto = None;
    world.pass(SECRET_STALE_S_MAX - 1);
    assert_eq!(world.get(Stage::Current).await.unwrap(), "first");
    world.pass(1);
    assert!(matches!(world.get(Stage::Current).await, Err(SecretError::Unavailable { .. })));
    assert!(matches!(world.get(Stage::Pending).await, Err(SecretError::Unavailable { .. })));
}

#[tokio::test]
async fn what_is_no_secret_is_said() {
    let world = World::new().await;
    match world.get(Stage::Current).await {
        Err(error @ SecretError::Absent { .. }) => {
            assert_eq!(error.to_string(), "there is no secret `marvain/openai` in stage AWSCURRENT");
        }
        result => panic!("{result:?}"),
    }
    world.client.create_secret().name(ID).secret_binary(Blob::new(b"\0")).send().await.unwrap();
    assert!(matches!(world.get(Stage::Current).await, Err(SecretError::NoText(_))));
    assert!(matches!(world.get(Stage::Pending).await, Err(SecretError::Absent { .. })));

    // Deleted: an old copy must not go on.
    world.rotate("first").await;
    assert_eq!(world.get(Stage::Current).await.unwrap(), "first");
    let delete = world.client.delete_secret().secret_id(ID).force_delete_without_recovery(true);
    delete.send().await.unwrap();
    world.pass(SECRET_TTL_S);
    assert!(matches!(world.get(Stage::Current).await, Err(SecretError::Absent { .. })));
}

#[tokio::test]
async fn the_oldest_copy_makes_room() {
    let world = World::new().await;
    let name = |n: usize| format!("secret-{n}");
    for n in 0..=SECRETS_MAX {
        world.client.create_secret().name(name(n)).secret_string("before").send().await.unwrap();
        world.secrets.get(&name(n), Stage::Current).await.unwrap();
        world.pass(1);
        world.client.put_secret_value().secret_id(name(n)).secret_string("after").send().await.unwrap();
    }
    let seen = async |n| world.secrets.get(&name(n), Stage::Current).await.unwrap().expose_secret().to_owned();
    assert_eq!(seen(1).await, "before", "it is kept still");
    assert_eq!(seen(0).await, "after", "it had to go, and was read anew");
}
