//! The audit log: a hash chain of canonical entries under an RFC 6962 Merkle tree, kept as C2SP `tlog-tiles` objects
//! with signed checkpoints.
//!
//! The life of an entry, after tessera's "sequence durably, derive later, publish last": the ledger commits a [`Draft`]
//! with the change it reports and thereby fixes its place; [`append::plan`] derives entries, tiles and checkpoint from
//! a [`Tail`] and the drafts, the same bytes every time; the writer stores the objects in the plan's order, and the
//! checkpoint, signed, last. A crash in between leaves objects that no checkpoint speaks of; repeating the plan completes it.
//!
//! | file | subject |
//! |---|---|
//! | [`draft`], [`entry`] | what is to be recorded, and the record |
//! | [`layout`], [`bundle`] | object keys and the encoding of entry bundles |
//! | [`store`] | reading objects |
//! | [`tree`], [`append`], [`recover`] | growing the log, and going on after a restart |
//! | [`origin`], [`checkpoint`], [`log_key`] | the log's name, what is signed and how it verifies, and a key that signs |
//! | [`proof`] | what a person can keep |
//! | [`verify`] | recomputing the whole log offline, and saying what was tampered with and where |
//!
//! It has no clock, no key of its own and no storage: time, keys and [`store::ReadObject`] are arguments.

pub mod append;
pub mod bundle;
pub mod checkpoint;
pub mod draft;
pub mod entry;
pub mod hash;
pub mod layout;
pub mod log_key;
pub mod origin;
pub mod proof;
pub mod recover;
pub mod store;
#[cfg(test)]
mod tests;
pub mod tree;
pub mod verify;

pub use append::{Plan, Tail, plan};
pub use checkpoint::{Checkpoint, Unsigned, Verifier};
pub use draft::Draft;
pub use entry::Entry;
pub use hash::Hash;
pub use log_key::LogKey;
pub use origin::Origin;
pub use proof::InclusionProof;
pub use recover::tail_from;
pub use store::{ReadError, ReadObject};
pub use verify::{Class, Finding, Report, verify};
