//! AWS Lambda's runtime API and what runs behind it: a program is started as an instance, is given one event after the other,
//! and is killed when its time is out, as Lambda does.
//!
//! | here | on AWS |
//! |---|---|
//! | [`Lambda::invoke`] waits for an instance when all are busy | a synchronous caller is told `TooManyRequestsException` |
//! | a program may take [`INIT_S`] to ask for its first event | 10 s, then it is begun again within the first invocation |
//! | memory is measured and not limited; there is no frozen time between invocations | it is, and there is |
//!
//! It knows nothing of what an event means: queues with retries, schedules and gateways are whoever invokes.

mod api;
mod instance;

pub use instance::INIT_S;

use bytes::Bytes;
use instance::Instance;
use parking_lot::Mutex;
use serde_json::Value;
use std::{
    fs,
    future::{Future, pending},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};
use tokio::sync::Semaphore;

/// A function as it is deployed.
#[derive(Clone, Debug)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// What is configured as its handler.
    pub handler: String,
    /// The program, and its arguments.
    pub program: Vec<PathBuf>,
    /// Where it runs: what a package has in its root.
    pub directory: PathBuf,
    /// Its environment, besides what Lambda sets. Nothing of this process's is in it.
    pub environment: Vec<(String, String)>,
    /// How long an invocation may take.
    pub timeout: Duration,
    /// What is said of its memory, in MB.
    pub memory_mb: u32,
    /// How many instances there may be at a time.
    pub concurrency: usize,
}

/// How an invocation ended.
#[derive(Clone, PartialEq, Debug)]
pub enum Outcome {
    /// With an answer.
    Answer(Bytes),
    /// The function, or its runtime, said that it failed: `FunctionError`.
    Failed(FunctionError),
    /// Its time was out, and it was killed: `Sandbox.Timedout`.
    TimedOut,
    /// It ended by itself: `Runtime.ExitError`.
    Exited(ExitStatus),
    /// Whoever invoked it had it killed.
    Killed,
}

impl Outcome {
    /// The status of a program that ended by itself.
    pub fn exit(&self) -> Option<ExitStatus> {
        match self {
            Self::Exited(status) => Some(*status),
            _ => None,
        }
    }
}

/// What a runtime says of an error (AWS Lambda, "Using the Lambda runtime API for custom runtimes": Invocation error).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FunctionError {
    /// At which point: the header, like `Runtime.UnknownReason`; empty if there is none.
    pub class: String,
    /// Member `errorType`.
    pub error_type: String,
    /// Member `errorMessage`.
    pub message: String,
    /// At the start, before there was an event.
    pub at_init: bool,
}

/// An invocation that has ended.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// Its request id.
    pub request_id: String,
    /// How it ended.
    pub outcome: Outcome,
    /// How long the start took, if it was a cold one: from the program's start until it asked for an event.
    pub init: Option<Duration>,
    /// How long it took, without the start.
    pub duration: Duration,
    /// The most memory that the program had until then, in kB; 0 if it is not known.
    pub memory_kb: u64,
    /// What it wrote meanwhile.
    pub log: String,
}

impl Invocation {
    /// The answer as JSON.
    ///
    /// # Panics
    /// If there is none; with the log.
    pub fn answer(&self) -> Value {
        match &self.outcome {
            Outcome::Answer(bytes) => serde_json::from_slice(bytes).expect("an answer in JSON"),
            other => panic!("{other:?}\n{}", self.log),
        }
    }
}

/// A deployed function with its instances. They end when this is dropped.
pub struct Lambda {
    function: Function,
    places: Semaphore,
    idle: Mutex<Vec<Instance>>,
    starts: AtomicU64,
}

impl Lambda {
    /// Deploys; nothing runs yet.
    pub fn new(function: Function) -> Self {
        let places = Semaphore::new(function.concurrency);
        Self { function, places, idle: Mutex::new(Vec::new()), starts: AtomicU64::new(0) }
    }

    /// How many instances were started until now.
    pub fn starts(&self) -> u64 {
        self.starts.load(Ordering::Relaxed)
    }

    /// Ends all instances that are idle: the next invocation is a cold start.
    pub fn cool(&self) {
        self.idle.lock().clear();
    }

    /// Invokes it with an event.
    ///
    /// # Panics
    /// If the program cannot be started at all.
    pub async fn invoke(&self, event: impl Into<Bytes>) -> Invocation {
        self.invoke_until(event, pending()).await
    }

    /// Invokes it with an event, and kills it in the middle of that when `killed` is there first.
    ///
    /// # Panics
    /// If the program cannot be started at all.
    pub async fn invoke_until(&self, event: impl Into<Bytes>, killed: impl Future<Output = ()>) -> Invocation {
        let _place = self.places.acquire().await.expect("a semaphore that is open");
        let warm = self.idle.lock().pop();
        let (mut instance, init) = match warm {
            Some(instance) => (instance, None),
            None => {
                let number = self.starts.fetch_add(1, Ordering::Relaxed);
                match Instance::start(&self.function, number).await {
                    Ok((instance, init)) => (instance, Some(init)),
                    Err(invocation) => return *invocation,
                }
            }
        };
        let (mut invocation, is_usable) = instance.invoke(&self.function, event.into(), killed).await;
        invocation.init = init;
        if is_usable {
            self.idle.lock().push(instance);
        }
        invocation
    }
}

/// Unpacks a package as Lambda does, and says where its program is.
///
/// # Panics
/// If it is no package with one.
pub fn unpack(package: &Path, to: &Path) -> PathBuf {
    let unpacked = Command::new("python3").args(["-m", "zipfile", "-e"]).args([package, to]).status();
    assert!(unpacked.is_ok_and(|status| status.success()), "{} cannot be unpacked: is it made?", package.display());
    let program = to.join("bootstrap");
    // What Python leaves out.
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("a program in the package");
    program
}
