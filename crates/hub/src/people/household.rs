//! People, roles, consent, spaces and privacy mode.

use super::{Caller, RequestError, conflict, found};
use crate::{
    changes::Changes,
    entity::{PEOPLE, SATELLITES, SPACES, consent_key, space_key},
    facts::ALL_MAX,
    hub::Hub,
    port::Effect,
};
use marvain_domain::{
    Timestamp,
    consent::{Consent, ConsentKind},
    id::{LocationId, PersonId, SpaceId},
    identity::{Person, Privacy, Role, Satellite, Space, change_role},
    policy::{Operation, Somebody},
};
use marvain_topics::{ShadowName, wire::ConfigDesired};
use serde_json::json;

/// Longest shown name of a person, in bytes.
const DISPLAY_NAME_BYTES_MAX: usize = 128;
/// Longest purpose of a consent, in bytes.
const PURPOSE_BYTES_MAX: usize = 200;

/// A consent to be recorded.
#[derive(Clone, Debug)]
pub struct NewConsent {
    /// Whose.
    pub person: PersonId,
    /// To what.
    pub kind: ConsentKind,
    /// What for.
    pub purpose: String,
    /// Until when.
    pub expires_at: Option<Timestamp>,
}

impl Hub {
    /// Everybody whom the hub knows.
    pub async fn people(&self, caller: &Caller) -> Result<Vec<Person>, RequestError> {
        self.authorise(caller, &Operation::View).await?;
        Ok(self.all::<Person>(PEOPLE, ALL_MAX).await?.into_iter().map(|stored| stored.value).collect())
    }

    /// Adds somebody.
    pub async fn add_person(
        &self,
        caller: &Caller,
        id: &PersonId,
        display_name: &str,
        role: Role,
    ) -> Result<Person, RequestError> {
        let of = Somebody { id, role: None };
        self.authorise(caller, &Operation::ManagePeople { of, to: Some(role) }).await?;
        if display_name.is_empty() || display_name.len() > DISPLAY_NAME_BYTES_MAX {
            return Err(RequestError::Invalid(format!("`display_name` must have 1 to {DISPLAY_NAME_BYTES_MAX} bytes")));
        }
        if role == Role::Owner && caller.person.role != Role::Owner {
            return Err(conflict(marvain_domain::identity::RoleChangeError::OwnerOnly));
        }
        self.request(caller, || async {
            if self.person(id).await?.is_some() {
                return Err(conflict(format!("there is a person `{id}` already")));
            }
            let person = Person {
                id: id.clone(),
                display_name: display_name.to_owned(),
                role,
                created_at: caller.now,
                token_hash: None,
                account: None,
            };
            let mut changes = Changes::default();
            changes.create(&person)?;
            changes.audit(caller.now, &caller.principal(), "person.added", json!({"person": id, "role": role}));
            Ok(changes)
        })
        .await?;
        Ok(found(self.person(id).await?, "person", id)?.value)
    }

    /// Gives somebody another role.
    pub async fn set_role(&self, caller: &Caller, id: &PersonId, role: Role) -> Result<Person, RequestError> {
        let stored = found(self.person(id).await?, "person", id)?;
        let of = Somebody::from(&stored.value);
        self.authorise(caller, &Operation::ManagePeople { of, to: Some(role) }).await?;
        self.request(caller, || async {
            let stored = found(self.person(id).await?, "person", id)?;
            let everybody = self.all::<Person>(PEOPLE, ALL_MAX).await?;
            let owners = || everybody.iter().filter(|person| person.value.role == Role::Owner);
            let next = change_role(caller.person.role, &stored.value, role, owners().count()).map_err(conflict)?;
            let mut changes = Changes::default();
            changes.replace(&stored, &next)?;
            // An owner who is counted on to remain is written too: who takes their role meanwhile is in conflict.
            if stored.value.role == Role::Owner
                && let Some(remains) = owners().find(|owner| owner.value.id != *id)
            {
                changes.replace(remains, &remains.value)?;
            }
            let data = json!({"person": id, "from": stored.value.role, "to": role});
            changes.audit(caller.now, &caller.principal(), "person.role_changed", data);
            Ok(changes)
        })
        .await?;
        Ok(found(self.person(id).await?, "person", id)?.value)
    }

    /// Somebody's consents, those taken back or expired too.
    pub async fn consents_of(&self, caller: &Caller, id: &PersonId) -> Result<Vec<Consent>, RequestError> {
        self.authorise(caller, &Operation::View).await?;
        found(self.person(id).await?, "person", id)?;
        Ok(self.consents(id).await?)
    }

