//! `marvain up`: how it says that it is ready, how it ends, and what it does not start on.

use crate::support::{Hub, Ran, items, marvain, text, up};
use serde_json::Value;
use std::{
    fs::{self, File},
    io::{Seek as _, SeekFrom, Write as _},
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    rc::Rc,
};

fn refused(dir: &Path, addresses: [&str; 2]) -> Ran {
    let ran = Ran::of(up(dir).args(["--mqtt", addresses[0], "--http", addresses[1]]));
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""), "{ran:?}");
    ran
}

const ANY: [&str; 2] = ["127.0.0.1:0", "127.0.0.1:0"];

#[test]
fn a_hub_says_once_that_it_is_ready_and_ends_when_it_is_told_to() {
    let mut hub = Hub::start();
    let ready = hub.ready.as_object().unwrap();
    assert_eq!(ready["ready"], true);
    for of in ["mqtt", "http"] {
        let address: std::net::SocketAddr = hub.address(of).parse().unwrap();
        assert!(address.ip().is_loopback() && address.port() != 0);
    }
    assert_eq!(Path::new(text(&ready["data"])), hub.path("data").canonicalize().unwrap());
    let mode = |name: &str| fs::metadata(hub.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        (mode("data"), mode("data/credentials/owner.token"), mode("data/keys/audit.seed")),
        (0o700, 0o600, 0o600)
    );
    assert!(hub.stop().success());
    assert!(!hub.path("data/run/hub.json").exists());
    assert_eq!(hub.refused(3, &["status"])["code"], "no_hub");
}

#[test]
fn two_hubs_do_not_share_data_or_an_address() {
    let hub = Hub::start();
    let second = refused(hub.dir().path(), ANY).error();
    assert!(text(&second["message"]).contains("data/hub.lock` is locked by process"), "{second}");
    let other = tempfile::tempdir().unwrap();
    let taken = hub.address("mqtt");
    let told = refused(other.path(), [taken, "127.0.0.1:0"]).error();
    let wanted = format!("cannot listen on {taken} for mqtt: is it in use? `--mqtt 127.0.0.1:0` picks a free port");
    assert!(text(&told["message"]).contains(&wanted), "{told}");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let told = refused(other.path(), ["127.0.0.1:0", &taken.local_addr().unwrap().to_string()]).error();
    assert!(text(&told["message"]).contains("for http"), "{told}");
    assert_eq!(hub.ask(&["status"])["role"], "owner", "the first one does not mind");
}

#[test]
fn a_hub_has_the_owner_that_it_began_with() {
    let dir = Rc::new(tempfile::tempdir().unwrap());
    let olgas = |dir: &Path| {
        let mut command = up(dir);
        command.args(["--owner", "olga"]);
        command
    };
    let mut hub = Hub::start_in(&dir, ANY, olgas);
    assert_eq!(hub.ask(&["status"])["person"], "olga");
    hub.ask(&["person", "token", "olga"]);
    hub.refused(4, &["status"]);
    assert!(hub.stop().success());
    let mut hub = hub.again();
    assert_eq!(hub.ask(&["status"])["person"], "olga", "the credential in the data directory is hers again");
    assert_eq!(items(&hub.ask(&["person", "list"])).len(), 1);
    assert!(hub.stop().success());
    let ran = Ran::of(up(dir.path()).args(["--owner", "anna", "--mqtt", ANY[0], "--http", ANY[1]]));
    let told = text(&ran.error()["message"]).to_owned();
    assert!(told.ends_with("the owner of this hub is `olga`, not `anna`: start it without `--owner anna`"), "{told}");
}

#[test]
fn satellites_are_not_told_to_connect_to_every_address() {
    let dir = tempfile::tempdir().unwrap();
    let ran = Ran::of(up(dir.path()).args(["--mqtt", "0.0.0.0:0"]));
    assert_eq!((ran.code, ran.error()["hint"].to_string().contains("--endpoint HOST")), (Some(2), true), "{ran:?}");
    assert!(!dir.path().join("data").exists());
    let named = |dir: &Path| {
        let mut command = up(dir);
        command.args(["--endpoint", "hub.lan"]);
        command
    };
    let hub = Hub::start_in(&Rc::new(dir), ["0.0.0.0:0", ANY[1]], named);
    assert_eq!(hub.ask(&["claim", "create", "--out", "@claim"])["endpoint"], "hub.lan");
}

#[test]
fn a_hub_that_was_killed_is_not_asked() {
    let mut hub = Hub::start();
    hub.kill();
    assert!(hub.path("data/run/hub.json").exists());
    let somebody = TcpListener::bind(hub.address("http")).unwrap();
    assert_eq!(hub.refused(3, &["status"])["code"], "no_hub");
    somebody.set_nonblocking(true).unwrap();
    assert!(somebody.accept().is_err(), "nobody has come with a token");
    drop(somebody);
    assert_eq!(hub.again().ask(&["status"])["role"], "owner");
}

#[test]
fn a_damaged_database_is_named_and_left_as_it_is() {
    let mut hub = Hub::start();
    hub.ask(&["space", "add", "den"]);
    assert!(hub.stop().success());
    let data = hub.path("data");
    for (name, damage) in [
        ("ledger.db", overwrite as fn(&Path)),
        ("queues.db", truncate),
        ("recall.db", overwrite),
        ("iot/iotcore.db", overwrite),
        ("ledger.db", empty),
        ("keys/audit.seed", truncate),
        ("credentials/owner.token", empty),
        ("identity.json", truncate),
    ] {
        let path = data.join(name);
        let whole = fs::read(&path).unwrap();
        // What a log says of a page comes before what the database says, so a log that is there is damaged too.
        let log = data.join(format!("{name}-wal"));
        let logged = fs::read(&log).ok();
        if logged.is_some() {
            empty(&log);
        }
        damage(&path);
        let damaged = fs::read(&path).unwrap();
        let told = refused(hub.dir().path(), ANY).error();
        assert!(text(&told["message"]).contains(name), "{name}: {told}");
        assert_eq!(fs::read(&path).unwrap(), damaged, "{name} is as it was");
        fs::write(&path, whole).unwrap();
        if let Some(logged) = logged {
            fs::write(&log, logged).unwrap();
        }
    }
    let hub = hub.again();
    assert_eq!(hub.ask(&["space", "list"])["items"][0]["id"], "den");
}

fn overwrite(path: &Path) {
    let mut file = File::options().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(4096)).unwrap();
    file.write_all(&[0xa5; 8192]).unwrap();
}

fn truncate(path: &Path) {
    let file = File::options().write(true).open(path).unwrap();
    file.set_len(file.metadata().unwrap().len() / 3).unwrap();
}

fn empty(path: &Path) {
    File::options().write(true).open(path).unwrap().set_len(0).unwrap();
}

#[test]
fn without_a_place_for_data_nothing_is_guessed() {
    let ran = Ran::of(marvain(Path::new("")).env_remove("HOME").args(["--json", "up"]));
    assert_eq!((ran.code, &ran.error()["hint"]), (Some(1), &Value::from("say where with `--data DIR`")));
}
