//! Progress of what takes longer than a second, on standard error, if that is a terminal.

use crate::globals::Globals;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::{borrow::Cow, time::Duration};

/// How often a spinner turns, in milliseconds.
const TURN_MS: u64 = 100;

/// A spinner that says what is being done.
pub(crate) fn spinner(globals: &Globals, what: impl Into<Cow<'static, str>>) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, target(globals)).with_message(what);
    bar.enable_steady_tick(Duration::from_millis(TURN_MS));
    bar
}

/// A bar of so many steps.
pub(crate) fn bar(globals: &Globals, what: &'static str, steps: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(steps), target(globals)).with_message(what);
    match ProgressStyle::with_template("{msg} [{bar:30}] {pos}/{len} {eta}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// indicatif shows nothing where there is no terminal.
fn target(globals: &Globals) -> ProgressDrawTarget {
    if globals.json { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() }
}
