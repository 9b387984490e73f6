//! What people may ask of the hub: one operation each, under one name for API, policies and audit log.

use super::{
    facts::{Somebody, about_action, about_memory},
    question::{Question, Types, Values},
};
use crate::{
    action::Action,
    id::SpaceId,
    identity::{Person, Role},
    memory::Tier,
    principal::Principal,
};

/// Every operation's name and what it lets a person do, in the order of [`Operation`].
pub const OPERATIONS: [(&str, &str); 19] = [
    ("view", "see status and lists"),
    ("speak", "say something to the hub"),
    ("manage_satellites", "add, revoke and rotate satellites, claims and enrolment codes"),
    ("manage_spaces", "add and change spaces and locations"),
    ("manage_queues", "look into dead-letter queues and redrive them"),
    ("read_audit", "read, prove and export the audit log"),
    ("edit_policy", "change these rules"),
    ("backup", "make a backup, which holds everything"),
    ("manage_people", "add people, give them roles, tokens and accounts"),
    ("manage_devices", "see, add and remove the devices that a person is notified on"),
    ("set_consent", "give a person's consent or take it back"),
    ("set_privacy", "turn privacy mode on or off in a space"),
    ("recall", "be told a memory"),
    ("review_memory", "see candidates, commit or reject them"),
    ("edit_memory", "give a memory other words, or put another in its place"),
    ("forget_memory", "have a memory forgotten"),
    ("propose_action", "propose an action"),
    ("approve_action", "approve an action that waits, or turn it down"),
    ("cancel_action", "call an action off"),
];

/// Something that a person asks of the hub, with what policies may look at.
#[derive(Clone, Copy, Debug)]
pub enum Operation<'a> {
    /// See status and lists.
    View,
    /// Say something to the hub.
    Speak,
    /// Add, revoke and rotate satellites, claims and enrolment codes.
    ManageSatellites,
    /// Add and change spaces and locations.
    ManageSpaces,
    /// Look into dead-letter queues and redrive them.
    ManageQueues,
    /// Read, prove and export the audit log.
    ReadAudit,
    /// Change the policies.
    EditPolicy,
    /// Make a backup.
    Backup,
    /// Add a person, change a role, issue a token, link an account.
    ManagePeople {
        /// Whom it is about, as they are now; no role if they are new.
        of: Somebody<'a>,
        /// The role they would get; none if it stays.
        to: Option<Role>,
    },
    /// See, add and remove the devices that a person is notified on.
    ManageDevices {
        /// Whose.
        of: Somebody<'a>,
    },
    /// Give consent, or take it back.
    SetConsent {
        /// Whose.
        of: Somebody<'a>,
        /// Give it?
        grant: bool,
    },
    /// Turn privacy mode on or off.
    SetPrivacy {
        /// Where.
        space: &'a SpaceId,
        /// On?
        on: bool,
    },
    /// Be told one memory; asked for each.
    Recall {
        /// What sort.
        tier: Tier,
        /// Whom it is about.
        subject: Option<Somebody<'a>>,
        /// Does the subject consent to others being told now?
        disclosed: bool,
    },
    /// See a candidate, commit or reject it.
    ReviewMemory {
        /// What sort.
        tier: Tier,
        /// Whom it is about.
        subject: Option<Somebody<'a>>,
    },
    /// Give a memory other words, or put another in its place.
    EditMemory {
        /// What sort.
        tier: Tier,
        /// Whom it is about.
        subject: Option<Somebody<'a>>,
    },
    /// Have a memory forgotten.
    ForgetMemory {
        /// What sort.
        tier: Tier,
        /// Whom it is about.
        subject: Option<Somebody<'a>>,
    },
    /// Propose an action.
    ProposeAction {
        /// Which.
        action: &'a Action,
        /// Standing of the person whom [`person_of`](super::person_of) names.
        person_role: Option<Role>,
    },
    /// Approve an action that waits, or turn it down.
    ApproveAction {
        /// Which.
        action: &'a Action,
        /// Standing of the person whom [`person_of`](super::person_of) names.
        person_role: Option<Role>,
    },
    /// Call an action off.
    CancelAction {
        /// Which.
        action: &'a Action,
        /// Standing of the person whom [`person_of`](super::person_of) names.
        person_role: Option<Role>,
    },
}

impl Operation<'_> {
    /// Name in policies, records and errors: the first column of [`OPERATIONS`].
    pub const fn name(&self) -> &'static str {
        match self {
            Self::View => "view",
            Self::Speak => "speak",
            Self::ManageSatellites => "manage_satellites",
            Self::ManageSpaces => "manage_spaces",
            Self::ManageQueues => "manage_queues",
            Self::ReadAudit => "read_audit",
            Self::EditPolicy => "edit_policy",
            Self::Backup => "backup",
            Self::ManagePeople { .. } => "manage_people",
            Self::ManageDevices { .. } => "manage_devices",
            Self::SetConsent { .. } => "set_consent",
            Self::SetPrivacy { .. } => "set_privacy",
            Self::Recall { .. } => "recall",
            Self::ReviewMemory { .. } => "review_memory",
            Self::EditMemory { .. } => "edit_memory",
            Self::ForgetMemory { .. } => "forget_memory",
            Self::ProposeAction { .. } => "propose_action",
            Self::ApproveAction { .. } => "approve_action",
            Self::CancelAction { .. } => "cancel_action",
        }
    }

    pub(super) fn question(&self, types: &Types, person: &Person) -> Question {
        let who = Principal::Person(person.id.clone());
        let ask = |resource| Question::new(types.principal(&who), resource);
        let question = match *self {
            Self::View
            | Self::Speak
            | Self::ManageSatellites
            | Self::ManageSpaces
            | Self::ManageQueues
            | Self::ReadAudit
            | Self::EditPolicy
            | Self::Backup => ask(types.hub("hub")),
            Self::ManagePeople { of, to } => {
                let context = Values::default().optional("to", to.map(|role| types.role(role.as_str())));
                ask(types.person(of.id.as_str())).known(types, of).context(context)
            }
            Self::ManageDevices { of } => ask(types.person(of.id.as_str())).known(types, of),
            Self::SetConsent { of, grant } => {
                let context = Values::default().flag("grant", grant);
                ask(types.person(of.id.as_str())).known(types, of).context(context)
            }
            Self::SetPrivacy { space, on } => {
                ask(types.space(space.as_str())).context(Values::default().flag("on", on))
            }
            Self::Recall { tier, subject, disclosed } => {
                about_memory(types, &who, tier, subject).context(Values::default().flag("disclosed", disclosed))
            }
            Self::ReviewMemory { tier, subject }
            | Self::EditMemory { tier, subject }
            | Self::ForgetMemory { tier, subject } => about_memory(types, &who, tier, subject),
            Self::ProposeAction { action, person_role }
            | Self::ApproveAction { action, person_role }
            | Self::CancelAction { action, person_role } => about_action(types, &who, action, person_role),
        };
        question.known(types, Somebody::from(person))
    }
}
