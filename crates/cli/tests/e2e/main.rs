//! The whole of marvain as its user has it: real processes, real sockets, real files, real signals.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what is wrong by failing"
)]

mod audit;
mod clients;
mod commands;
mod demo;
mod disk;
mod doctor;
mod iotcore;
mod life;
mod restore;
mod support;
mod up;
