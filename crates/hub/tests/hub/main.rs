//! The hub's use cases over the local stores: what people and satellites do, and what must come of it.
#![expect(clippy::unwrap_used, reason = "a test says what is wrong by failing")]

mod actions;
mod bad_input;
mod forgetting;
mod household;
mod memories;
mod notifying;
mod planning;
mod presence;
mod privacy;
mod reminders;
mod repeats;
mod scripted;
mod sealing;
mod signers;
mod telling;
mod waiting;
mod waits;
mod watched;
mod windows;
mod world;
