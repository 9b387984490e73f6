//! The functions on events as AWS sends them, over a hub on local stores: what they decide to answer, and what is left.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what is wrong by failing")]

mod api;
mod batch;
mod hook;
mod programs;
mod templates;
mod upkeep;
mod world;
