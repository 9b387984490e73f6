//! Facts that several use cases gather.

use crate::{
    changes::Stored,
    entity::{
        CONSENTS, PolicySource, PresenceOf, SATELLITES, consent_key, person_key, policy_key, presence_key,
        satellite_key, space_key,
    },
    hub::{CachedPolicies, Hub},
    port::{Index, LedgerError, Query},
};
use jiff::{Zoned, civil};
use marvain_domain::{
    Timestamp,
    action::{Action, Target},
    capability::{Capability, CapabilityKind},
    consent::{Consent, ConsentKind},
    id::{PersonId, SatelliteId, SpaceId},
    identity::{Person, Role, Satellite, SatelliteStatus, Space},
    plan::{Offer, hub_tools},
    policy::{ActionFacts, Policies, PolicyError, person_of},
};
use std::sync::Arc;

/// Most satellites, spaces or people that a list of all of them shows.
pub(crate) const ALL_MAX: usize = 1000;

impl Hub {
    /// The policies in force: the edited set if there is one, else the built-in one.
    pub(crate) async fn policies(&self) -> Result<Arc<Policies>, LedgerError> {
        let checked = self.checked_policies().await?;
        checked.map_err(|e| LedgerError::Bug(format!("the stored policies do not parse: {e}")))
    }

    /// The policies in force, or what is wrong with the stored set.
    pub(crate) async fn checked_policies(&self) -> Result<Result<Arc<Policies>, PolicyError>, LedgerError> {
        let record = self.load::<PolicySource>(&policy_key()).await?;
        let version = record.as_ref().map_or(0, |record| record.version);
        {
            let cached = self.policies.read().await;
            if let Some(cached) = cached.as_ref().filter(|cached| cached.version == version) {
                return Ok(Ok(cached.policies.clone()));
            }
        }
        let parsed = match &record {
            Some(record) => Policies::parse(&[("policies.cedar", &record.value.text)]).map(Arc::new),
            None => Policies::default_set(),
        };
        let policies = match parsed {
            Ok(parsed) => parsed,
            Err(error) => return Ok(Err(error)),
        };
        *self.policies.write().await = Some(CachedPolicies { version, policies: policies.clone() });
        Ok(Ok(policies))
    }

    pub(crate) async fn person(&self, id: &PersonId) -> Result<Option<Stored<Person>>, LedgerError> {
        self.load(&person_key(id)).await
    }

    /// The standing of `id`, if that is somebody.
    pub(crate) async fn role_of(&self, id: Option<&PersonId>) -> Result<Option<Role>, LedgerError> {
        match id {
            Some(id) => Ok(self.person(id).await?.map(|person| person.value.role)),
            None => Ok(None),
        }
    }

    pub(crate) async fn consents(&self, person: &PersonId) -> Result<Vec<Consent>, LedgerError> {
        let query = Query {
            index: Index::Primary,
            pk: person_key(person).pk,
            prefix: CONSENTS.to_owned(),
            through: None,
            descending: false,
            limit: ConsentKind::ALL.len(),
            after: None,
        };
        Ok(self.list::<Consent>(&query).await?.0.into_iter().map(|stored| stored.value).collect())
    }

    /// Does `person` permit `kind` now?
    pub(crate) async fn permits(
        &self,
        person: &PersonId,
        kind: ConsentKind,
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        let consent = self.load::<Consent>(&consent_key(person, kind)).await?;
        Ok(consent.is_some_and(|consent| consent.value.is_active(now)))
    }

    /// Is privacy mode on there? Nowhere has no privacy mode.
    pub(crate) async fn is_private(&self, space: Option<&SpaceId>) -> Result<bool, LedgerError> {
        match space {
            Some(id) => Ok(self.load::<Space>(&space_key(id)).await?.is_some_and(|space| space.value.is_private())),
            None => Ok(false),
        }
    }

    pub(crate) async fn satellite(&self, id: &SatelliteId) -> Result<Option<Stored<Satellite>>, LedgerError> {
        self.load(&satellite_key(id)).await
    }

