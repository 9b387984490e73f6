//! Satellites, claims and enrolment codes.

use crate::{
    Shared,
    error::Answer,
    extract::{Body, Named, Params},
    page::{List, PageParams, page},
};
use axum::{Extension, Json, extract::State};
use marvain_domain::{
    Timestamp,
    id::{ActionId, PersonId, SatelliteId, SpaceId},
    identity::{Presence, Satellite},
};
use marvain_hub::{
    entity::LatestReading,
    people::{Caller, Enrolment, SatelliteView, Standing},
    port,
};
use serde::{Deserialize, Serialize};

/// All that is known of a satellite.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SatelliteInfo {
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

impl From<SatelliteView> for SatelliteInfo {
    fn from(SatelliteView { satellite, presence, readings, open_commands }: SatelliteView) -> Self {
        Self { satellite, presence, readings, open_commands }
    }
}

/// All that an MQTT client needs to connect. The hub does not keep the private key.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bundle {
    /// Hex SHA-256 of the certificate's DER.
    pub certificate_id: String,
    /// PEM.
    pub certificate_pem: String,
    /// PEM, PKCS#8.
    pub private_key_pem: String,
    /// PEM of the broker's root.
    pub root_ca_pem: String,
    /// Host that the broker answers to.
    pub endpoint: String,
    /// Its port.
    pub port: u16,
}

impl std::fmt::Debug for Bundle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bundle").field("certificate_id", &self.certificate_id).finish_non_exhaustive()
    }
}

impl From<port::Bundle> for Bundle {
    fn from(bundle: port::Bundle) -> Self {
        let port::Bundle { certificate_id, certificate_pem, private_key_pem, root_ca_pem, endpoint, port } = bundle;
        Self { certificate_id, certificate_pem, private_key_pem, root_ca_pem, endpoint, port }
    }
}

/// A satellite to be added with a key that the hub makes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewSatellite {
    /// Its name.
    pub id: SatelliteId,
    /// Where it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub space: Option<SpaceId>,
    /// Whose words it carries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<PersonId>,
}

/// A satellite and what it connects with.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Certified {
    /// The satellite.
    pub satellite: Satellite,
    /// What it connects with.
    pub bundle: Bundle,
}

/// An enrolment to be opened.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewEnrolment {
    /// The device's serial number: the satellite's name.
    pub serial: SatelliteId,
    /// Where it will stand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub space: Option<SpaceId>,
    /// Whose words it will carry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<PersonId>,
    /// How long the code lives, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_s: Option<u64>,
    /// The device takes the place of a satellite of that name.
    #[serde(default)]
    pub replace: bool,
}

/// A code that lets one device enrol. It is told once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolmentInfo {
    /// The device's serial number.
    pub serial: SatelliteId,
    /// The code.
    pub code: String,
    /// Until when.
    pub expires_at: Timestamp,
}

impl std::fmt::Debug for EnrolmentInfo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EnrolmentInfo").field("serial", &self.serial).finish_non_exhaustive()
    }
}

pub(crate) async fn create_claim(State(shared): State<Shared>, Extension(caller): Extension<Caller>) -> Answer<Bundle> {
    let caller = shared.once(caller);
    Ok(Json(shared.hub.create_claim(&caller).await?.into()))
}

pub(crate) async fn create_enrolment(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Body(new): Body<NewEnrolment>,
) -> Answer<EnrolmentInfo> {
    let NewEnrolment { serial, space, person, ttl_s, replace } = new;
    let (caller, secret) = (shared.once(caller), shared.secret());
    let enrolment = Enrolment { serial, standing: Standing { space, person }, ttl_s, replace };
    let opened = shared.hub.create_enrolment(&caller, &enrolment, &secret).await?;
    let code = secret.reveal().to_owned();
    Ok(Json(EnrolmentInfo { serial: opened.serial, code, expires_at: opened.expires_at }))
}

pub(crate) async fn list(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Params(params): Params<PageParams>,
) -> Answer<List<SatelliteInfo>> {
    let all = shared.hub.satellites(&caller).await?.into_iter().map(SatelliteInfo::from).collect();
    Ok(Json(page(all, &params, |info: &SatelliteInfo| info.satellite.id.as_str())?))
}

pub(crate) async fn show(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Named(id): Named<SatelliteId>,
) -> Answer<SatelliteInfo> {
    Ok(Json(shared.hub.satellite_of(&caller, &id).await?.into()))
}

pub(crate) async fn add(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Body(NewSatellite { id, space, person }): Body<NewSatellite>,
) -> Answer<Certified> {
    let caller = shared.once(caller);
    let (satellite, bundle) = shared.hub.add_satellite(&caller, &id, &Standing { space, person }).await?;
    Ok(Json(Certified { satellite, bundle: bundle.into() }))
}

pub(crate) async fn rotate(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Named(id): Named<SatelliteId>,
) -> Answer<Certified> {
    let caller = shared.once(caller);
    let (satellite, bundle) = shared.hub.rotate_satellite(&caller, &id).await?;
    Ok(Json(Certified { satellite, bundle: bundle.into() }))
}

pub(crate) async fn revoke(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Named(id): Named<SatelliteId>,
) -> Answer<Satellite> {
    Ok(Json(shared.hub.revoke_satellite(&caller, &id).await?))
}
