//! Looking at reminders that have not gone off, and calling them off.

use super::{Caller, PAGES_MAX, RequestError, found};
use crate::{
    changes::{Changes, Stored},
    entity::{REMINDERS, reminder_key},
    hub::{Hub, listing},
    port::Query,
    upkeep::spoken,
};
use marvain_domain::{
    Principal,
    id::ReminderId,
    policy::{Operation, person_of},
    reminder::Reminder,
};
use serde_json::json;

/// Which reminders to list.
#[derive(Clone, Debug)]
pub struct ReminderQuery {
    /// At most so many, the next to go off first.
    pub limit: usize,
    /// Goes on behind an earlier page.
    pub after: Option<String>,
}

impl Hub {
    /// Reminders that have not gone off, the next first: the caller's own, and those that they may call off. A page is
    /// empty only at the end, or where none is found for long.
    pub async fn reminders(
        &self,
        caller: &Caller,
        query: &ReminderQuery,
    ) -> Result<(Vec<Reminder>, Option<String>), RequestError> {
        self.authorise(caller, &Operation::View).await?;
        let listing = listing(REMINDERS, query.limit.clamp(1, 200));
        let mut after = query.after.clone();
        for _ in 0..PAGES_MAX {
            let (page, next) = self.list::<Reminder>(&Query { after, ..listing.clone() }).await?;
            let mut reminders = Vec::with_capacity(page.len());
            for Stored { value: reminder, .. } in page {
                let own = reminder.origin.person.as_ref() == Some(&caller.person.id);
                if own || self.may_cancel_reminder(caller, &reminder).await? {
                    reminders.push(reminder);
                }
            }
            if !reminders.is_empty() || next.is_none() {
                return Ok((reminders, next));
            }
            after = next;
        }
        Ok((Vec::new(), after))
    }

    /// Calls a reminder off: nothing is left of it.
    pub async fn cancel_reminder(&self, caller: &Caller, id: &ReminderId) -> Result<(), RequestError> {
        if self.ports.ledger.is_applied(&caller.request).await? {
            return Ok(());
        }
        let stored = self.waiting_reminder(id).await?;
        let action = spoken(&stored.value, &self.agent(), caller.now)?;
        let person_role = self.role_of(person_of(&action)).await?;
        self.authorise(caller, &Operation::CancelAction { action: &action, person_role }).await?;
        self.request(caller, || async {
            let stored = self.waiting_reminder(id).await?;
            let mut changes = Changes::default();
            changes.remove(&stored);
            let on_behalf_of = stored.value.origin.person.iter().cloned().map(Principal::Person).collect();
            let data = json!({"reminder": id});
            changes.audit_for(caller.now, &caller.principal(), on_behalf_of, "reminder.canceled", data);
            Ok(changes)
        })
        .await
    }

    /// Whoever may call off the action that it will be, may call it off.
    async fn may_cancel_reminder(&self, caller: &Caller, reminder: &Reminder) -> Result<bool, RequestError> {
        let action = spoken(reminder, &self.agent(), caller.now)?;
        let person_role = self.role_of(person_of(&action)).await?;
        let operation = Operation::CancelAction { action: &action, person_role };
        Ok(self.people_policies().await?.may(&caller.person, &operation).allowed)
    }

    async fn waiting_reminder(&self, id: &ReminderId) -> Result<Stored<Reminder>, RequestError> {
        let stored = self.load::<Reminder>(&reminder_key(id)).await?;
        found(stored.filter(|stored| stored.value.fired_at.is_none()), "waiting reminder", id)
    }

    fn agent(&self) -> Principal {
        Principal::Agent(self.settings.agent.clone())
    }
}
