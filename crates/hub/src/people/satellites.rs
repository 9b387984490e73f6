//! Satellites: claims, enrolment codes, certificates, and what is known of each.

use super::{Caller, RequestError, Secret, conflict, found, household::told_privacy};
use crate::{
    changes::Changes,
    entity::PresenceOf,
    entity::{
        LatestReading, OpenCommands, Readings, SATELLITES, enrolment_key, open_commands_key, presence_key, readings_key,
    },
    facts::ALL_MAX,
    hub::Hub,
    port::{Bundle, Effect, FleetError},
};
use marvain_domain::{
    Principal, Timestamp,
    id::{ActionId, DeliveryId, PersonId, SatelliteId, SpaceId},
    identity::{ENROLMENT_TTL_S, EnrolmentCode, Presence, Satellite, SatelliteStatus, redeem},
    policy::Operation,
};
use serde::Serialize;
use serde_json::json;

/// Longest life of an enrolment code, in seconds.
const ENROLMENT_TTL_S_MAX: u64 = 7 * 24 * 3600;

/// Where a satellite stands, and whose words it carries.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// Its space.
    pub space: Option<SpaceId>,
    /// Its person, for a personal satellite.
    pub person: Option<PersonId>,
}

/// A code that lets one device enrol.
#[derive(Clone, Debug)]
pub struct Enrolment {
    /// Its serial number: the satellite's name.
    pub serial: SatelliteId,
    /// Where it will stand.
    pub standing: Standing,
    /// How long the code lives, in seconds; [`ENROLMENT_TTL_S`] if not said.
    pub ttl_s: Option<u64>,
    /// The device takes the place of a satellite of that name.
    pub replace: bool,
}

/// What the pre-provisioning hook is asked.
#[derive(Clone, Debug)]
pub struct EnrolmentRequest {
    /// Serial number, as the device says.
    pub serial: String,
    /// Code, as the device says.
    pub code: Secret,
    /// The certificate that it has asked for.
    pub certificate_id: String,
    /// The claim certificate that it used.
    pub claim_certificate_id: String,
}

/// All that is known of a satellite.
#[derive(Clone, Debug, Serialize)]
pub struct SatelliteView {
    /// The record.
    #[serde(flatten)]
    pub satellite: Satellite,
    /// Its connection and its own report.
    pub presence: Presence,
    /// Its newest readings.
    pub readings: Vec<LatestReading>,
    /// Commands that lie in its shadow.
    pub open_commands: Vec<ActionId>,
}

impl Hub {
    /// All satellites.
    pub async fn satellites(&self, caller: &Caller) -> Result<Vec<SatelliteView>, RequestError> {
        self.authorise(caller, &Operation::View).await?;
        let mut views = Vec::new();
        for stored in self.all::<Satellite>(SATELLITES, ALL_MAX).await? {
            views.push(self.satellite_view(stored.value).await?);
        }
        Ok(views)
    }

    /// One satellite.
    pub async fn satellite_of(&self, caller: &Caller, id: &SatelliteId) -> Result<SatelliteView, RequestError> {
        self.authorise(caller, &Operation::View).await?;
        let stored = found(self.satellite(id).await?, "satellite", id)?;
        self.satellite_view(stored.value).await
    }

    async fn satellite_view(&self, satellite: Satellite) -> Result<SatelliteView, RequestError> {
        let presence = self.load::<PresenceOf>(&presence_key(&satellite.id)).await?;
        let open = self.load::<OpenCommands>(&open_commands_key(&satellite.id)).await?;
        let readings = self.load::<Readings>(&readings_key(&satellite.id)).await?;
        Ok(SatelliteView {
            satellite,
            presence: presence.map(|presence| presence.value.presence).unwrap_or_default(),
            readings: readings.map(|readings| readings.value.values).unwrap_or_default(),
            open_commands: open.map(|open| open.value.actions).unwrap_or_default(),
        })
    }

    /// A claim certificate, to be put on devices before they are anybody's.
    pub async fn create_claim(&self, caller: &Caller) -> Result<Bundle, RequestError> {
        self.authorise(caller, &Operation::ManageSatellites).await?;
        let bundle = self.ports.fleet.create_claim().await.map_err(unavailable)?;
        let mut changes = Changes::default();
        let data = json!({"certificate": bundle.certificate_id});
        changes.audit(caller.now, &caller.principal(), "claim.created", data);
        self.apply(changes, caller.request.clone(), caller.now).await?;
        Ok(bundle)
    }

