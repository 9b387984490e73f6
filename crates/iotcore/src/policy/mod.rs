//! AWS IoT Core policies: JSON documents that allow or deny a connection's actions on resources.
//!
//! Sources, all of the AWS IoT developer guide: "AWS IoT Core policies", "AWS IoT Core policy actions", "AWS IoT Core action
//! resources", "AWS IoT Core policy variables" with its three subpages, "Publish/Subscribe policy examples" (for wildcards),
//! "Using X.509 certificate policy variables" (for variables without a value), "Connect policy examples" (for conditions on
//! sets of values); IAM User Guide, "Condition operators"; and the quota "maximum policy document size".
//!
//! A document is understood in full or refused ([`PolicyDocument::parse`]); a decision is a pure function of documents and
//! request ([`evaluate`]): denied unless a statement allows it and none denies it.
//!
//! **A variable without a value** (the thing's name of an unregistered client, say). AWS's guide says that the variable is
//! not evaluated in the statement and warns of unexpected behaviour, so this is the safer reading: in an `Allow` it matches
//! nothing; in a `Deny` it matches anything, so that the statement forbids at least what it would with any value. A
//! `NotResource` or a `Not` operator that names such a variable is read as a whole in that way.
//!
//! This module does not know certificates, things or sessions: who has which policies is the caller's to say.

mod address;
mod condition;
mod document;
mod error;
mod evaluate;
mod json;
mod pattern;
mod request;
mod resource;
mod variable;

pub use document::PolicyDocument;
pub use error::PolicyError;
pub use evaluate::{Decision, evaluate};
pub use request::{Action, ConnectFacts, Context, Request, Resource, ThingFacts};

#[cfg(test)]
mod tests;
