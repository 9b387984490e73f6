//! What the questions are about: the facts that a caller gathers, and how policies see them.

use super::question::{Question, Types, Values};
use crate::{
    action::{Action, Target},
    capability::CapabilityKind,
    id::{PersonId, SpaceId},
    identity::{Person, Role, Satellite, SatelliteStatus},
    memory::Tier,
    principal::Principal,
};
use jiff::civil::DateTime;
use serde_json::Value;

/// A person as policies see them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Somebody<'a> {
    /// Who.
    pub id: &'a PersonId,
    /// Standing; none if the hub has no record of them, which denies them everything.
    pub role: Option<Role>,
}

impl<'a> From<&'a Person> for Somebody<'a> {
    fn from(person: &'a Person) -> Self {
        Self { id: &person.id, role: Some(person.role) }
    }
}

/// Facts about a proposed action, for [`Policies::judge`](super::Policies::judge).
#[derive(Clone, Copy, Debug)]
pub struct ActionFacts<'a> {
    /// The action; who proposed it and what brought it about are taken from it.
    pub action: &'a Action,
    /// Kind of its capability.
    pub kind: CapabilityKind,
    /// Standing of the person whom [`person_of`] names; none if the hub has no record of them.
    pub person_role: Option<Role>,
    /// The hub's record of the target, if that is a satellite.
    pub satellite: Option<&'a Satellite>,
    /// Is privacy mode on where it would be done?
    pub target_private: bool,
    /// Is privacy mode on where it was asked for?
    pub origin_private: bool,
    /// The time on the household's wall; none if its time zone is unknown, which denies.
    pub local_time: Option<DateTime>,
}

/// On whose behalf an action is: the person it came from, or else the person who proposed it.
pub fn person_of(action: &Action) -> Option<&PersonId> {
    action.origin.person.as_ref().or_else(|| action.proposer.person())
}

/// Facts about something that would be remembered, for [`Policies::judge_memory`](super::Policies::judge_memory).
#[derive(Clone, Copy, Debug)]
pub struct MemoryFacts<'a> {
    /// Who proposes to remember it.
    pub proposer: &'a Principal,
    /// What sort of thing it is.
    pub tier: Tier,
    /// Whom it is about.
    pub subject: Option<Somebody<'a>>,
    /// Does the subject consent to being remembered now?
    pub subject_consents: bool,
    /// Who said it; none for a voice that nobody knows.
    pub speaker: Option<Somebody<'a>>,
    /// Does the speaker consent to being remembered now?
    pub speaker_consents: bool,
    /// How sure the proposer is, 0 to 1.
    pub confidence: f32,
    /// Is privacy mode on where it was said?
    pub private: bool,
}

/// The question whether `principal` may do something about `action`, without circumstances.
pub(super) fn about_action(
    types: &Types,
    principal: &Principal,
    action: &Action,
    person_role: Option<Role>,
) -> Question {
    let person = person_of(action).map(|id| Somebody { id, role: person_role });
    let satellite = match &action.invocation.target {
        Target::Satellite(id) => Some(types.satellite(id.as_str())),
        Target::Hub => None,
    };
    let attributes = Values::default()
        .text("capability", action.invocation.capability.as_str())
        .entity("risk", types.risk(action.risk.as_str()))
        .optional("satellite", satellite)
        .optional("person", person.map(|p| types.person(p.id.as_str())));
    let args = action.invocation.args.iter().filter_map(|(name, value)| Some((name.clone(), scalar(value)?)));
    let question = Question::new(types.principal(principal), types.invocation(action.id.as_str()));
    known(question.about(attributes).tagged(args), types, person)
}

/// An argument as a rule compares it. No capability takes lists and objects.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The question whether `principal` may do something about a memory, without circumstances. The memory is nameless:
/// what a policy may look at is its tier and its subject.
pub(super) fn about_memory(
    types: &Types,
    principal: &Principal,
    tier: Tier,
    subject: Option<Somebody<'_>>,
) -> Question {
    let attributes = Values::default()
        .entity("tier", types.tier(tier.as_str()))
        .optional("subject", subject.map(|s| types.person(s.id.as_str())));
    known(Question::new(types.principal(principal), types.memory("")).about(attributes), types, subject)
}

fn known(question: Question, types: &Types, somebody: Option<Somebody<'_>>) -> Question {
    match somebody {
        Some(somebody) => question.known(types, somebody),
        None => question,
    }
}

impl ActionFacts<'_> {
    /// The question; none if it is not known what time it is.
    pub(super) fn question(&self, types: &Types) -> Option<Question> {
        let Self { action, .. } = self;
        let time = self.local_time?;
        let record = match &action.invocation.target {
            Target::Satellite(id) => self.satellite.filter(|record| record.id == *id),
            Target::Hub => None,
        };
        let trusted = match &action.invocation.target {
            Target::Satellite(_) => record.is_some_and(|record| record.status == SatelliteStatus::Active),
            Target::Hub => true,
        };
        let space = |id: &SpaceId| types.space(id.as_str());
        let context = Values::default()
            .entity("kind", types.kind(kind_name(self.kind)))
            .flag("target_trusted", trusted)
            .optional("target_space", record.and_then(|record| record.space.as_ref()).map(space))
            .optional("origin_space", action.origin.space.as_ref().map(space))
            .flag("target_private", self.target_private)
            .flag("origin_private", self.origin_private)
            .number("hour", time.hour().into())
            .number("minute", time.minute().into())
            .number("weekday", time.weekday().to_monday_one_offset().into());
        Some(about_action(types, &action.proposer, action, self.person_role).context(context))
    }
}

impl MemoryFacts<'_> {
    pub(super) fn question(&self, types: &Types) -> Question {
        let context = Values::default()
            .optional("speaker", self.speaker.map(|s| types.person(s.id.as_str())))
            .flag("speaker_consents", self.speaker.is_some() && self.speaker_consents)
            .flag("subject_consents", self.subject.is_some() && self.subject_consents)
            .number("confidence", percent(self.confidence))
            .flag("private", self.private);
        let question = about_memory(types, self.proposer, self.tier, self.subject).context(context);
        known(question, types, self.speaker)
    }
}

/// Whole percents, rounded down; what is no number is 0.
#[expect(clippy::cast_possible_truncation, reason = "clamped to 0..=100, and a cast takes NaN to 0")]
fn percent(share: f32) -> i64 {
    (share.clamp(0.0, 1.0) * 100.0) as i64
}

const fn kind_name(kind: CapabilityKind) -> &'static str {
    match kind {
        CapabilityKind::Builtin => "builtin",
        CapabilityKind::Command => "command",
        CapabilityKind::Hub => "hub",
    }
}
