//! The agent as a process, against an embedded IoT Core: real sockets, real TLS, real files, real crashes.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a failed test panics")]

mod aarch64;
mod commands;
mod crash;
mod enrol;
mod events;
mod hub;
mod room;
mod satellite;
mod stop;
