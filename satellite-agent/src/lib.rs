//! The satellite agent: a device's senses and hands for a marvain hub.
//!
//! [`enrol`] makes a factory-fresh device a *thing* with a key of its own; [`run`] connects as that thing, spools what
//! inputs say, and carries out commands, each at most once. The decisions are [`core`], which has no input or output; `io`
//! does what it says. The binary `marvain-satellite` and the CLI `marvain` run the same [`cli`].
//!
//! It does not know the hub: it knows topics, shadows and files.

pub mod cli;
pub mod config;
pub mod core;
mod enrol;
mod io;
mod ports;
mod run;

pub use enrol::{EnrolError, EnrolOptions, Enrolled, enrol};
pub use io::{FileError, TlsError};
pub use ports::{Clock, Entropy, NoEntropy, Ports};
pub use run::{RunError, RunOptions, run};

/// Name and version, as reported to the hub.
pub const SOFTWARE: &str = concat!("marvain-satellite/", env!("CARGO_PKG_VERSION"));
