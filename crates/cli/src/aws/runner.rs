//! Other programs as child processes, each printed as the line that a person would type. What a dry run prints is the same
//! value that is run otherwise.
//!
//! It does not know what the programs do.

use crate::{
    error::{CliError, Exit},
    globals::{self, Globals, shown},
    output::note,
};
use std::{
    env, fmt,
    fs::{DirBuilder, OpenOptions},
    io::{Read as _, Seek as _, SeekFrom},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    process::Stdio,
};
use tokio::process::{Child, Command};

/// How much of a program's log a failure shows, in bytes.
const LOG_BYTES_SHOWN: u64 = 4_000;

/// A program, where it runs, and what it is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Line {
    dir: PathBuf,
    variables: Vec<(&'static str, String)>,
    program: String,
    args: Vec<String>,
}

impl Line {
    pub(crate) fn new(dir: &Path, program: &str, args: &[&str]) -> Self {
        Self {
            dir: dir.to_owned(),
            variables: Vec::new(),
            program: program.to_owned(),
            args: args.iter().map(|arg| (*arg).to_owned()).collect(),
        }
    }

    /// With these variables beside those that there are.
    pub(crate) fn with(mut self, variables: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        self.variables.extend(variables);
        self
    }

    /// With more arguments.
    pub(crate) fn and(mut self, args: impl IntoIterator<Item = String>) -> Self {
        self.args.extend(args);
        self
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.current_dir(&self.dir).args(&self.args).stdin(Stdio::null()).kill_on_drop(true);
        for (name, value) in &self.variables {
            command.env(name, value);
        }
        command
    }

    /// Runs it to its end, with what it says on standard error: standard output is for results.
    pub(crate) async fn run(&self, globals: &Globals) -> Result<(), CliError> {
        note(globals, &format!("$ {self}"));
        let mut command = self.command();
        command.stdout(Stdio::from(std::io::stderr()));
        let ended = command.status().await.map_err(|e| self.absent(e))?;
        if ended.success() { Ok(()) } else { Err(self.failed(ended)) }
    }

    /// Starts it, with what it says in a log.
    pub(crate) fn start(&self, log: &Log, globals: &Globals) -> Result<Child, CliError> {
        note(globals, &format!("$ {self}\n  its log: {}", shown(&log.path)));
        let file = log.append()?;
        let errors = file.try_clone().map_err(|e| log.failed(e))?;
        let mut command = self.command();
        command.stdout(file).stderr(errors);
        command.spawn().map_err(|e| self.absent(e))
    }

    fn absent(&self, error: std::io::Error) -> CliError {
        CliError::failure(format!("cannot start `{}`", self.program))
            .because(error)
            .hint("`marvain doctor` says which programs are needed")
    }

    /// That it ended badly.
    pub(crate) fn failed(&self, ended: std::process::ExitStatus) -> CliError {
        CliError::failure(format!("`{self}` has ended with {ended}"))
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cd {} &&", quoted(&shown(&self.dir)))?;
        for (name, value) in &self.variables {
            write!(f, " {name}={}", quoted(value))?;
        }
        write!(f, " {}", quoted(&self.program))?;
        self.args.iter().try_for_each(|arg| write!(f, " {}", quoted(arg)))
    }
}

/// As a POSIX shell reads it back.
pub(crate) fn quoted(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_./:=@%+,".contains(&b);
    if !text.is_empty() && text.bytes().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// A file for what a program says, in XDG's state directory.
pub(crate) struct Log {
    path: PathBuf,
}

impl Log {
    /// The log of this name; what was in it stays.
    pub(crate) fn named(name: &str) -> Result<Self, CliError> {
        let dir = state_dir()?.join("logs");
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&dir);
        made.map_err(|e| CliError::failure(format!("cannot make `{}`", shown(&dir))).because(e))?;
        Ok(Self { path: dir.join(format!("{name}.log")) })
    }

    fn append(&self) -> Result<std::fs::File, CliError> {
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(&self.path);
        file.map_err(|e| self.failed(e))
    }

    fn failed(&self, error: std::io::Error) -> CliError {
        CliError::failure(format!("cannot write `{}`", shown(&self.path))).because(error)
    }

    /// The end of it.
    pub(crate) fn end(&self) -> std::io::Result<String> {
        let mut file = std::fs::File::open(&self.path)?;
        let from = file.metadata()?.len().saturating_sub(LOG_BYTES_SHOWN);
        file.seek(SeekFrom::Start(from))?;
        let mut bytes = Vec::new();
        file.take(LOG_BYTES_SHOWN).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// Where what outlives a command is kept: logs and sessions (XDG Base Directory Specification).
pub(crate) fn state_dir() -> Result<PathBuf, CliError> {
    Ok(globals::xdg("XDG_STATE_HOME", ".local/state")?.join("marvain"))
}

/// The source tree that is built and deployed: the one that is said, or else the one around the working directory.
pub(crate) fn source(said: Option<&Path>) -> Result<PathBuf, CliError> {
    let is_source = |dir: &Path| dir.join("cdk").join("cdk.json").is_file();
    let absent = |what: String| {
        CliError::new(Exit::NotFound, what).hint("run it within the source tree, or say where it is: `--source DIR`")
    };
    match said {
        Some(dir) if is_source(dir) => Ok(dir.to_owned()),
        Some(dir) => Err(absent(format!("`{}` is not marvain's source tree", shown(dir)))),
        None => {
            let here = env::current_dir().map_err(|e| CliError::failure("there is no working directory").because(e))?;
            let found = here.ancestors().find(|dir| is_source(dir)).map(Path::to_owned);
            found.ok_or_else(|| absent("this is not within marvain's source tree".to_owned()))
        }
    }
}

/// Where a program is, of those that `PATH` has.
pub(crate) fn on_path(program: &str) -> Option<PathBuf> {
    let dirs = env::var_os("PATH")?;
    env::split_paths(&dirs).map(|dir| dir.join(program)).find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_reads_back_as_what_is_run() {
        let line = Line::new(Path::new("/a b"), "npx", &["cdk", "it's"])
            .with([("AWS_REGION", "eu-central-1".to_owned())])
            .and(["-c".to_owned(), "x=".to_owned(), String::new(), "$HOME".to_owned()]);
        let text = r"cd '/a b' && AWS_REGION=eu-central-1 npx cdk 'it'\''s' -c x= '' '$HOME'";
        assert_eq!(line.to_string(), text);
        let said = std::process::Command::new("sh").args(["-c", &format!("printf %s {}", quoted("it's $x"))]).output();
        assert_eq!(said.unwrap().stdout, b"it's $x");
    }

    #[test]
    fn the_source_tree_is_the_one_around() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(source(Some(dir.path())).unwrap_err().exit(), Exit::NotFound);
        std::fs::create_dir(dir.path().join("cdk")).unwrap();
        std::fs::write(dir.path().join("cdk/cdk.json"), "{}").unwrap();
        assert_eq!(source(Some(dir.path())).unwrap(), dir.path());
    }
}
