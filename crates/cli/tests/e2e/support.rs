//! Hubs, satellites and commands as processes, and waiting for what they bring about.

use serde_json::Value;
use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader, Read, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    rc::Rc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// Longest that anything may take to come about.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// Longest that a command may take.
const RUN_MAX: Duration = Duration::from_secs(120);
/// How often it is looked whether a command has ended.
const RUN_LOOK: Duration = Duration::from_millis(2);
/// How often it is looked.
const LOOK: Duration = Duration::from_millis(25);

/// The command line, with nothing of whoever runs the tests.
pub(crate) fn marvain(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_marvain"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    command.env_clear().env("HOME", home).env("TMPDIR", home).env("PATH", path).stdin(Stdio::null());
    command
}

/// Looks until there is something.
#[track_caller]
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "waited in vain for {what}");
        thread::sleep(LOOK);
    }
}

fn gather(mut from: impl Read + Send + 'static) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut text = String::new();
        from.read_to_string(&mut text).unwrap();
        text
    })
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    #[track_caller]
    pub(crate) fn of(command: &mut Command) -> Self {
        let spawned = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut process = spawned.unwrap_or_else(|e| panic!("{command:?}: {e}"));
        let out = gather(process.stdout.take().unwrap());
        let err = gather(process.stderr.take().unwrap());
        let began = Instant::now();
        let status = loop {
            if let Some(status) = process.try_wait().unwrap() {
                break status;
            }
            if began.elapsed() > RUN_MAX {
                process.kill().unwrap();
                process.wait().unwrap();
                panic!("{command:?} does not end: {} {}", out.join().unwrap(), err.join().unwrap());
            }
            thread::sleep(RUN_LOOK);
        };
        Self { code: status.code(), out: out.join().unwrap(), err: err.join().unwrap() }
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    /// The error that it printed as JSON.
    #[track_caller]
    pub(crate) fn error(&self) -> Value {
        let last = self.err.lines().last().unwrap_or_default();
        serde_json::from_str::<Value>(last).unwrap_or_else(|e| panic!("{e}: {self:?}"))["error"].clone()
    }
}

/// SIGTERM, and how the process ended.
pub(crate) fn terminate(process: &mut Child) -> ExitStatus {
    let sent = Command::new("kill").args(["-TERM", &process.id().to_string()]).status().unwrap();
    assert!(sent.success());
    until("the process to end", || process.try_wait().unwrap())
}

/// A hub with a directory of its own.
pub(crate) struct Hub {
    dir: Rc<TempDir>,
    process: Child,
    pub(crate) ready: Value,
}

impl Hub {
    pub(crate) fn start() -> Self {
        let dir = Rc::new(tempfile::tempdir().unwrap());
        Self::start_in(&dir, ["127.0.0.1:0", "127.0.0.1:0"], up)
    }

    /// Another one where this one was, which must have ended.
    pub(crate) fn again(&self) -> Self {
        Self::start_in(&self.dir, [self.address("mqtt"), self.address("http")], up)
    }

    /// A hub that `up` starts on these addresses.
    pub(crate) fn start_in(dir: &Rc<TempDir>, addresses: [&str; 2], up: impl Fn(&Path) -> Command) -> Self {
        let log = File::options().create(true).append(true).open(dir.path().join("hub.log")).unwrap();
        let mut process = up(dir.path())
            .args(["--mqtt", addresses[0], "--http", addresses[1]])
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready = serde_json::from_str(&line)
            .unwrap_or_else(|e| panic!("{e}: {line:?}: {}", fs::read_to_string(dir.path().join("hub.log")).unwrap()));
        Self { dir: dir.clone(), process, ready }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn dir(&self) -> &Rc<TempDir> {
        &self.dir
    }

    pub(crate) fn address(&self, of: &str) -> &str {
        self.ready[of].as_str().unwrap()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path("hub.log")).unwrap()
    }

    /// A command on the hub's data; `@name` is a path in the test's own directory.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = marvain(self.dir.path());
        command.arg("--data").arg(self.path("data")).args(args.iter().map(|arg| match arg.strip_prefix('@') {
            Some(name) => self.path(name).into_os_string(),
            None => arg.into(),
        }));
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        Ran::of(&mut self.command(&[&["--json"], args].concat()))
    }

    /// What a person is told.
    pub(crate) fn tell(&self, args: &[&str]) -> Ran {
        Ran::of(&mut self.command(args))
    }

    /// What a command that succeeds answers.
    #[track_caller]
    pub(crate) fn ask(&self, args: &[&str]) -> Value {
        let ran = self.run(args);
        assert_eq!(ran.code, Some(0), "{args:?}: {ran:?}");
        ran.json()
    }

    /// The error of a command that ends with `code`.
    #[track_caller]
    pub(crate) fn refused(&self, code: i32, args: &[&str]) -> Value {
        let ran = self.run(args);
        assert_eq!(ran.code, Some(code), "{args:?}: {ran:?}");
        ran.error()
    }

    /// Asks until the answer is as it should be.
    #[track_caller]
    pub(crate) fn await_answer(&self, args: &[&str], holds: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            last = self.ask(args);
            if holds(&last) {
                return last;
            }
            thread::sleep(LOOK);
        }
        panic!("{args:?}: {last:#}")
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    pub(crate) fn stop(&mut self) -> ExitStatus {
        terminate(&mut self.process)
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        // It may have ended before.
        drop(self.process.kill());
        self.process.wait().unwrap();
    }
}

/// `marvain up` on the data directory in `dir`, with addresses to follow.
pub(crate) fn up(dir: &Path) -> Command {
    let mut command = marvain(dir);
    command.args(["up", "--json", "--time-zone", "UTC", "--data"]).arg(dir.join("data"));
    command
}

/// `marvain agent run` with something to type on.
pub(crate) struct Satellite {
    process: Child,
}

impl Satellite {
    /// Runs with the identity, the configuration and the state in these places.
    pub(crate) fn start(hub: &Hub, identity: &str, config: &str, state: &str) -> Self {
        let log = File::options().create(true).append(true).open(hub.path("satellite.log")).unwrap();
        let process = marvain(hub.dir.path())
            .args(["agent", "run", "--identity"])
            .arg(hub.path(identity))
            .arg("--config")
            .arg(hub.path(config))
            .arg("--state")
            .arg(hub.path(state))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        Self { process }
    }

    pub(crate) fn type_line(&mut self, line: &str) {
        writeln!(self.process.stdin.as_mut().unwrap(), "{line}").unwrap();
    }
}

impl Drop for Satellite {
    fn drop(&mut self) {
        drop(self.process.kill());
        self.process.wait().unwrap();
    }
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

pub(crate) fn items(list: &Value) -> &[Value] {
    list["items"].as_array().unwrap_or_else(|| panic!("{list} is no list"))
}
