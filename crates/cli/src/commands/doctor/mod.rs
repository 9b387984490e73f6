//! `marvain doctor`: looks for what is wrong with a hub, and says what to do about it. It changes nothing.
//!
//! | file | looks at |
//! |---|---|
//! | `files` | the data directory and its disk |
//! | `hub` | a hub that answers |
//! | `rest` | data that no hub uses: ports, databases, the audit log |

mod files;
mod hub;
mod rest;
#[cfg(test)]
mod tests;

use crate::{
    client::Client,
    error::{CliError, Exit},
    globals::Globals,
    output::{self, Look, Output, Tint, progress},
};
use serde::Serialize;

/// How it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Ok,
    Warn,
    Fail,
}

/// One thing that was looked at.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(crate) struct Check {
    name: &'static str,
    state: State,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

impl Check {
    fn new(name: &'static str, state: State, detail: impl Into<String>) -> Self {
        Self { name, state, detail: detail.into(), hint: None }
    }

    pub(crate) fn ok(name: &'static str, detail: impl Into<String>) -> Self {
        Self::new(name, State::Ok, detail)
    }

    pub(crate) fn warn(name: &'static str, detail: impl Into<String>) -> Self {
        Self::new(name, State::Warn, detail)
    }

    pub(crate) fn fail(name: &'static str, detail: impl Into<String>) -> Self {
        Self::new(name, State::Fail, detail)
    }

    /// Something could not be looked at.
    pub(crate) fn error(name: &'static str, error: &CliError) -> Self {
        let (message, hint) = error.told();
        Self { hint, ..Self::fail(name, message) }
    }

    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

pub(super) async fn run(globals: &Globals) -> Result<(), CliError> {
    let working = progress::spinner(globals, "looking");
    let mut checks = Vec::new();
    #[cfg(feature = "aws")]
    let is_here = globals.aws.env.is_none() && globals.aws.stack.is_none();
    #[cfg(not(feature = "aws"))]
    let is_here = true;
    if is_here {
        checks.extend(here(globals).await?);
    }
    #[cfg(feature = "aws")]
    {
        checks.extend(crate::aws::doctor::look(globals).await);
        if !is_here {
            checks.extend(elsewhere(globals).await);
        }
    }
    working.finish_and_clear();
    Output::new(globals).show(&checks, |checks, look| show(checks, look))?;
    match checks.iter().filter(|check| check.state == State::Fail).count() {
        0 => Ok(()),
        1 => Err(CliError::failure("one check fails")),
        count => Err(CliError::failure(format!("{count} checks fail"))),
    }
}

/// What is looked at for a deployed hub, by its API.
#[cfg(feature = "aws")]
async fn elsewhere(globals: &Globals) -> Vec<Check> {
    let status = async {
        let client = Client::connect(&crate::aws::meant(globals).await?)?;
        let status = client.status().await?;
        Ok((client, status))
    };
    match status.await {
        Ok((client, status)) => hub::look(&client, status).await,
        Err(error) => vec![Check::error("hub", &error)],
    }
}

/// What is looked at for a hub of this machine.
async fn here(globals: &Globals) -> Result<Vec<Check>, CliError> {
    let data = globals.data_dir()?;
    let mut checks = files::look(&data);
    match Client::connect(globals) {
        Ok(client) => match client.status().await {
            Ok(status) => checks.extend(hub::look(&client, status).await),
            Err(error) if error.exit() == Exit::NoHub => {
                let silent = Check::warn("hub", "it runs, and does not answer: it has just begun, or is ending");
                checks.push(silent.hint("look again in a few seconds; if it stays so, the hub's log says why"));
            }
            Err(error) => checks.push(Check::error("hub", &error)),
        },
        Err(error) if error.exit() == Exit::NoHub => {
            checks.push(Check::warn("hub", "no hub runs").hint("`marvain up` starts it"));
            checks.extend(rest::look(&data).await);
        }
        Err(error) => checks.push(Check::error("hub", &error)),
    }
    Ok(checks)
}

fn show(checks: &[Check], look: Look) -> String {
    let row = |check: &Check| {
        let (word, tint) = match check.state {
            State::Ok => ("ok", Tint::Good),
            State::Warn => ("warn", Tint::Attention),
            State::Fail => ("FAIL", Tint::Bad),
        };
        let hint = (check.hint.clone().unwrap_or_default(), Tint::Dim);
        [(check.name.to_owned(), Tint::Plain), (word.to_owned(), tint), (check.detail.clone(), Tint::Plain), hint]
    };
    output::table(look, ["CHECK", "", "FOUND", "HINT"], checks.iter().map(row).collect())
}
