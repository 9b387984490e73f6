//! `notify`: an action waits for approval; whoever may answer is told on their devices.
//!
//! What is told are names, a deadline and the action's id. Who is told is policy's answer to whether they could approve it now;
//! whether they still may is asked again when they do. A notification may come twice, which shows as one; it is no promise that
//! the action still waits.

use super::hop_body;
use crate::{
    changes::Changes,
    deliver::StepError,
    entity::{DEVICES, PEOPLE, ReachedAt, action_key, device_key, person_key, reached_key},
    facts::ALL_MAX,
    hub::Hub,
    port::{BusError, Cause, Delivery, Effect, Index, LedgerError, Notification, Outgoing, Pushed, Query},
};
use marvain_domain::{
    Principal, Timestamp,
    action::{Action, ActionState, Target},
    id::{ActionId, DeliveryId, DeviceName, PersonId},
    identity::{DEVICES_MAX, Device, Person, PushAddress},
    policy::{Operation, person_of},
};
use marvain_topics::Queue;
use serde::Deserialize;
use serde_json::json;

/// Most notifications of one commit; whoever comes behind is told by a hop of their own.
const PUSHES_MAX: usize = 40;

#[derive(Deserialize)]
struct About {
    action: ActionId,
    /// Whom an earlier hop has told last.
    #[serde(default)]
    after: Option<PersonId>,
}

pub(crate) async fn run(hub: &Hub, delivery: &Delivery, now: Timestamp) -> Result<Changes, StepError> {
    let About { action: id, after } = hop_body(delivery)?;
    let mut changes = Changes::default();
    let Some(stored) = hub.load::<Action>(&action_key(&id)).await? else { return Ok(changes) };
    let action = &stored.value;
    let Some(notification) = notification(action, now) else { return Ok(changes) };
    let policies = hub.policies().await?;
    let person_role = hub.role_of(person_of(action)).await?;
    let mut people: Vec<Person> =
        hub.all::<Person>(PEOPLE, ALL_MAX).await?.into_iter().map(|stored| stored.value).collect();
    people.sort_by(|a, b| a.id.cmp(&b.id));
    let mut last = None;
    for person in people.iter().filter(|person| after.as_ref().is_none_or(|after| person.id > *after)) {
        if !policies.may(person, &Operation::ApproveAction { action, person_role }).allowed {
            continue;
        }
        let devices = hub.devices(&person.id).await?;
        if changes.effects.len() + devices.len() > PUSHES_MAX {
            let body = json!({"action": id, "after": last});
            changes.effects.push(Effect::Hop { queue: Queue::Notify, body });
            break;
        }
        last = Some(&person.id);
        changes.effects.extend(devices.into_iter().map(|device| Effect::Push {
            person: device.person,
            device: device.name,
            notification: notification.clone(),
        }));
    }
    Ok(changes)
}

/// What is told of an action, if it waits and there is still time.
fn notification(action: &Action, now: Timestamp) -> Option<Notification> {
    let deadline = action.deadline.filter(|deadline| *deadline > now)?;
    (action.state == ActionState::AwaitingApproval).then(|| Notification {
        action: action.id.clone(),
        capability: action.invocation.capability.to_string(),
        satellite: match &action.invocation.target {
            Target::Satellite(id) => Some(id.to_string()),
            Target::Hub => None,
        },
        deadline,
        ttl_s: deadline.ms_since(now).div_ceil(1000),
    })
}

impl Hub {
    /// The devices that somebody is notified on, by name.
    pub(crate) async fn devices(&self, person: &PersonId) -> Result<Vec<Device>, LedgerError> {
        let query = Query {
            index: Index::Primary,
            pk: person_key(person).pk,
            prefix: DEVICES.to_owned(),
            through: None,
            descending: false,
            limit: DEVICES_MAX,
            after: None,
        };
        Ok(self.list::<Device>(&query).await?.0.into_iter().map(|stored| stored.value).collect())
    }

    /// Has `device` reached no more. That another one is reached at its address stays as it is.
    pub(crate) async fn unreach(&self, device: &Device, changes: &mut Changes) -> Result<(), LedgerError> {
        let reached = self.load::<ReachedAt>(&reached_key(&device.address)).await?;
        if let Some(reached) = reached
            && (&reached.value.person, &reached.value.device) == (&device.person, &device.name)
        {
            changes.remove(&reached);
            changes.effects.push(Effect::Unpush { address: device.address.clone() });
        }
        Ok(())
    }

    /// Tells the push service to reach an address no more, unless somebody is reached there again.
    pub(crate) async fn unpush(&self, address: &PushAddress) -> Result<(), BusError> {
        let failed = |source: Cause| BusError { what: "forgetting a device".to_owned(), source };
        let reached = self.load::<ReachedAt>(&reached_key(address)).await.map_err(|e| failed(Box::new(e)))?;
        match reached {
            Some(_) => Ok(()),
            None => self.ports.push.forget(address).await.map_err(|e| failed(Box::new(e))),
        }
    }

    /// Notifies somebody on one device, unless there is nothing to tell any more. A device that is gone is removed.
    pub(crate) async fn notify(
        &self,
        outgoing: &Outgoing,
        person: &PersonId,
        device: &DeviceName,
        notification: &Notification,
    ) -> Result<(), BusError> {
        let failed = |source: Cause| BusError { what: format!("a notification to `{person}`"), source };
        let unread = |e: LedgerError| failed(Box::new(e));
        let action = self.load::<Action>(&action_key(&notification.action)).await.map_err(unread)?;
        if action.is_none_or(|action| action.value.state != ActionState::AwaitingApproval) {
            return Ok(());
        }
        let Some(stored) = self.load::<Device>(&device_key(person, device)).await.map_err(unread)? else {
            return Ok(());
        };
        let pushed = self.ports.push.send(&stored.value.address, notification).await;
        if pushed.map_err(|e| failed(Box::new(e)))? == Pushed::Sent {
            return Ok(());
        }
        let mut changes = Changes::default();
        changes.remove(&stored);
        self.unreach(&stored.value, &mut changes).await.map_err(unread)?;
        let data = json!({"person": person, "device": device, "platform": stored.value.platform});
        changes.audit(outgoing.at, &Principal::System, "device.gone", data);
        let id = DeliveryId::derive(&["gone", outgoing.id.as_str()]);
        // What it wants done in turn is left to the next tick.
        match self.ports.ledger.commit(changes.into_commit(id, outgoing.at)).await {
            // Somebody has registered it anew meanwhile.
            Ok(_) | Err(LedgerError::Conflict { .. }) => Ok(()),
            Err(e) => Err(unread(e)),
        }
    }
}
