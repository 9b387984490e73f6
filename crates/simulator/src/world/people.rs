//! People: they speak, approve and reject at random, twice, too late, with other arguments and without the right to.

use super::{Event, World, hub::Done};
use crate::{options::Plant, oracle::may_approve, shared::Shared};
use marvain_domain::{
    action::{Action, ActionState, ArgsHash, Invocation, Target},
    consent::ConsentKind,
    id::{ActionId, MemoryId, PersonId, SatelliteId, SpaceId},
    identity::{Person, Role},
    memory::{Memory, MemoryChange},
};
use marvain_hub::{
    Hub,
    people::{self, Caller, NewConsent, Proposal, RecallRequest, RequestError, Secret, Speech},
};
use serde_json::json;
use std::sync::Arc;

/// Something that somebody asks of the hub.
#[derive(Clone, Debug)]
pub(super) enum Wanted {
    Speak(SatelliteId, String),
    Approve(ActionId, ArgsHash),
    Reject(ActionId),
    Cancel(ActionId),
    Propose(Invocation, Option<u64>),
    Memory(MemoryId, MemoryChange),
    Recall(String),
    Privacy(SpaceId, bool),
    Consent(PersonId, ConsentKind, bool),
    Role(PersonId, Role),
    Revoke(SatelliteId),
    Purge,
}

impl Wanted {
    /// What somebody who changes their mind asks for next.
    fn opposite(&self) -> Option<Self> {
        match self {
            Self::Privacy(space, on) => Some(Self::Privacy(space.clone(), !on)),
            Self::Memory(memory, MemoryChange::Commit) => Some(Self::Memory(memory.clone(), MemoryChange::Forget)),
            Self::Approve(action, _) => Some(Self::Cancel(action.clone())),
            _ => None,
        }
    }
}

/// Who asks: with a token, or with what an earlier authentication said of them.
enum Credential {
    Token(Secret),
    Earlier(Box<Person>),
}

impl World {
    pub(super) fn somebody_asks(&mut self) {
        if self.calm {
            return;
        }
        self.within(2_000, 25_000, Event::Person);
        let Some((id, token)) = self.anybody() else { return };
        let Some(wanted) = self.wish() else { return };
        let person = self.oracle(|oracle| oracle.person(&id));
        let Some(person) = person else { return };
        if let Some(opposite) = wanted.opposite()
            && self.dice.permille(500)
        {
            self.within(20, 6_000, Event::Regret(opposite));
        }
        let times = if self.dice.permille(150) { 2 } else { 1 };
        let caller = self.caller(person.clone());
        for _ in 0..times {
            let credential = match self.dice.permille(150) {
                true => Credential::Earlier(Box::new(person.clone())),
                false => Credential::Token(token.clone()),
            };
            let (caller, wanted, shared) = (caller.clone(), wanted.clone(), self.shared.clone());
            let what = format!("{id} asks {wanted:?}");
            self.spawn(what, |hub| async move { Done::Asked(ask(&hub, caller, credential, wanted, &shared).await) });
        }
    }

    /// The owner wants the opposite of what somebody has just asked for.
    pub(super) fn regret(&mut self, wanted: Wanted) {
        let Some((id, token)) = self.residents.first().map(|owner| (owner.id.clone(), owner.token.clone())) else {
            return;
        };
        let Some(person) = self.oracle(|oracle| oracle.person(&id)) else { return };
        let (caller, shared, credential) = (self.caller(person), self.shared.clone(), Credential::Token(token));
        let what = format!("{id} asks {wanted:?}");
        self.spawn(what, |hub| async move { Done::Asked(ask(&hub, caller, credential, wanted, &shared).await) });
    }

    /// More often somebody who may do something.
    fn anybody(&mut self) -> Option<(PersonId, Secret)> {
        let resident = match self.dice.range(0, 9) {
            0..=3 => self.residents.first(),
            _ => self.dice.pick(&self.residents),
        };
        resident.map(|resident| (resident.id.clone(), resident.token.clone()))
    }

    fn wish(&mut self) -> Option<Wanted> {
        let satellites: Vec<_> = self.satellites.keys().cloned().collect();
        Some(match self.dice.range(0, 99) {
            0..=19 => Wanted::Speak(self.dice.pick(&satellites)?.clone(), self.words()),
            20..=52 => self.answer()?,
            53..=60 => {
                let target = Target::Satellite(self.dice.pick(&satellites)?.clone());
                let state = *self.dice.pick(&["on", "off", "dim"])?;
                let args = json!({"state": state}).as_object()?.clone();
                let ttl_s = self.dice.permille(500).then_some(5);
                Wanted::Propose(Invocation { target, capability: "lamp".parse().ok()?, args }, ttl_s)
            }
            61..=76 => self.review()?,
            77..=80 => Wanted::Recall("where is the key".to_owned()),
            81..=86 => Wanted::Privacy(self.dice.pick(&self.spaces)?.clone(), self.dice.permille(400)),
            87..=92 => {
                let kind = *self.dice.pick(&[ConsentKind::Memory, ConsentKind::Disclosure])?;
                Wanted::Consent(self.dice.pick(&self.residents)?.id.clone(), kind, self.dice.permille(700))
            }
            93..=95 => {
                let role = *self.dice.pick(&[Role::Blocked, Role::Guest, Role::Member, Role::Admin])?;
                // The owner stays, so that the household can be run.
                let others = self.residents.get(1..)?;
                Wanted::Role(self.dice.pick(others)?.id.clone(), role)
            }
            96 => Wanted::Revoke(satellites.last().filter(|_| satellites.len() > 1)?.clone()),
            _ => Wanted::Purge,
        })
    }

