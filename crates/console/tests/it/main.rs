//! The API over a real hub on local stores.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what is wrong by failing")]

mod actions;
mod guards;
mod household;
mod operations;
mod readings;
mod satellites;
mod world;
