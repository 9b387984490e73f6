//! What CloudFormation does, as it does it: a bar and a line for people, an object an event for programs.

use super::cloudformation::Happened;
use crate::{
    error::CliError,
    globals::Globals,
    output::{Output, clean, note, progress},
};
use indicatif::ProgressBar;
use std::collections::BTreeSet;

/// Most failures that are told; the first says why the others are there.
const FAILURES_MAX: usize = 5;
/// CloudFormation's type of a stack.
const STACK: &str = "AWS::CloudFormation::Stack";

/// Shows what happens.
pub(crate) struct Follower<'a> {
    globals: &'a Globals,
    out: Output,
    bar: ProgressBar,
    done: BTreeSet<(String, String)>,
    failures: Vec<Happened>,
}

impl<'a> Follower<'a> {
    /// Of so many resources that may change.
    pub(crate) fn new(globals: &'a Globals, resources: usize) -> Self {
        let bar = progress::bar(globals, "resources", u64::try_from(resources).unwrap_or(u64::MAX));
        Self { globals, out: Output::new(globals), bar, done: BTreeSet::new(), failures: Vec::new() }
    }

    /// Shows one thing.
    pub(crate) fn tell(&mut self, happened: Happened) -> Result<(), CliError> {
        self.out.event(&happened)?;
        let Happened { stack, resource, kind, status, reason } = &happened;
        if kind == STACK {
            let reason = reason.as_ref().map(|reason| format!(": {}", clean(reason))).unwrap_or_default();
            self.say(&format!("{stack} {status}{reason}"));
        } else {
            self.bar.set_message(format!("{stack} {kind} {resource} {status}"));
        }
        if status.ends_with("_COMPLETE") && kind != STACK {
            self.done.insert((stack.clone(), resource.clone()));
            self.bar.set_position(u64::try_from(self.done.len()).unwrap_or(u64::MAX));
        }
        if happened.is_failure() && self.failures.len() < FAILURES_MAX {
            let why = clean(reason.as_deref().unwrap_or_default());
            self.say(&format!("{stack} {kind} {resource} {status}: {why}"));
            self.failures.push(happened);
        }
        Ok(())
    }

    /// A line above the bar, or on its own where there is none.
    fn say(&self, line: &str) {
        if self.bar.is_hidden() { note(self.globals, line) } else { self.bar.println(line) }
    }

    /// Ends it, with what has gone wrong.
    pub(crate) fn finish(self) -> Vec<String> {
        self.bar.finish_and_clear();
        let told = |failure: Happened| {
            let Happened { stack, resource, status, reason, .. } = failure;
            format!("{stack} {resource} {status}: {}", reason.unwrap_or_default())
        };
        self.failures.into_iter().map(told).collect()
    }
}
