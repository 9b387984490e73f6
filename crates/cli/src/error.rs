//! How a command fails: an exit code for scripts, a message and a hint for people, each printed once.

use marvain_console::error::{ErrorBody, ErrorInfo};
use marvain_domain::chain;
use std::{
    error::Error,
    io::{self, Write as _},
    process::ExitCode,
};

/// How a command ends when it does not succeed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Exit {
    /// It was tried and did not work.
    Failure,
    /// The command line makes no sense; clap says so too.
    Usage,
    /// No hub runs.
    NoHub,
    /// Policy refuses it, or the credential is not valid.
    Refused,
    /// There is no such thing.
    NotFound,
    /// The state of things does not allow it.
    Conflict,
}

impl Exit {
    /// All of them with what they mean.
    pub(crate) const ALL: [(Self, &'static str); 6] = [
        (Self::Failure, "it did not work, or the audit log is not intact"),
        (Self::Usage, "the command line makes no sense"),
        (Self::NoHub, "no hub runs on the data directory"),
        (Self::Refused, "refused by policy, or no valid credential"),
        (Self::NotFound, "no such thing"),
        (Self::Conflict, "the state of things does not allow it"),
    ];

    /// The exit code.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Failure => 1,
            Self::Usage => 2,
            Self::NoHub => 3,
            Self::Refused => 4,
            Self::NotFound => 5,
            Self::Conflict => 6,
        }
    }

    /// The table of exit codes, for `--help`.
    pub(crate) fn help() -> String {
        let rows = Self::ALL.map(|(exit, about)| format!("  {}  {about}", exit.code()));
        format!("Exit codes:\n  0  done\n{}", rows.join("\n"))
    }

    fn of(code: &str) -> Self {
        match code {
            "unauthenticated" | "refused" => Self::Refused,
            "not_found" => Self::NotFound,
            "conflict" => Self::Conflict,
            _ => Self::Failure,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Failure => "failure",
            Self::Usage => "usage",
            Self::NoHub => "no_hub",
            Self::Refused => "refused",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
        }
    }
}

/// Why a command did not do it.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.info.message)]
pub(crate) struct CliError(Box<Details>);

#[derive(Debug)]
struct Details {
    exit: Exit,
    info: ErrorInfo,
    cause: Option<Box<dyn Error + Send + Sync>>,
}

impl CliError {
    /// An error that ends in `exit`.
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        let info = ErrorInfo { code: exit.name().to_owned(), message: message.into(), hint: None };
        Self(Box::new(Details { exit, info, cause: None }))
    }

    /// It was tried and did not work.
    pub(crate) fn failure(message: impl Into<String>) -> Self {
        Self::new(Exit::Failure, message)
    }

    /// The command line makes no sense.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// What to do next.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.info.hint = Some(hint.into());
        self
    }

    /// Why.
    #[must_use]
    pub(crate) fn because(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.0.cause = Some(cause.into());
        self
    }

    /// What the hub has answered.
    pub(crate) fn answered(info: ErrorInfo) -> Self {
        Self(Box::new(Details { exit: Exit::of(&info.code), info, cause: None }))
    }

    /// The code for programs: the hub's own if it has answered.
    pub(crate) fn code(&self) -> &str {
        &self.0.info.code
    }

    /// How the process ends.
    pub(crate) fn exit(&self) -> Exit {
        self.0.exit
    }

    /// Prints the error to standard error, for people or as JSON, and gives the exit code.
    pub(crate) fn report(&self, json: bool) -> ExitCode {
        let text = if json { self.json() } else { self.text() };
        // Who cannot be told cannot be told that either.
        writeln!(io::stderr(), "{text}").unwrap_or_default();
        ExitCode::from(self.exit().code())
    }

    /// The message with its causes, and the hint.
    pub(crate) fn told(&self) -> (String, Option<String>) {
        (self.message(), self.0.info.hint.clone())
    }

    fn message(&self) -> String {
        let message = &self.0.info.message;
        self.0.cause.as_deref().map_or_else(|| message.clone(), |cause| format!("{message}: {}", chain(cause)))
    }

    fn text(&self) -> String {
        let hint = self.0.info.hint.as_deref().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
        format!("error: {}{hint}", self.message())
    }

    fn json(&self) -> String {
        let error = ErrorInfo { message: self.message(), ..self.0.info.clone() };
        serde_json::to_string(&ErrorBody { error }).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_told_with_cause_and_hint() {
        let error = CliError::failure("cannot read `x`").because(io::Error::other("disk on fire")).hint("put it out");
        assert_eq!(error.text(), "error: cannot read `x`: disk on fire\nhint: put it out");
        assert_eq!(
            error.json(),
            r#"{"error":{"code":"failure","message":"cannot read `x`: disk on fire","hint":"put it out"}}"#
        );
    }

    #[test]
    fn exit_codes_are_distinct_and_what_the_hub_refuses_has_its_own() {
        let codes: Vec<u8> = Exit::ALL.iter().map(|(exit, _)| exit.code()).collect();
        assert_eq!(codes, [1, 2, 3, 4, 5, 6]);
        for (code, exit) in [
            ("unauthenticated", Exit::Refused),
            ("refused", Exit::Refused),
            ("not_found", Exit::NotFound),
            ("conflict", Exit::Conflict),
            ("invalid", Exit::Failure),
            ("unavailable", Exit::Failure),
        ] {
            let info = ErrorInfo { code: code.to_owned(), message: String::new(), hint: None };
            assert_eq!(CliError::answered(info).exit(), exit, "{code}");
        }
    }
}