    /// What a satellite says it can do.
    pub(crate) async fn capabilities(&self, id: &SatelliteId) -> Result<Vec<Capability>, LedgerError> {
        let presence = self.load::<PresenceOf>(&presence_key(id)).await?;
        Ok(presence.map(|presence| presence.value.presence.capabilities).unwrap_or_default())
    }

    /// All that can be done: by the satellite that asks, by those in its space, by the hub, by the others. A planner may
    /// pass over those at the end.
    pub(crate) async fn offers(&self, near: &SatelliteId, space: Option<&SpaceId>) -> Result<Vec<Offer>, LedgerError> {
        let mut satellites: Vec<Satellite> = self
            .all::<Satellite>(SATELLITES, ALL_MAX)
            .await?
            .into_iter()
            .map(|stored| stored.value)
            .filter(|satellite| satellite.status == SatelliteStatus::Active)
            .collect();
        let distance = |satellite: &Satellite| match satellite {
            Satellite { id, .. } if id == near => 0,
            Satellite { space: Some(there), .. } if Some(there) == space => 1,
            _ => 2,
        };
        satellites.sort_by_key(distance);
        let far = satellites.split_off(satellites.partition_point(|satellite| distance(satellite) < 2));
        let mut offers = self.offers_of(satellites).await?;
        offers.extend(hub_tools().into_iter().map(|capability| Offer { target: Target::Hub, capability }));
        offers.extend(self.offers_of(far).await?);
        Ok(offers)
    }

    async fn offers_of(&self, satellites: Vec<Satellite>) -> Result<Vec<Offer>, LedgerError> {
        let mut offers = Vec::new();
        for Satellite { id, .. } in satellites {
            for capability in self.capabilities(&id).await? {
                offers.push(Offer { target: Target::Satellite(id.clone()), capability });
            }
        }
        Ok(offers)
    }

    /// What `action` would use, if its target still offers it.
    pub(crate) async fn capability_of(&self, action: &Action) -> Result<Option<Capability>, LedgerError> {
        let name = &action.invocation.capability;
        let offered = match &action.invocation.target {
            Target::Satellite(id) => self.capabilities(id).await?,
            Target::Hub => hub_tools(),
        };
        Ok(offered.into_iter().find(|capability| capability.name == *name))
    }

    /// All that policies look at for an action.
    pub(crate) async fn action_facts(
        &self,
        action: &Action,
        kind: CapabilityKind,
        now: Timestamp,
    ) -> Result<GatheredFacts, LedgerError> {
        let satellite = match &action.invocation.target {
            Target::Satellite(id) => self.satellite(id).await?.map(|stored| stored.value),
            Target::Hub => None,
        };
        let target_space = satellite.as_ref().and_then(|satellite| satellite.space.as_ref());
        Ok(GatheredFacts {
            kind,
            person_role: self.role_of(person_of(action)).await?,
            target_private: self.is_private(target_space).await?,
            origin_private: self.is_private(action.origin.space.as_ref()).await?,
            local_time: on_the_wall(now, &self.settings.time_zone).map(|zoned| zoned.datetime()),
            satellite,
        })
    }
}

/// Facts about an action, owned.
pub(crate) struct GatheredFacts {
    kind: CapabilityKind,
    person_role: Option<Role>,
    satellite: Option<Satellite>,
    target_private: bool,
    origin_private: bool,
    local_time: Option<civil::DateTime>,
}

impl GatheredFacts {
    pub(crate) fn of<'a>(&'a self, action: &'a Action) -> ActionFacts<'a> {
        ActionFacts {
            action,
            kind: self.kind,
            person_role: self.person_role,
            satellite: self.satellite.as_ref(),
            target_private: self.target_private,
            origin_private: self.origin_private,
            local_time: self.local_time,
        }
    }
}

/// The time on the wall in an IANA time zone; none if there is no such zone.
pub(crate) fn on_the_wall(now: Timestamp, zone: &str) -> Option<Zoned> {
    let ms = i64::try_from(now.as_ms()).ok()?;
    jiff::Timestamp::from_millisecond(ms).ok()?.in_tz(zone).ok()
}
