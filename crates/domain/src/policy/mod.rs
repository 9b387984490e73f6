//! Policy: may this be done, may it be remembered, may this person ask for that?
//!
//! The rules are Cedar policies that people read and edit (`policies/default.cedar` until they do), checked against
//! `policies/schema.cedarschema` before they are used. [`Policies`] holds a set that has passed and answers from the
//! facts it is given, with the ids of the policies that decided. Whatever goes wrong on the way never allows anything:
//! Cedar itself skips a policy that fails, even a `forbid`.
//!
//! It reads no file, keeps no people, spaces or satellites, and does not know what follows from an answer.

mod facts;
mod operation;
mod question;
mod shape;
mod source;

#[cfg(test)]
mod tests;

pub use facts::{ActionFacts, MemoryFacts, Somebody, person_of};
pub use operation::{OPERATIONS, Operation};
pub use shape::{POLICY_LINKS_MAX, POLICY_NESTING_MAX};
pub use source::{POLICY_BYTES_MAX, POLICY_ID_BYTES_MAX, PolicyError, Problem};

use crate::{
    action::{Decision, Verdict},
    identity::Person,
};
use cedar_policy::{Authorizer, PolicySet, Schema};
use question::{Question, Types};
use std::{
    collections::BTreeSet,
    sync::{Arc, OnceLock},
};

/// Name of the file that a fresh hub's policies are in.
pub const DEFAULT_FILE: &str = "default.cedar";
/// The policies of a fresh hub.
pub const DEFAULT_SOURCE: &str = include_str!("../../policies/default.cedar");
/// Name of the schema's file.
pub const SCHEMA_FILE: &str = "schema.cedarschema";
/// What policies can talk about.
pub const SCHEMA_SOURCE: &str = include_str!("../../policies/schema.cedarschema");

/// Policies that have been checked. To be made once: parsing the default set costs as much as a hundred questions (70 ms
/// against 0.6 ms for [`may`](Self::may), measured on one core of an unoptimized build).
#[derive(Clone, Debug)]
pub struct Policies {
    set: PolicySet,
    schema: Schema,
    types: Types,
    authorizer: Authorizer,
}

/// The answer to what a person asks of the hub.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ruling {
    /// May they?
    pub allowed: bool,
    /// Ids of the policies that decided it, sorted; none if nothing permits it.
    pub policies: Vec<String>,
    /// What went wrong while deciding; if anything did, it is not allowed.
    pub errors: Vec<String>,
}

impl Policies {
    /// Parses and validates policies from `(file name, text)`, of at most [`POLICY_BYTES_MAX`] together. Each needs an
    /// `@id` of its own. The error has all problems, each with file, line and policy.
    pub fn parse(sources: &[(&str, &str)]) -> Result<Self, PolicyError> {
        let (schema, types) = source::schema(SCHEMA_FILE, SCHEMA_SOURCE)?;
        let set = source::load(sources, &schema)?;
        Ok(Self { set, schema, types, authorizer: Authorizer::new() })
    }

    /// The policies of a fresh hub, parsed once in a process.
    pub fn default_set() -> Result<Arc<Self>, PolicyError> {
        static PARSED: OnceLock<Arc<Policies>> = OnceLock::new();
        if let Some(parsed) = PARSED.get() {
            return Ok(parsed.clone());
        }
        let parsed = Arc::new(Self::parse(&[(DEFAULT_FILE, DEFAULT_SOURCE)])?);
        Ok(PARSED.get_or_init(|| parsed).clone())
    }

    /// Ids of all policies, sorted.
    pub fn ids(&self) -> Vec<String> {
        let ids: BTreeSet<_> = self.set.policies().map(|policy| policy.id().to_string()).collect();
        ids.into_iter().collect()
    }

    /// May this action run, and unattended?
    pub fn judge(&self, facts: &ActionFacts<'_>) -> Decision {
        let Some(question) = facts.question(&self.types) else {
            let errors = vec!["the time is not known: the hub's time zone is none".to_owned()];
            return Decision { verdict: Verdict::Deny, policies: Vec::new(), errors };
        };
        decide(self.answer("run", question.clone()), || self.answer("run_unattended", question))
    }

    /// May this be remembered, and without review? `Ask` is for a candidate that a person reviews, `Deny` for
    /// something to drop.
    pub fn judge_memory(&self, facts: &MemoryFacts<'_>) -> Decision {
        let question = facts.question(&self.types);
        decide(self.answer("remember", question.clone()), || self.answer("remember_unattended", question))
    }

    /// May this person, as the hub knows them now, do that?
    pub fn may(&self, person: &Person, operation: &Operation<'_>) -> Ruling {
        let answer = self.answer(operation.name(), operation.question(&self.types, person));
        Ruling { allowed: answer.allowed && answer.errors.is_empty(), ..answer }
    }

    /// Cedar's own answer, which ignores errors.
    fn answer(&self, action: &str, question: Question) -> Ruling {
        let (request, entities) = match question.into_cedar(action, &self.types, &self.schema) {
            Ok(ready) => ready,
            Err(error) => return Ruling { allowed: false, policies: Vec::new(), errors: vec![error.to_string()] },
        };
        let response = self.authorizer.is_authorized(&request, &self.set, &entities);
        let policies: BTreeSet<_> = response.diagnostics().reason().map(ToString::to_string).collect();
        let errors: BTreeSet<_> = response.diagnostics().errors().map(ToString::to_string).collect();
        Ruling {
            allowed: response.decision() == cedar_policy::Decision::Allow,
            policies: policies.into_iter().collect(),
            errors: errors.into_iter().collect(),
        }
    }
}

/// Deny unless it may at all; allow only if it also may unattended, and nothing went wrong in either question.
fn decide(at_all: Ruling, unattended: impl FnOnce() -> Ruling) -> Decision {
    if !at_all.allowed {
        return Decision { verdict: Verdict::Deny, policies: at_all.policies, errors: at_all.errors };
    }
    let unattended = unattended();
    let policies: BTreeSet<_> = at_all.policies.into_iter().chain(unattended.policies).collect();
    let errors: BTreeSet<_> = at_all.errors.into_iter().chain(unattended.errors).collect();
    let verdict = if unattended.allowed && errors.is_empty() { Verdict::Allow } else { Verdict::Ask };
    Decision { verdict, policies: policies.into_iter().collect(), errors: errors.into_iter().collect() }
}

/// All that is wrong with policies from `(file name, text)`; empty if they can be used.
pub fn check(sources: &[(&str, &str)]) -> Vec<Problem> {
    Policies::parse(sources).err().map_or_else(Vec::new, |error| error.problems)
}
