//! What commands print: one JSON document for programs, or text for people.
//!
//! Renderers are pure: value and [`Look`] in, text out. What satellites and people said is untrusted, so that control
//! characters never reach a terminal.

pub(crate) mod actions;
pub(crate) mod audit;
pub(crate) mod household;
pub(crate) mod memories;
pub(crate) mod operations;
pub(crate) mod progress;
pub(crate) mod readings;
pub(crate) mod reminders;
pub(crate) mod satellites;
pub(crate) mod status;
mod table;
#[cfg(test)]
pub(crate) mod tests;
mod words;

pub(crate) use table::{Tint, fields, table};
pub(crate) use words::{bytes, clean, cut, duration, relative};

use crate::{
    error::CliError,
    globals::{Globals, now},
};
use marvain_domain::Timestamp;
use serde::Serialize;
use std::{
    env,
    io::{self, IsTerminal as _, Write as _},
};

/// How text looks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    /// With colours.
    pub(crate) colour: bool,
    /// What times are relative to.
    pub(crate) now: Timestamp,
}

/// Standard output.
pub(crate) struct Output {
    json: bool,
    look: Look,
}

impl Output {
    /// Coloured on a terminal unless `NO_COLOR` is set (no-color.org).
    pub(crate) fn new(globals: &Globals) -> Self {
        let colour = io::stdout().is_terminal() && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self { json: globals.json, look: Look { colour, now: now() } }
    }

    /// Prints `value` as JSON, or what `human` makes of it.
    pub(crate) fn show<T: Serialize>(&self, value: &T, human: impl FnOnce(&T, Look) -> String) -> Result<(), CliError> {
        self.print(&self.render(value, human)?)
    }

    /// Prints `value` as JSON in one line, for who reads a stream of them; people are shown progress instead.
    #[cfg(feature = "aws")]
    pub(crate) fn event<T: Serialize>(&self, value: &T) -> Result<(), CliError> {
        if !self.json {
            return Ok(());
        }
        let text = serde_json::to_string(value);
        self.print(&text.map_err(|e| CliError::failure("the answer has no JSON form").because(e))?)
    }

    /// Prints `value` as JSON in one line, or what `human` makes of it: one of a stream.
    #[cfg(feature = "aws")]
    pub(crate) fn each<T: Serialize>(&self, value: &T, human: impl FnOnce(&T, Look) -> String) -> Result<(), CliError> {
        if self.json { self.event(value) } else { self.print(&human(value, self.look)) }
    }

    fn render<T: Serialize>(&self, value: &T, human: impl FnOnce(&T, Look) -> String) -> Result<String, CliError> {
        if self.json {
            let text = serde_json::to_string_pretty(value);
            text.map_err(|e| CliError::failure("the answer has no JSON form").because(e))
        } else {
            Ok(human(value, self.look).trim_end().to_owned())
        }
    }

    /// Prints lines. Whoever reads them may stop reading.
    fn print(&self, text: &str) -> Result<(), CliError> {
        let mut out = io::stdout().lock();
        match writeln!(out, "{text}").and_then(|()| out.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(CliError::failure("cannot write to standard output").because(error))
            }
            _ => Ok(()),
        }
    }
}

/// Tells a person something that is no result; programs are spared it.
pub(crate) fn note(globals: &Globals, text: &str) {
    if !globals.json {
        // Who cannot be told goes without.
        writeln!(io::stderr(), "{text}").unwrap_or_default();
    }
}

/// What stands below a list that goes on.
pub(crate) fn more(next: Option<&str>) -> String {
    next.map(|next| format!("\nmore: --after '{next}'")).unwrap_or_default()
}
