//! The hub's functions on AWS Lambda: one program, which is the function that Lambda's handler names. All share nine tenths of it
//! (the hub, its policies, TLS, the ledger's client), and one program is built, uploaded and checked once.
//!
//! | file | subject |
//! |---|---|
//! | [`function`] | which functions there are, and which queues each takes from |
//! | [`run`] | what the program does: compose once, then one invocation after the other |
//! | [`settings`], [`compose`] | the environment, and the hub that it describes |
//! | [`batch`], [`tick`], [`audit`], [`hook`], [`api`] | an event of AWS's in, a use case of the hub's, an answer out |
//! | [`operations`] | what the API offers and the hub does not own: queues, the audit log's objects |
//! | [`log`], [`emf`] | lines and metrics for CloudWatch |
//!
//! It decides nothing: an event is decoded, put to the hub, and answered. A function that panics, is cut off by its time-out
//! or dies leaves nothing half done, because the hub commits a delivery's consequences at once or not at all.

pub mod api;
pub mod audit;
pub mod batch;
pub mod compose;
pub mod emf;
pub mod function;
pub mod hook;
pub mod log;
pub mod operations;
mod planner_key;
mod run;
pub mod settings;
mod system;
pub mod tick;
mod time_left;

pub use function::{Function, NoFunction};
pub use run::run;
pub use system::{NoEntropy, System};
pub use time_left::TimeLeft;
