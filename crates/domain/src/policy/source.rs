//! Policy texts: parsed, named and validated, or refused with the place of everything that is wrong.

use super::{
    question::Types,
    shape::{self, POLICY_LINKS_MAX, POLICY_NESTING_MAX, TooDeep},
};
use cedar_policy::{
    Policy, PolicyId, PolicySet, Schema, ValidationError, ValidationMode, Validator, ffi::DetailedError,
};
use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    str::FromStr,
};

/// Longest policy texts, all files together, in bytes.
pub const POLICY_BYTES_MAX: usize = 64 * 1024;
/// Longest id of a policy, in bytes.
pub const POLICY_ID_BYTES_MAX: usize = 64;

/// Something in a policy text that keeps it from being used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// Name of the file.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Id of the policy, if it is about one that has an id.
    pub policy: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What to do about it, if that is known.
    pub hint: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: ", self.file, self.line, self.column)?;
        if let Some(policy) = &self.policy {
            write!(f, "policy `{policy}`: ")?;
        }
        f.write_str(&self.message)?;
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, " ({hint})"))
    }
}

/// Policies that cannot be used. Shows every problem on a line of its own.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{}", .problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n"))]
pub struct PolicyError {
    /// All that is wrong, at least one, in the order of the texts.
    pub problems: Vec<Problem>,
}

/// One policy text and the name of its file.
#[derive(Clone, Copy)]
struct Source<'a> {
    file: &'a str,
    text: &'a str,
}

/// Where a policy begins.
type Place<'a> = (Source<'a>, usize);

impl Source<'_> {
    fn problem(&self, offset: usize, policy: Option<&str>, message: impl Into<String>, hint: Option<&str>) -> Problem {
        let before = self.text.get(..offset).unwrap_or(self.text);
        Problem {
            file: self.file.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before.rsplit('\n').next().unwrap_or_default().chars().count() + 1,
            policy: policy.map(str::to_owned),
            message: message.into(),
            hint: hint.map(str::to_owned),
        }
    }

    /// What Cedar complains of, each complaint where it says, or else at `offset`.
    fn complaint(&self, error: &DetailedError, offset: usize, policy: Option<&str>) -> Problem {
        let at = error.source_locations.first().map_or(offset, |label| label.loc.start);
        let message = match (policy, error.source_locations.first().and_then(|label| label.label.as_deref())) {
            (None, Some(label)) if !label.is_empty() => format!("{}: {label}", error.message),
            _ => error.message.clone(),
        };
        self.problem(at, policy, message, error.help.as_deref())
    }
}

/// The schema, and the names of its types.
pub(super) fn schema(file: &str, text: &str) -> Result<(Schema, Types), PolicyError> {
    let source = Source { file, text };
    let refuse = |error: DetailedError| PolicyError { problems: vec![source.complaint(&error, 0, None)] };
    let (schema, _warnings) = Schema::from_cedarschema_str(text).map_err(|e| refuse(DetailedError::from(&e)))?;
    Ok((schema, Types::parse().map_err(|e| refuse(DetailedError::from(e.as_ref())))?))
}

/// The validated set of all `sources`, each policy under its own `@id`.
pub(super) fn load(sources: &[(&str, &str)], schema: &Schema) -> Result<PolicySet, PolicyError> {
    let mut set = PolicySet::new();
    let mut places = HashMap::new();
    let mut problems = Vec::new();
    let mut bytes = 0_usize;
    for &(file, text) in sources {
        let source = Source { file, text };
        bytes = bytes.saturating_add(text.len());
        if bytes > POLICY_BYTES_MAX {
            let message = format!("the policies have more than {POLICY_BYTES_MAX} bytes");
            problems.push(source.problem(0, None, message, Some("use fewer or shorter ones")));
            break;
        }
        add(source, &mut set, &mut places, &mut problems);
    }
    // Whatever did parse is validated as well, so that one look shows all.
    problems.extend(validate(&set, &places, schema));
    if problems.is_empty() {
        return Ok(set);
    }
    let order = |file: &str| sources.iter().position(|(name, _)| *name == file);
    problems.sort_by_key(|p| (order(&p.file), p.line, p.column));
    Err(PolicyError { problems })
}

