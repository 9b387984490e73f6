//! `config.toml`: the environments that a person deploys to, in XDG's configuration directory. There are no secrets in it,
//! and yet it is its owner's alone: who can write it says which account is deployed to, and which hub gets to see tokens.
//!
//! It does not know AWS: what is in it is looked up elsewhere.

use crate::{
    error::{CliError, Exit},
    globals::{self, shown},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fmt, fs,
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};
use toml_edit::{DocumentMut, Item, Table, value};

/// Largest file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 256 * 1024;
/// Longest name of an environment, in bytes.
const NAME_BYTES_MAX: usize = 64;
/// Bits of a mode that let others write.
const OTHERS_WRITE: u32 = 0o022;
/// Bits of a mode that let others do anything.
const OTHERS: u32 = 0o077;
/// What stands at the head of a new file.
const HEAD: &str = "# Where marvain is deployed: `marvain config validate` checks it. No secrets belong here.\n";

/// What an environment is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Stage {
    /// To try things out: what it keeps can be removed soon.
    #[default]
    Dev,
    /// To be relied on: the audit log cannot be removed by anybody before its time.
    Prod,
}

impl Stage {
    /// As the context of the CDK app has it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Prod => "prod",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One place that marvain is deployed to.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Environment {
    /// Profile of AWS's own configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) profile: Option<String>,
    /// Region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) region: Option<String>,
    /// What the stacks' names begin with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) stack: Option<String>,
    /// What it is for.
    #[serde(default)]
    pub(crate) stage: Stage,
    /// Other settings of the CDK app, by their names there.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) context: BTreeMap<String, String>,
    /// What the stacks have put out, as `marvain monitor outputs --write-config` keeps it: who has these needs no right to
    /// ask CloudFormation.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) outputs: BTreeMap<String, String>,
}

/// All of the file.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// The environment that is meant when none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) default_env: Option<String>,
    /// By name.
    #[serde(default)]
    pub(crate) env: BTreeMap<String, Environment>,
}

/// What was read, and what is wrong with how it lies there.
#[derive(Clone, Debug)]
pub(crate) struct Read {
    /// The file's text.
    pub(crate) text: String,
    /// What it says.
    pub(crate) config: Config,
    /// That others can read it.
    pub(crate) complaint: Option<String>,
}

/// Where the file is unless somebody says otherwise (XDG Base Directory Specification).
///
/// # Errors
/// If nothing says where it is.
pub(crate) fn path(said: Option<&Path>) -> Result<PathBuf, CliError> {
    match said {
        Some(path) => Ok(path.to_owned()),
        None => Ok(globals::xdg("XDG_CONFIG_HOME", ".config")?.join("marvain").join("config.toml")),
    }
}

/// Reads the file; none if there is none.
///
/// # Errors
/// If it cannot be read, says what makes no sense, or can be written by others.
pub(crate) fn read(path: &Path) -> Result<Option<Read>, CliError> {
    let failed = |e: io::Error| CliError::failure(format!("cannot read `{}`", shown(path))).because(e);
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(failed(e)),
    };
    let mode = file.metadata().map_err(failed)?.permissions().mode();
    let chmod = format!("chmod 600 '{}'", shown(path));
    if mode & OTHERS_WRITE != 0 {
        return Err(CliError::failure(format!("others can write `{}`", shown(path))).hint(chmod));
    }
    let complaint = (mode & OTHERS != 0).then(|| format!("others can read `{}`: {chmod}", shown(path)));
    let mut text = String::new();
    file.take(FILE_BYTES_MAX).read_to_string(&mut text).map_err(failed)?;
    let config = parse(&text).map_err(|e| {
        let says = CliError::failure(format!("`{}` makes no sense", shown(path)));
        says.because(e).hint("docs/aws.md says what belongs there")
    })?;
    Ok(Some(Read { text, config, complaint }))
}

/// What a file of this text says.
pub(crate) fn parse(text: &str) -> Result<Config, toml::de::Error> {
    toml::from_str(text)
}

/// Is this the name of an environment?
///
/// # Errors
/// What it has to look like.
pub(crate) fn name(text: &str) -> Result<String, String> {
    let fits = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if fits && !text.is_empty() && text.len() <= NAME_BYTES_MAX {
        Ok(text.to_owned())
    } else {
        Err(format!("it must have 1 to {NAME_BYTES_MAX} of a-z, 0-9 and `-`"))
    }
}

/// `text` with another environment, which is the default if it is the first. Comments and order stay as they are.
///
/// # Errors
/// If there is one of that name already, or `text` is no TOML.
pub(crate) fn with_environment(text: &str, name: &str, environment: &Environment) -> Result<String, CliError> {
    let mut document = document(text)?;
    if document.get("env").and_then(|env| env.get(name)).is_some() {
        return Err(CliError::new(Exit::Conflict, format!("there is an environment `{name}` already"))
            .hint("edit the file, or use another name: `--env NAME`"));
    }
    let is_first = document.get("env").and_then(Item::as_table_like).is_none_or(|env| env.is_empty());
    if is_first && document.get("default_env").is_none() {
        document.insert("default_env", value(name));
    }
    let table = section(&mut document, name)?;
    let Environment { profile, region, stack, stage, context: _, outputs: _ } = environment;
    for (key, text) in [("profile", profile), ("region", region), ("stack", stack)] {
        if let Some(text) = text {
            table.insert(key, value(text));
        }
    }
    table.insert("stage", value(stage.as_str()));
    let head = if text.trim().is_empty() { HEAD } else { "" };
    Ok(format!("{head}{document}"))
}