    /// Lets one device enrol under `secret`.
    pub async fn create_enrolment(
        &self,
        caller: &Caller,
        enrolment: &Enrolment,
        secret: &Secret,
    ) -> Result<EnrolmentCode, RequestError> {
        self.authorise(caller, &Operation::ManageSatellites).await?;
        let ttl_s = enrolment.ttl_s.unwrap_or(ENROLMENT_TTL_S);
        if ttl_s == 0 || ttl_s > ENROLMENT_TTL_S_MAX {
            return Err(RequestError::Invalid(format!("`ttl_s` must be from 1 to {ENROLMENT_TTL_S_MAX}")));
        }
        self.check_standing(&enrolment.standing).await?;
        self.request(caller, || async {
            let serial = &enrolment.serial;
            let existing = self.satellite(serial).await?;
            let active = existing.is_some_and(|s| s.value.status == SatelliteStatus::Active);
            if active && !enrolment.replace {
                return Err(conflict(format!("there is a satellite `{serial}`: say that the device replaces it")));
            }
            let old = self.load::<EnrolmentCode>(&enrolment_key(serial)).await?;
            let code = EnrolmentCode {
                serial: serial.clone(),
                code_hash: secret.hash(),
                expires_at: caller.now.plus_s(ttl_s),
                space: enrolment.standing.space.clone(),
                person: enrolment.standing.person.clone(),
                spent_by: None,
            };
            let mut changes = Changes::default();
            changes.upsert(old.as_ref(), &code)?;
            let data = json!({"serial": serial, "expires_at": code.expires_at, "replace": enrolment.replace});
            changes.audit(caller.now, &caller.principal(), "enrolment.opened", data);
            Ok(changes)
        })
        .await?;
        let serial = &enrolment.serial;
        Ok(found(self.load::<EnrolmentCode>(&enrolment_key(serial)).await?, "enrolment", serial)?.value)
    }

    /// The pre-provisioning hook: may this device become that satellite? A refusal is put into the audit log; the
    /// device learns no more than that it is refused.
    pub async fn enrol(&self, request: &EnrolmentRequest, now: Timestamp) -> Result<Satellite, RequestError> {
        let attempt = DeliveryId::derive(&["enrol", &request.serial, &request.certificate_id, &request.code.hash()]);
        let answer = self.redeem_code(request, &attempt, now).await;
        if let Err(RequestError::Conflict(why) | RequestError::Invalid(why)) = &answer {
            let mut changes = Changes::default();
            let serial: String = request.serial.chars().take(80).collect();
            let data = json!({"serial": serial, "claim": request.claim_certificate_id, "why": why});
            changes.audit(now, &Principal::System, "enrolment.refused", data);
            let id = DeliveryId::derive(&["refused", attempt.as_str(), &now.as_ms().to_string()]);
            self.apply(changes, id, now).await?;
        }
        answer
    }

    async fn redeem_code(
        &self,
        request: &EnrolmentRequest,
        attempt: &DeliveryId,
        now: Timestamp,
    ) -> Result<Satellite, RequestError> {
        let serial: SatelliteId = request.serial.parse().map_err(|e| RequestError::Invalid(format!("{e}")))?;
        let stored = self.load::<EnrolmentCode>(&enrolment_key(&serial)).await?;
        let code = stored.as_ref().map(|stored| &stored.value);
        let spent = redeem(code, &request.code.hash(), &request.certificate_id, now).map_err(conflict)?;
        let existing = self.satellite(&serial).await?;
        if let Some(existing) = &existing
            && existing.value.certificate_id == request.certificate_id
            && existing.value.status == SatelliteStatus::Active
        {
            return Ok(existing.value.clone());
        }
        let mut changes = Changes::default();
        changes.upsert(stored.as_ref(), &spent)?;
        let satellite = Satellite {
            id: serial.clone(),
            space: spent.space,
            person: spent.person,
            certificate_id: request.certificate_id.clone(),
            status: SatelliteStatus::Active,
            created_at: existing.as_ref().map_or(now, |existing| existing.value.created_at),
        };
        changes.upsert(existing.as_ref(), &satellite)?;
        if let Some(existing) = existing {
            changes.effects.push(Effect::Revoke { certificate_id: existing.value.certificate_id });
        }
        let private = self.is_private(satellite.space.as_ref()).await?;
        changes.effects.push(told_privacy(satellite.clone(), private));
        let data = json!({"certificate": request.certificate_id, "claim": request.claim_certificate_id});
        changes.audit(now, &Principal::Satellite(serial), "satellite.enrolled", data);
        self.apply(changes, attempt.clone(), now).await?;
        Ok(satellite)
    }

