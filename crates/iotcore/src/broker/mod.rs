//! The message broker.

mod close;
mod mailbox;
mod wire;