/// `text` with these outputs in the place of any that the environment had.
///
/// # Errors
/// If there is no such environment, or `text` is no TOML.
pub(crate) fn with_outputs(text: &str, name: &str, outputs: &BTreeMap<String, String>) -> Result<String, CliError> {
    let mut document = document(text)?;
    if document.get("env").and_then(|env| env.get(name)).is_none() {
        return Err(absent(name));
    }
    let mut table = Table::new();
    for (key, text) in outputs {
        table.insert(key, value(text));
    }
    section(&mut document, name)?.insert("outputs", Item::Table(table));
    Ok(document.to_string())
}

/// That there is no such environment.
pub(crate) fn absent(name: &str) -> CliError {
    CliError::new(Exit::NotFound, format!("the configuration has no environment `{name}`"))
        .hint(format!("`marvain config init --env {name}` adds it; `marvain config show` has those that there are"))
}

fn document(text: &str) -> Result<DocumentMut, CliError> {
    text.parse().map_err(|e: toml_edit::TomlError| CliError::failure("the configuration is no TOML").because(e))
}

fn section<'a>(document: &'a mut DocumentMut, name: &str) -> Result<&'a mut Table, CliError> {
    let foreign = || CliError::failure("`env` in the configuration is no table of environments");
    let mut implicit = Table::new();
    implicit.set_implicit(true);
    let environments = document.entry("env").or_insert(Item::Table(implicit)).as_table_mut().ok_or_else(foreign)?;
    environments.entry(name).or_insert(Item::Table(Table::new())).as_table_mut().ok_or_else(foreign)
}

/// Writes the file whole or not at all, for its owner alone.
///
/// # Errors
/// If it cannot be written.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), CliError> {
    private_file(path, text.as_bytes())
        .map_err(|e| CliError::failure(format!("cannot write `{}`", shown(path))).because(e))
}

/// Puts a file with mode 0600 in the place of what was there, in a directory that is made with mode 0700.
pub(crate) fn private_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    // A temporary file is its owner's alone, and stays so.
    let mut file = tempfile::NamedTempFile::new_in(dir)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|e| e.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# mine\ndefault_env = \"dev\" # usually\n\n[env.dev]\nprofile = \"home\"\nstage = \"dev\"\n";

    #[test]
    fn a_file_is_written_for_its_owner_alone_and_complained_about_when_others_read_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("new/config.toml");
        assert!(read(&path).unwrap().is_none());
        write(&path, TEXT).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        assert!(read(&path).unwrap().unwrap().complaint.is_none());
        let open_to = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        open_to(0o640);
        assert!(read(&path).unwrap().unwrap().complaint.unwrap().contains("chmod 600"));
        open_to(0o620);
        assert!(read(&path).unwrap_err().to_string().contains("others can write"));
        write(&path, TEXT).unwrap();
        assert_eq!(mode(&path), 0o600, "writing puts it right");
    }

    #[test]
    fn what_does_not_belong_there_is_refused_with_its_place() {
        for (text, why) in [
            ("[env.dev]\nsecret_access_key = \"x\"\n", "unknown field `secret_access_key`"),
            ("[env.dev]\nstage = \"test\"\n", "unknown variant `test`"),
            ("tokens = 1\n", "unknown field `tokens`"),
            ("[env.dev\n", "line 1"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn environments_and_outputs_are_added_and_all_else_stays() {
        let prod = Environment {
            profile: Some("home-prod".to_owned()),
            region: Some("eu-central-1".to_owned()),
            stack: Some("marvain-prod".to_owned()),
            stage: Stage::Prod,
            ..Environment::default()
        };
        let text = with_environment(TEXT, "prod", &prod).unwrap();
        assert!(text.starts_with(TEXT), "{text}");
        assert_eq!(parse(&text).unwrap().env["prod"], prod);
        assert_eq!(parse(&text).unwrap().default_env.as_deref(), Some("dev"));
        assert_eq!(with_environment(&text, "prod", &prod).unwrap_err().exit(), Exit::Conflict);
        let outputs = BTreeMap::from([("ApiUrl".to_owned(), "https://x".to_owned())]);
        let text = with_outputs(&text, "dev", &outputs).unwrap();
        assert!(text.starts_with("# mine\ndefault_env = \"dev\" # usually\n"), "{text}");
        assert_eq!(parse(&text).unwrap().env["dev"].outputs, outputs);
        let again = with_outputs(&text, "dev", &BTreeMap::new()).unwrap();
        assert!(parse(&again).unwrap().env["dev"].outputs.is_empty());
        assert_eq!(with_outputs(TEXT, "prod", &outputs).unwrap_err().exit(), Exit::NotFound);
        let first = with_environment("", "dev", &Environment::default()).unwrap();
        assert_eq!(first, format!("{HEAD}default_env = \"dev\"\n\n[env.dev]\nstage = \"dev\"\n"));
    }

    #[test]
    fn names_are_plain() {
        assert_eq!(name("dev-2"), Ok("dev-2".to_owned()));
        for bad in ["", "Dev", "a.b", "a b", &"x".repeat(65)] {
            assert!(name(bad).is_err(), "{bad}");
        }
    }
}