    /// Adds a satellite whose key is made here: for clients that cannot enrol by themselves.
    pub async fn add_satellite(
        &self,
        caller: &Caller,
        id: &SatelliteId,
        standing: &Standing,
    ) -> Result<(Satellite, Bundle), RequestError> {
        self.authorise(caller, &Operation::ManageSatellites).await?;
        self.check_standing(standing).await?;
        if self.satellite(id).await?.is_some_and(|s| s.value.status == SatelliteStatus::Active) {
            return Err(conflict(format!("there is a satellite `{id}` already: rotate its certificate instead")));
        }
        self.certify(caller, id, standing, "satellite.added").await
    }

    /// Gives a satellite another certificate, with a key made here, and revokes the old one.
    pub async fn rotate_satellite(
        &self,
        caller: &Caller,
        id: &SatelliteId,
    ) -> Result<(Satellite, Bundle), RequestError> {
        self.authorise(caller, &Operation::ManageSatellites).await?;
        let stored = found(self.satellite(id).await?, "satellite", id)?.value;
        if stored.status == SatelliteStatus::Revoked {
            return Err(conflict(format!("satellite `{id}` is revoked: add or enrol it anew")));
        }
        let standing = Standing { space: stored.space, person: stored.person };
        self.certify(caller, id, &standing, "satellite.rotated").await
    }

    async fn certify(
        &self,
        caller: &Caller,
        id: &SatelliteId,
        standing: &Standing,
        kind: &'static str,
    ) -> Result<(Satellite, Bundle), RequestError> {
        let bundle = self.ports.fleet.create_satellite(id).await.map_err(unavailable)?;
        self.request(caller, || async {
            let old = self.satellite(id).await?;
            let satellite = Satellite {
                id: id.clone(),
                space: standing.space.clone(),
                person: standing.person.clone(),
                certificate_id: bundle.certificate_id.clone(),
                status: SatelliteStatus::Active,
                created_at: old.as_ref().map_or(caller.now, |old| old.value.created_at),
            };
            let mut changes = Changes::default();
            changes.upsert(old.as_ref(), &satellite)?;
            if let Some(old) = old {
                changes.effects.push(Effect::Revoke { certificate_id: old.value.certificate_id });
            }
            let private = self.is_private(standing.space.as_ref()).await?;
            changes.effects.push(told_privacy(satellite, private));
            let data = json!({"satellite": id, "certificate": bundle.certificate_id});
            changes.audit(caller.now, &caller.principal(), kind, data);
            Ok(changes)
        })
        .await?;
        Ok((found(self.satellite(id).await?, "satellite", id)?.value, bundle))
    }

    /// Trusts a satellite no more: its live connection ends, and what it sends is refused.
    pub async fn revoke_satellite(&self, caller: &Caller, id: &SatelliteId) -> Result<Satellite, RequestError> {
        self.authorise(caller, &Operation::ManageSatellites).await?;
        self.request(caller, || async {
            let stored = found(self.satellite(id).await?, "satellite", id)?;
            let mut changes = Changes::default();
            if stored.value.status == SatelliteStatus::Revoked {
                return Ok(changes);
            }
            let satellite = Satellite { status: SatelliteStatus::Revoked, ..stored.value.clone() };
            changes.replace(&stored, &satellite)?;
            changes.effects.push(Effect::Revoke { certificate_id: satellite.certificate_id.clone() });
            let data = json!({"satellite": id, "certificate": satellite.certificate_id});
            changes.audit(caller.now, &caller.principal(), "satellite.revoked", data);
            Ok(changes)
        })
        .await?;
        Ok(found(self.satellite(id).await?, "satellite", id)?.value)
    }

    async fn check_standing(&self, standing: &Standing) -> Result<(), RequestError> {
        if let Some(space) = &standing.space {
            let known = self.load::<marvain_domain::identity::Space>(&crate::entity::space_key(space)).await?;
            found(known, "space", space)?;
        }
        if let Some(person) = &standing.person {
            found(self.person(person).await?, "person", person)?;
        }
        Ok(())
    }
}

fn unavailable(error: FleetError) -> RequestError {
    RequestError::Unavailable(Box::new(error))
}
