//! Commands in a home and a source tree of their own.

use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};
use tempfile::TempDir;

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    /// A stream of documents, one a line.
    #[track_caller]
    pub(crate) fn lines(&self) -> Vec<Value> {
        let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {self:?}"));
        self.out.lines().map(parse).collect()
    }

    /// The error that it printed as JSON.
    #[track_caller]
    pub(crate) fn error(&self) -> Value {
        let last = self.err.lines().last().unwrap_or_default();
        serde_json::from_str::<Value>(last).unwrap_or_else(|e| panic!("{e}: {self:?}"))["error"].clone()
    }
}

/// A home with nothing in it, and a source tree with a cloud assembly.
pub(crate) struct World {
    dir: TempDir,
    variables: Vec<(String, String)>,
}

impl World {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let assembly = dir.path().join("tree/cdk/cdk.out");
        fs::create_dir_all(&assembly).unwrap();
        fs::create_dir(dir.path().join("home")).unwrap();
        fs::write(dir.path().join("tree/cdk/cdk.json"), "{}").unwrap();
        for entry in fs::read_dir(synthesised()).unwrap().map(Result::unwrap) {
            // Assets, which are folders, nobody here looks at.
            if entry.file_type().unwrap().is_file() {
                fs::copy(entry.path(), assembly.join(entry.file_name())).unwrap();
            }
        }
        Self { dir, variables: Vec::new() }
    }

    /// One where all of AWS is behind this URL.
    pub(crate) fn on(url: &str) -> Self {
        let variables = [
            ("AWS_ENDPOINT_URL", url),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_REGION", "eu-central-1"),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Self { variables, ..Self::new() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// A command in the source tree, with nothing of whoever runs the tests.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_marvain"));
        let path = std::env::var_os("PATH").unwrap_or_default();
        command.env_clear().env("HOME", self.path("home")).env("TMPDIR", self.dir.path()).env("PATH", path);
        // Nothing outside is asked for credentials.
        command.env("AWS_EC2_METADATA_DISABLED", "true");
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.current_dir(self.path("tree")).stdin(Stdio::null()).args(args);
        command
    }

    /// Runs it to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        let output = self.command(args).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Its standard output, with the directories of this world left out.
    #[track_caller]
    pub(crate) fn told(&self, args: &[&str]) -> String {
        let ran = self.run(args);
        assert_eq!(ran.code, Some(0), "{args:?}: {ran:?}");
        let dir = fs::canonicalize(self.dir.path()).unwrap();
        ran.out.replace(dir.to_str().unwrap(), "").replace(self.dir.path().to_str().unwrap(), "")
    }

    /// Writes the configuration.
    pub(crate) fn configure(&self, text: &str) {
        let path = self.path("home/.config/marvain/config.toml");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }
}

/// What `scripts/cdk` has synthesised for the stage `dev`.
pub(crate) fn synthesised() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../cdk/out/synth/dev");
    assert!(folder.exists(), "{} is missing: `scripts/cdk` makes it", folder.display());
    folder
}
