//! `marvain policy show|check|edit`

use crate::{
    client::Client,
    error::CliError,
    globals::{Globals, shown},
    output::Output,
};
use clap::Subcommand;
use marvain_console::policy::{PolicyIds, PolicyText};
use marvain_domain::policy::{POLICY_BYTES_MAX, Problem, check};
use serde::Serialize;
use std::{
    env, fs,
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    process::Command,
};
use tempfile::NamedTempFile;

/// The rules, in Cedar.
#[derive(Subcommand, Debug)]
pub(crate) enum PolicyCommand {
    /// The policies in force
    Show,
    /// Is everything right with policies? A file is checked without a hub
    Check {
        /// Which file
        #[arg(required_unless_present = "current", conflicts_with = "current")]
        file: Option<PathBuf>,
        /// Check those in force
        #[arg(long)]
        current: bool,
    },
    /// Change the policies in an editor, or by a file; what is wrong changes nothing
    Edit {
        /// Put this file's policies in force, without an editor
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
}

/// What checking has found.
#[derive(Serialize)]
struct Checked {
    ok: bool,
    problems: Vec<ProblemInfo>,
}

#[derive(Serialize)]
struct ProblemInfo {
    file: String,
    line: usize,
    column: usize,
    policy: Option<String>,
    message: String,
    hint: Option<String>,
}

impl From<Problem> for ProblemInfo {
    fn from(Problem { file, line, column, policy, message, hint }: Problem) -> Self {
        Self { file, line, column, policy, message, hint }
    }
}

#[cfg(feature = "aws")]
impl PolicyCommand {
    /// Whether the hub is asked, and not a file alone.
    pub(super) fn asks_a_hub(&self) -> bool {
        !matches!(self, Self::Check { file: Some(_), .. })
    }
}

pub(super) async fn run(command: PolicyCommand, globals: &Globals) -> Result<(), CliError> {
    let out = Output::new(globals);
    match command {
        PolicyCommand::Show => out.show(&Client::connect(globals)?.policy().await?, |policy, _| policy.text.clone()),
        PolicyCommand::Check { file: Some(file), .. } => judge(&out, &shown(&file), &read(&file)?),
        PolicyCommand::Check { file: None, .. } => {
            judge(&out, "policies.cedar", &Client::connect(globals)?.policy().await?.text)
        }
        PolicyCommand::Edit { file } => {
            let client = Client::connect(globals)?;
            let before = client.policy().await?.text;
            let ids = match file {
                Some(file) => put(&client, &before, read(&file)?).await?,
                None => {
                    let draft = Draft::of(&before)?;
                    match draft.edit() {
                        Ok(text) => put(&client, &before, text).await,
                        Err(error) => Err(error),
                    }
                    .map_err(|error| draft.keep(&before, error))?
                }
            };
            out.show(&ids, |ids, _| format!("in force: {}", ids.policies.join(", ")))
        }
    }
}

fn judge(out: &Output, name: &str, text: &str) -> Result<(), CliError> {
    let problems = check(&[(name, text)]);
    let (count, text) = (problems.len(), lines(&problems));
    let checked = Checked { ok: count == 0, problems: problems.into_iter().map(ProblemInfo::from).collect() };
    out.show(&checked, |checked, _| if checked.ok { format!("`{name}` can be used") } else { text })?;
    if count == 0 { Ok(()) } else { Err(CliError::failure(format!("`{name}` cannot be used: {count} problems"))) }
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn read(path: &Path) -> Result<String, CliError> {
    let failed = |e: io::Error| CliError::failure(format!("cannot read `{}`", shown(path))).because(e);
    let mut text = String::new();
    let most = POLICY_BYTES_MAX as u64 + 1;
    fs::File::open(path).map_err(failed)?.take(most).read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}

/// Puts policies in force, if there is nothing wrong with them.
async fn put(client: &Client, before: &str, text: String) -> Result<PolicyIds, CliError> {
    let problems = check(&[("policies.cedar", &text)]);
    if !problems.is_empty() {
        return Err(CliError::failure(lines(&problems)).hint("nothing was changed"));
    }
    if text == before {
        return Err(CliError::failure("the policies are the same as before").hint("nothing was changed"));
    }
    client.set_policy(&PolicyText { text }).await
}

/// A file for a person's editor.
struct Draft(NamedTempFile);

impl Draft {
    fn of(text: &str) -> Result<Self, CliError> {
        let failed = |e: io::Error| CliError::failure("cannot make a file to edit").because(e);
        let mut file = tempfile::Builder::new().prefix("marvain-").suffix(".cedar").tempfile().map_err(failed)?;
        file.write_all(text.as_bytes()).and_then(|()| file.flush()).map_err(failed)?;
        Ok(Self(file))
    }

    /// What a person makes of it in their editor.
    fn edit(&self) -> Result<String, CliError> {
        let editor = ["VISUAL", "EDITOR"].into_iter().find_map(env::var_os).filter(|editor| !editor.is_empty());
        let editor = editor.ok_or_else(|| {
            CliError::failure("no editor: neither `VISUAL` nor `EDITOR` is set").hint("or use `--file FILE`")
        })?;
        // `EDITOR` may have arguments: `code --wait`.
        let editor = editor.to_string_lossy();
        let mut words = editor.split_whitespace();
        let ended = Command::new(words.next().unwrap_or_default()).args(words).arg(self.0.path()).status();
        let ended = ended.map_err(|e| CliError::failure("cannot start the editor").because(e))?;
        if !ended.success() {
            return Err(CliError::failure(format!("the editor failed: {ended}")).hint("nothing was changed"));
        }
        read(self.0.path())
    }

    /// Leaves what a person has written where they find it, and tells them with `error`.
    fn keep(self, before: &str, error: CliError) -> CliError {
        // An editor may put another file in this one's place, so it is read anew.
        if fs::read(self.0.path()).is_ok_and(|bytes| bytes == before.as_bytes()) {
            return error;
        }
        match self.0.keep() {
            Ok((_, path)) => {
                let path = shown(&path);
                error.hint(format!(
                    "nothing was changed; your text is in `{path}`: correct it, then `marvain policy edit --file {path}`"
                ))
            }
            Err(_) => error,
        }
    }
}
