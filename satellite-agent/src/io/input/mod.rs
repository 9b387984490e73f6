//! Inputs: each runs by itself and hands what it has to one bounded queue. When the agent does not take from it, they wait.

mod command;
mod file;
mod host;
mod lines;
mod stdin;

use crate::{
    config::{Emit, InputSpec, Source},
    core::{Input, Position},
};
use lines::Item;
use marvain_topics::wire::Reading;
use std::{collections::BTreeMap, time::Duration};
use tokio::{
    sync::mpsc,
    time::{Interval, MissedTickBehavior},
};

/// Lines and readings that may wait for the agent.
const QUEUE_MAX: usize = 64;

/// Starts all inputs; `positions` is how far the followed files had been read.
pub(super) fn start(inputs: &[InputSpec], positions: &BTreeMap<String, Position>) -> mpsc::Receiver<Input> {
    let (to, from) = mpsc::channel(QUEUE_MAX);
    for InputSpec { name, source } in inputs {
        let (name, to) = (name.clone(), to.clone());
        match source.clone() {
            Source::Stdin { emit } => stdin::start(name, emit, to),
            Source::File { path, emit } => {
                let position = positions.get(&name).cloned();
                tokio::spawn(file::follow(name, path, emit, position, to));
            }
            Source::Command { argv, interval_s, unit } => {
                tokio::spawn(command::measure(name, argv, interval_s, unit, to));
            }
            Source::Host { interval_s } => {
                tokio::spawn(host::measure(interval_s, to));
            }
        }
    }
    from
}

/// Ticks now and every `interval_s` seconds; what was missed while paused is not made up for.
fn every(interval_s: u64) -> Interval {
    let mut interval = tokio::time::interval(Duration::from_secs(interval_s));
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

/// Counts what an input could not use, and logs it.
#[derive(Debug, Default)]
struct Refused {
    too_long: u64,
    not_utf8: u64,
}

impl Refused {
    /// The line in an item, or a refusal in the log.
    fn line(&mut self, input: &str, item: Item) -> Option<String> {
        match item {
            Item::Line { text, .. } => return Some(text),
            Item::TooLong { bytes, .. } => {
                self.too_long += 1;
                let (total, most) = (self.too_long, lines::LINE_BYTES_MAX);
                tracing::warn!(input, bytes, most, total, "line refused: it is too long");
            }
            Item::NotUtf8 { byte, .. } => {
                self.not_utf8 += 1;
                tracing::warn!(input, byte, total = self.not_utf8, "line refused: it is not UTF-8 from that byte on");
            }
        }
        None
    }
}

fn line(input: &str, emit: Emit, text: String, position: Option<Position>) -> Input {
    Input::Line { input: input.to_owned(), emit, text, position }
}

/// A reading, if it is a number that JSON can have.
fn reading(name: impl Into<String>, value: f64, unit: &str) -> Option<Reading> {
    value.is_finite().then(|| Reading { name: name.into(), value, unit: unit.to_owned() })
}