    /// Records somebody's consent, in place of an earlier one of its kind.
    pub async fn grant_consent(&self, caller: &Caller, new: &NewConsent) -> Result<Consent, RequestError> {
        let person = found(self.person(&new.person).await?, "person", &new.person)?;
        let of = Somebody::from(&person.value);
        self.authorise(caller, &Operation::SetConsent { of, grant: true }).await?;
        if new.purpose.len() > PURPOSE_BYTES_MAX {
            return Err(RequestError::Invalid(format!("`purpose` must have at most {PURPOSE_BYTES_MAX} bytes")));
        }
        if new.expires_at.is_some_and(|at| at <= caller.now) {
            return Err(RequestError::Invalid("`expires_at` must be later than now".to_owned()));
        }
        self.request(caller, || async {
            let old = self.load::<Consent>(&consent_key(&new.person, new.kind)).await?;
            let consent = Consent {
                person: new.person.clone(),
                kind: new.kind,
                purpose: new.purpose.clone(),
                granted_at: caller.now,
                granted_by: caller.principal(),
                expires_at: new.expires_at,
                revoked_at: None,
            };
            let mut changes = Changes::default();
            changes.upsert(old.as_ref(), &consent)?;
            let data = json!({"person": new.person, "kind": new.kind, "expires_at": new.expires_at});
            changes.audit(caller.now, &caller.principal(), "consent.granted", data);
            Ok(changes)
        })
        .await?;
        self.consent_of(&new.person, new.kind).await
    }

    /// Takes somebody's consent back, from now on.
    pub async fn revoke_consent(
        &self,
        caller: &Caller,
        id: &PersonId,
        kind: ConsentKind,
    ) -> Result<Consent, RequestError> {
        let person = found(self.person(id).await?, "person", id)?;
        let of = Somebody::from(&person.value);
        self.authorise(caller, &Operation::SetConsent { of, grant: false }).await?;
        self.request(caller, || async {
            let old = self.load::<Consent>(&consent_key(id, kind)).await?;
            let old = found(old.filter(|old| old.value.is_active(caller.now)), "active consent", &kind.as_str())?;
            let consent = Consent { revoked_at: Some(caller.now), ..old.value.clone() };
            let mut changes = Changes::default();
            changes.replace(&old, &consent)?;
            changes.audit(caller.now, &caller.principal(), "consent.revoked", json!({"person": id, "kind": kind}));
            Ok(changes)
        })
        .await?;
        self.consent_of(id, kind).await
    }

    async fn consent_of(&self, id: &PersonId, kind: ConsentKind) -> Result<Consent, RequestError> {
        Ok(found(self.load::<Consent>(&consent_key(id, kind)).await?, "consent", &kind.as_str())?.value)
    }

    /// All spaces.
    pub async fn spaces(&self, caller: &Caller) -> Result<Vec<Space>, RequestError> {
        self.authorise(caller, &Operation::View).await?;
        Ok(self.all::<Space>(SPACES, ALL_MAX).await?.into_iter().map(|stored| stored.value).collect())
    }

    /// Adds a space.
    pub async fn add_space(
        &self,
        caller: &Caller,
        id: &SpaceId,
        location: Option<&LocationId>,
    ) -> Result<Space, RequestError> {
        self.authorise(caller, &Operation::ManageSpaces).await?;
        self.request(caller, || async {
            if self.load::<Space>(&space_key(id)).await?.is_some() {
                return Err(conflict(format!("there is a space `{id}` already")));
            }
            let space = Space { id: id.clone(), location: location.cloned(), privacy: None, created_at: caller.now };
            let mut changes = Changes::default();
            changes.create(&space)?;
            changes.audit(caller.now, &caller.principal(), "space.added", json!({"space": id, "location": location}));
            Ok(changes)
        })
        .await?;
        self.space_of(id).await
    }

    async fn space_of(&self, id: &SpaceId) -> Result<Space, RequestError> {
        Ok(found(self.load::<Space>(&space_key(id)).await?, "space", id)?.value)
    }

    /// Turns privacy mode on or off. The satellites of the space are told to hold back at the source.
    pub async fn set_privacy(&self, caller: &Caller, id: &SpaceId, on: bool) -> Result<Space, RequestError> {
        self.space_of(id).await?;
        self.authorise(caller, &Operation::SetPrivacy { space: id, on }).await?;
        self.request(caller, || async {
            let stored = found(self.load::<Space>(&space_key(id)).await?, "space", id)?;
            let mut changes = Changes::default();
            if stored.value.is_private() == on {
                return Ok(changes);
            }
            let privacy = on.then(|| Privacy { since: caller.now, by: caller.principal() });
            let space = Space { privacy, ..stored.value.clone() };
            changes.replace(&stored, &space)?;
            let satellites = self.all::<Satellite>(SATELLITES, ALL_MAX).await?;
            for satellite in satellites.into_iter().filter(|s| s.value.space.as_ref() == Some(id)) {
                changes.effects.push(told_privacy(satellite.value, on));
            }
            changes.audit(caller.now, &caller.principal(), "space.privacy_changed", json!({"space": id, "on": on}));
            Ok(changes)
        })
        .await?;
        self.space_of(id).await
    }
}

/// Tells a satellite whether privacy mode is on around it.
pub(super) fn told_privacy(satellite: Satellite, on: bool) -> Effect {
    let desired = json!(ConfigDesired { privacy: on });
    Effect::Shadow { satellite: satellite.id, name: ShadowName::Config, desired }
}
