//! The commands that build, deploy and operate the hub on AWS: as processes, by the command line alone. What they ask AWS for is
//! asked of servers that stand for it; a dry run asks nobody.
//!
//! The templates are those that `scripts/cdk` has synthesised.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what is wrong by failing"
)]

mod cloudformation;
mod config;
mod deploy;
mod dry;
mod login;
mod smoke;
mod support;
