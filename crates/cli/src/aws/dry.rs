//! What a command would do, said instead of done: `--dry-run`. The values are those that are carried out otherwise, as far as
//! they can be known without asking anybody.

use super::{
    plan::{Fate, Plan, StackPlan},
    runner::Line,
};
use crate::{
    error::CliError,
    globals::{Globals, shown},
    output::{Look, Output},
};
use serde::{Serialize, Serializer};
use std::path::Path;

/// One thing that would be done.
#[derive(Debug, Serialize)]
#[serde(tag = "would", rename_all = "snake_case")]
pub(crate) enum Step {
    /// A program is run.
    Run {
        /// The line that a person would type.
        #[serde(serialize_with = "as_text")]
        line: Line,
        /// Only if this is so.
        #[serde(rename = "if", skip_serializing_if = "Option::is_none")]
        condition: Option<&'static str>,
    },
    /// AWS is asked, or told to do something.
    Call {
        /// Service and operation.
        operation: &'static str,
        /// What it concerns.
        on: String,
    },
    /// The hub is asked, or told to do something.
    Ask {
        /// Method and path.
        request: String,
    },
    /// A file is written.
    Write {
        /// Which.
        path: String,
        /// What it holds then.
        content: String,
    },
}

fn as_text<S: Serializer>(line: &Line, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(line)
}

impl Step {
    pub(crate) fn run(line: Line) -> Self {
        Self::Run { line, condition: None }
    }

    pub(crate) fn run_if(condition: &'static str, line: Line) -> Self {
        Self::Run { line, condition: Some(condition) }
    }

    pub(crate) fn call(operation: &'static str, on: impl Into<String>) -> Self {
        Self::Call { operation, on: on.into() }
    }

    pub(crate) fn ask(request: impl Into<String>) -> Self {
        Self::Ask { request: request.into() }
    }

    pub(crate) fn write(path: &Path, content: impl Into<String>) -> Self {
        Self::Write { path: shown(path), content: content.into() }
    }

    fn text(&self) -> String {
        match self {
            Self::Run { line, condition: None } => format!("run    {line}"),
            Self::Run { line, condition: Some(condition) } => format!("run    {line}  (if {condition})"),
            Self::Call { operation, on } => format!("call   {operation} {on}").trim_end().to_owned(),
            Self::Ask { request } => format!("ask    the hub: {request}"),
            Self::Write { path, content } => {
                let line = |line: &str| format!("\n         {line}").trim_end_matches(' ').to_owned();
                let content: Vec<String> = content.trim_end().lines().map(line).collect();
                format!("write  {path}{}", content.concat())
            }
        }
    }
}

/// All that would be done, and to what.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Dry {
    /// In order.
    pub(crate) steps: Vec<Step>,
    /// What a deployment consists of, where it is made or deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) plan: Option<Plan>,
    /// How to remove what stays.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) afterwards: Vec<String>,
}

impl Dry {
    pub(crate) fn of(steps: Vec<Step>) -> Self {
        Self { steps, ..Self::default() }
    }

    /// Prints it.
    pub(crate) fn show(&self, globals: &Globals) -> Result<(), CliError> {
        Output::new(globals).show(self, text)
    }
}

fn text(dry: &Dry, _: Look) -> String {
    let mut text = String::from("It would, in this order:\n");
    for step in &dry.steps {
        text.push_str(&format!("  {}\n", step.text()));
    }
    for stack in dry.plan.iter().flat_map(|plan| &plan.stacks) {
        text.push_str(&stack_text(stack));
    }
    if !dry.afterwards.is_empty() {
        text.push_str("\nWhat stays, and how to remove it:\n");
        for line in &dry.afterwards {
            text.push_str(&format!("  {line}\n"));
        }
    }
    text
}

/// A stack's resources, one a line, with what becomes of those that do not simply go.
fn stack_text(stack: &StackPlan) -> String {
    let mut text = format!("\n{}: {} resources\n", stack.name, stack.resources.len());
    let width = stack.resources.iter().map(|resource| resource.kind.len()).max().unwrap_or_default();
    for resource in &stack.resources {
        let fate = match resource.fate {
            Fate::Deleted => String::new(),
            fate => format!(" ({} when the stack is deleted)", fate.as_str()),
        };
        let lock = resource.lock.as_ref().map(|lock| format!(" ({} lock, {} d)", lock.mode, lock.days));
        text.push_str(&format!(
            "  {:width$}  {}{fate}{}\n",
            resource.kind,
            resource.logical_id,
            lock.unwrap_or_default()
        ));
    }
    text
}