    /// About an action: mostly one that waits for an answer.
    fn answer(&mut self) -> Option<Wanted> {
        let mut actions = self.oracle(|oracle| oracle.all::<Action>("action"));
        if self.dice.permille(850) {
            actions.retain(|action| action.state == ActionState::AwaitingApproval);
        }
        let action = self.dice.pick(&actions)?.clone();
        Some(match self.dice.range(0, 9) {
            0..=5 => Wanted::Approve(action.id, action.args_hash),
            6..=7 => {
                let mut other = action.invocation.clone();
                other.args.insert("more".to_owned(), json!(true));
                Wanted::Approve(action.id, other.hash().ok()?)
            }
            8 => Wanted::Reject(action.id),
            _ => Wanted::Cancel(action.id),
        })
    }

    fn review(&mut self) -> Option<Wanted> {
        let memories = self.oracle(|oracle| oracle.all::<Memory>("memory"));
        let memory = self.dice.pick(&memories)?.id.clone();
        let change = match self.dice.range(0, 9) {
            0..=4 => MemoryChange::Commit,
            5 => MemoryChange::Reject,
            6..=7 => {
                let n = self.next();
                MemoryChange::Edit { content: format!("the ob{n} key is under the mat") }
            }
            _ => MemoryChange::Forget,
        };
        Some(Wanted::Memory(memory, change))
    }
}

async fn ask(
    hub: &Arc<Hub>,
    mut caller: Caller,
    credential: Credential,
    wanted: Wanted,
    shared: &Shared,
) -> Result<String, RequestError> {
    caller.person = match credential {
        Credential::Token(token) => hub.authenticate(&people::Credential::Token(token)).await?,
        Credential::Earlier(person) => *person,
    };
    match wanted {
        Wanted::Speak(satellite, text) => {
            let event = marvain_domain::id::EventId::derive(&[satellite.as_str(), caller.request.as_str()]);
            shared.lock().oracle.spoken(event, caller.person.id.clone());
            hub.speak(&caller, &Speech { satellite, text }).await.map(|event| event.to_string())
        }
        Wanted::Approve(action, shown) => approve(hub, &caller, &action, shown, shared).await,
        Wanted::Reject(action) => hub.reject(&caller, &action, "not now").await.map(|action| action.id.to_string()),
        Wanted::Cancel(action) => hub.cancel(&caller, &action).await.map(|action| action.id.to_string()),
        Wanted::Propose(invocation, ttl_s) => {
            let proposal = Proposal { invocation, why: "because".to_owned(), ttl_s };
            hub.propose(&caller, &proposal).await.map(|action| action.id.to_string())
        }
        Wanted::Memory(memory, change) => {
            hub.change_memory(&caller, &memory, &change).await.map(|memory| format!("{:?}", memory.state))
        }
        Wanted::Recall(text) => {
            let request = RecallRequest { text, tiers: Vec::new(), limit: 5 };
            let recalled = hub.recall(&caller, &request).await?;
            Ok(format!("{} memories", recalled.len()))
        }
        Wanted::Privacy(space, on) => hub.set_privacy(&caller, &space, on).await.map(|space| format!("{space:?}")),
        Wanted::Consent(person, kind, true) => {
            let new = NewConsent { person, kind, purpose: "home".to_owned(), expires_at: None };
            hub.grant_consent(&caller, &new).await.map(|consent| format!("{:?}", consent.kind))
        }
        Wanted::Consent(person, kind, false) => {
            hub.revoke_consent(&caller, &person, kind).await.map(|consent| format!("{:?}", consent.kind))
        }
        Wanted::Role(person, role) => hub.set_role(&caller, &person, role).await.map(|person| format!("{person:?}")),
        Wanted::Revoke(satellite) => hub.revoke_satellite(&caller, &satellite).await.map(|one| one.id.to_string()),
        Wanted::Purge => Ok(format!("{} dropped", hub.purge(caller.now).await?)),
    }
}

async fn approve(
    hub: &Hub,
    caller: &Caller,
    id: &ActionId,
    shown: ArgsHash,
    shared: &Shared,
) -> Result<String, RequestError> {
    let passed_on = {
        let mut state = shared.lock();
        let action = state.oracle.action(id);
        if action.as_ref().is_some_and(|action| may_approve(caller.person.role, action.risk)) {
            state.oracle.approval(id, &shown, &caller.person.id);
        }
        match action {
            Some(action) if state.has(Plant::ApproverSkipsHash) => action.args_hash,
            _ => shown,
        }
    };
    hub.approve(caller, id, &passed_on).await.map(|action| action.id.to_string())
}
