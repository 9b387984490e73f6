//! One instance: a process, its runtime API and its log.

use super::{
    Function, FunctionError, Invocation, Outcome,
    api::{Api, Event},
};
use crate::Serving;
use bytes::Bytes;
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Stdio,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use tempfile::TempDir;
use tokio::{
    process::{Child, Command},
    time,
};

/// How long a program may take until it asks for its first event, in seconds.
pub const INIT_S: u64 = 60;
/// Where Lambda says that it is.
const REGION: &str = "eu-central-1";
/// The account that it says it is in.
const ACCOUNT: &str = "123456789012";

/// Numbers requests of all functions of this process.
static REQUESTS: AtomicU64 = AtomicU64::new(1);

pub(super) struct Instance {
    child: Child,
    api: Api,
    _serving: Serving,
    dir: TempDir,
    /// How much of the log was told.
    told: usize,
}

impl Drop for Instance {
    fn drop(&mut self) {
        // It may have ended by itself; Tokio reaps it.
        drop(self.child.start_kill());
    }
}

impl Instance {
    /// Starts one, and says how long that took; or the invocation that failed because it does not start.
    pub(super) async fn start(function: &Function, number: u64) -> Result<(Self, Duration), Box<Invocation>> {
        let (api, serving) = Api::serve().await;
        let address = serving.address().to_string();
        let dir = TempDir::with_prefix("marvain-lambda-").expect("a folder for an instance");
        let log = File::create(dir.path().join("log")).expect("a log for an instance");
        let errors = log.try_clone().expect("a log for an instance");
        let mut command = Command::new(&function.program[0]);
        command.args(&function.program[1..]).current_dir(&function.directory).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(log).stderr(errors).env_clear();
        command.envs(environment(function, &address, number));
        command.envs(function.environment.iter().map(|(name, value)| (name, value)));
        let began = Instant::now();
        let child = command.spawn().unwrap_or_else(|error| panic!("{} does not start: {error}", function.name));
        let mut instance = Self { child, api, _serving: serving, dir, told: 0 };
        let api = instance.api.clone();
        let failed = tokio::select! {
            biased;
            doing = api.until(|doing| doing.polls || doing.init_error.is_some()) => match doing.init_error {
                None => return Ok((instance, began.elapsed())),
                Some(error) => Outcome::Failed(error),
            },
            status = instance.child.wait() => Outcome::Exited(status.expect("a child of this process")),
            () = time::sleep(Duration::from_secs(INIT_S)) => Outcome::TimedOut,
        };
        let (init, memory_kb) = (Some(began.elapsed()), instance.memory_kb());
        let log = instance.log();
        let request_id = request_id();
        Err(Box::new(Invocation { request_id, outcome: failed, init, duration: Duration::ZERO, memory_kb, log }))
    }

    /// Gives it an event. Says whether it can take another.
    pub(super) async fn invoke(
        &mut self,
        function: &Function,
        body: Bytes,
        killed: impl Future<Output = ()>,
    ) -> (Invocation, bool) {
        let (request_id, began) = (request_id(), Instant::now());
        let arn = format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{}", function.name);
        let deadline_ms = (now() + function.timeout).as_millis().try_into().expect("a time of this era");
        let event = Event { request_id: request_id.clone(), deadline_ms, arn, trace: trace(), body };
        self.api.give(event);
        let api = self.api.clone();
        let ended = |doing: &super::api::Doing| doing.ended.is_some();
        let outcome = tokio::select! {
            biased;
            doing = api.until(ended) => doing.ended.expect("an end"),
            status = self.child.wait() => Outcome::Exited(status.expect("a child of this process")),
            () = time::sleep(function.timeout) => Outcome::TimedOut,
            () = killed => Outcome::Killed,
        };
        let (duration, memory_kb) = (began.elapsed(), self.memory_kb());
        let mut is_usable = false;
        if matches!(outcome, Outcome::Answer(_) | Outcome::Failed(FunctionError { .. })) {
            // An invocation is over when the runtime asks for the next.
            let left = function.timeout.saturating_sub(duration);
            is_usable = tokio::select! {
                biased;
                _ = api.until(|doing| doing.polls) => true,
                _ = self.child.wait() => false,
                () = time::sleep(left) => false,
            };
        }
        if !is_usable {
            drop(self.child.start_kill());
            drop(self.child.wait().await);
        }
        let log = self.log();
        (Invocation { request_id, outcome, init: None, duration, memory_kb, log }, is_usable)
    }

    /// What was written since this was asked last.
    fn log(&mut self) -> String {
        let log = fs::read(self.dir.path().join("log")).unwrap_or_default();
        let fresh = String::from_utf8_lossy(&log[self.told.min(log.len())..]).into_owned();
        self.told = log.len();
        fresh
    }

    /// Linux's `VmHWM`.
    fn memory_kb(&self) -> u64 {
        let path = self.child.id().map(|id| PathBuf::from(format!("/proc/{id}/status")));
        let status = path.and_then(|path| fs::read_to_string(path).ok()).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok()).unwrap_or_default()
    }
}

/// What Lambda sets (AWS Lambda, "Working with Lambda environment variables": defined runtime environment variables).
fn environment(function: &Function, api: &str, number: u64) -> Vec<(&'static str, String)> {
    let directory = Path::new(&function.directory).display().to_string();
    vec![
        ("_HANDLER", function.handler.clone()),
        ("AWS_LAMBDA_RUNTIME_API", api.to_owned()),
        ("AWS_LAMBDA_FUNCTION_NAME", function.name.clone()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", function.memory_mb.to_string()),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".to_owned()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{}", function.name)),
        ("AWS_LAMBDA_LOG_STREAM_NAME", format!("2026/11/26/[$LATEST]{number:032x}")),
        ("AWS_REGION", REGION.to_owned()),
        ("AWS_DEFAULT_REGION", REGION.to_owned()),
        ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned()),
        ("AWS_XRAY_CONTEXT_MISSING", "LOG_ERROR".to_owned()),
        ("LAMBDA_TASK_ROOT", directory),
        ("LANG", "en_US.UTF-8".to_owned()),
        ("PATH", "/usr/local/bin:/usr/bin:/bin:/opt/bin".to_owned()),
        ("TZ", ":UTC".to_owned()),
    ]
}

#[expect(clippy::disallowed_methods, reason = "a deadline is told as a time of the clock")]
fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970")
}

/// In the form of a UUID.
fn request_id() -> String {
    let number = REQUESTS.fetch_add(1, Ordering::Relaxed);
    format!("{:08x}-0000-4000-8000-{number:012x}", std::process::id())
}

/// As AWS X-Ray has it: `Root=1-{epoch seconds}-{96 bits};Parent={64 bits};Sampled=1`.
fn trace() -> String {
    let (seconds, number) = (now().as_secs(), REQUESTS.load(Ordering::Relaxed));
    format!("Root=1-{seconds:08x}-{:08x}{number:016x};Parent={number:016x};Sampled=1", std::process::id())
}