/// Parses one text into `set`, keeping where each policy begins.
fn add<'a>(
    source: Source<'a>,
    set: &mut PolicySet,
    places: &mut HashMap<PolicyId, Place<'a>>,
    problems: &mut Vec<Problem>,
) {
    let too_deep = |offset, what: String| {
        source.problem(offset, None, format!("the policy has more than {what}"), Some("split it into several policies"))
    };
    match shape::check(source.text) {
        Ok(()) => {}
        Err(TooDeep::Nesting(at)) => {
            return problems.push(too_deep(at, format!("{POLICY_NESTING_MAX} brackets and `if`s open at once")));
        }
        Err(TooDeep::Links(at)) => {
            let what = format!("{POLICY_LINKS_MAX} of `.`, `+`, `-`, `*`, `&&` and `||`");
            return problems.push(too_deep(at, what));
        }
    }
    let parsed = match PolicySet::from_str(source.text) {
        Ok(parsed) => parsed,
        Err(errors) => {
            let errors = errors.iter().map(|error| source.complaint(&DetailedError::from(error), 0, None));
            return problems.extend(errors);
        }
    };
    for template in parsed.templates() {
        let offset = source.text.find(&template.to_cedar()).unwrap_or(0);
        problems.push(source.problem(
            offset,
            template.annotation("id"),
            "templates are not used",
            Some("write a policy for each case"),
        ));
    }
    let mut from = 0;
    for policy in parsed.policies() {
        let offset = begin(source.text, policy, from);
        from = offset + 1;
        let Some(id) = policy.annotation("id").filter(|id| is_id(id)) else {
            let hint =
                format!("write `@id(\"…\")` before it, with 1 to {POLICY_ID_BYTES_MAX} of a-z, 0-9, `_` and `-`");
            problems.push(source.problem(offset, None, "a policy has no valid id", Some(&hint)));
            continue;
        };
        let named = policy.new_id(PolicyId::new(id));
        if let Some((first, at)) = places.get(named.id()) {
            let first = first.problem(*at, None, "", None);
            let message = format!("its id is that of another, in {}, line {}", first.file, first.line);
            problems.push(source.problem(offset, Some(id), message, Some("every policy needs its own")));
            continue;
        }
        places.insert(named.id().clone(), (source, offset));
        if let Err(error) = set.add(named) {
            problems.push(source.problem(offset, Some(id), error.to_string(), None));
        }
    }
}

/// Where the text of `policy` begins: the first such text from `from` on. Cedar keeps the text but not its place.
fn begin(text: &str, policy: &Policy, from: usize) -> usize {
    let body = policy.to_cedar().unwrap_or_default();
    let after = text.get(from..).and_then(|rest| rest.find(&body)).map(|at| from + at);
    after.or_else(|| text.find(&body)).unwrap_or(0)
}

fn is_id(id: &str) -> bool {
    (1..=POLICY_ID_BYTES_MAX).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-'))
}

/// Every error, and warnings too: Cedar warns of what reads otherwise than it acts, like a policy that never applies.
fn validate(set: &PolicySet, places: &HashMap<PolicyId, Place<'_>>, schema: &Schema) -> Vec<Problem> {
    let result = Validator::new(schema.clone()).validate(set, ValidationMode::Strict);
    let problem = |id: &PolicyId, error: DetailedError| {
        // Every policy of the set has its place; a problem without one is shown all the same.
        let (source, offset) = places.get(id).copied().unwrap_or((Source { file: "policies", text: "" }, 0));
        let id: &str = id.as_ref();
        let mut problem = source.complaint(&error, offset, Some(id));
        // Cedar's messages name the policy, which is named already.
        if let Some(rest) = problem.message.strip_prefix(&format!("for policy `{id}`")) {
            problem.message = rest.trim_start_matches([',', ':', ' ']).to_owned();
        }
        (id.to_owned(), problem)
    };
    // That a policy applies to nothing follows from its other faults, if it has any.
    let (consequences, causes): (Vec<_>, Vec<_>) =
        result.validation_errors().partition(|e| matches!(e, ValidationError::InvalidActionApplication(_)));
    let mut found: BTreeMap<String, Vec<Problem>> = BTreeMap::new();
    for (id, problem) in causes.into_iter().map(|e| problem(e.policy_id(), DetailedError::from(e))) {
        found.entry(id).or_default().push(problem);
    }
    let consequences = consequences.into_iter().map(|e| problem(e.policy_id(), DetailedError::from(e)));
    let warnings = result.validation_warnings().map(|w| problem(w.policy_id(), DetailedError::from(w)));
    for (id, problem) in consequences.chain(warnings) {
        found.entry(id).or_insert_with(|| vec![problem]);
    }
    found.into_values().flatten().collect()
}
