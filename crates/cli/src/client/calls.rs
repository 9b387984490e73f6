//! One method a route of the API.

use super::{Client, LONG_TIMEOUT_S, NOTHING};
use crate::error::CliError;
use marvain_console::{
    actions::{ActionParams, Approval, NewAction, Rejection},
    audit::{CheckpointInfo, TailParams, Verification},
    consents::ConsentTerms,
    devices::{DeviceInfo, DeviceToken},
    memories::{Change, MemoryParams, Question},
    operations::{BackupInfo, DeadLetter, QueueInfo, RestoreInfo},
    page::{List, PageParams},
    people::{NewAccount, NewPerson, NewRole, PersonInfo, TokenInfo},
    policy::{PolicyIds, PolicyText},
    queues::{Redrive, Redriven},
    readings::{Series, SeriesParams},
    reminders::Canceled,
    restores::NewRestore,
    satellites::{Bundle, Certified, EnrolmentInfo, NewEnrolment, NewSatellite, SatelliteInfo},
    spaces::{NewSpace, PrivacyMode},
    speech::{Heard, Utterance},
    status::Status,
};
use marvain_domain::{
    action::Action,
    audit::InclusionProof,
    consent::{Consent, ConsentKind},
    id::{ActionId, DeviceName, MemoryId, PersonId, ReminderId, SatelliteId, SpaceId},
    identity::{Satellite, Space},
    memory::Memory,
    recall::Recalled,
    reminder::Reminder,
};
use marvain_hub::people::AuditEntry;
use reqwest::Method;
use std::time::Duration;

type Answer<T> = Result<T, CliError>;

/// An empty object: the body for what needs none.
#[derive(serde::Serialize)]
struct Empty {}

const EMPTY: &Empty = &Empty {};

/// Status, policy and speech.
impl Client {
    pub(crate) async fn status(&self) -> Answer<Status> {
        self.get(&["status"], &NOTHING).await
    }

    pub(crate) async fn policy(&self) -> Answer<PolicyText> {
        self.get(&["policy"], &NOTHING).await
    }

    pub(crate) async fn set_policy(&self, text: &PolicyText) -> Answer<PolicyIds> {
        self.send(Method::PUT, &["policy"], text).await
    }

    pub(crate) async fn speak(&self, utterance: &Utterance) -> Answer<Heard> {
        self.send(Method::POST, &["speech"], utterance).await
    }
}

/// Satellites.
impl Client {
    pub(crate) async fn create_claim(&self) -> Answer<Bundle> {
        self.send(Method::POST, &["claims"], EMPTY).await
    }

    pub(crate) async fn create_enrolment(&self, new: &NewEnrolment) -> Answer<EnrolmentInfo> {
        self.send(Method::POST, &["enrolments"], new).await
    }

    pub(crate) async fn satellites(&self, page: &PageParams) -> Answer<List<SatelliteInfo>> {
        self.get(&["satellites"], page).await
    }

    pub(crate) async fn readings(&self, id: &SatelliteId, params: &SeriesParams) -> Answer<Series> {
        self.get(&["satellites", id.as_str(), "readings"], params).await
    }

    pub(crate) async fn satellite(&self, id: &SatelliteId) -> Answer<SatelliteInfo> {
        self.get(&["satellites", id.as_str()], &NOTHING).await
    }

    pub(crate) async fn add_satellite(&self, new: &NewSatellite) -> Answer<Certified> {
        self.send(Method::POST, &["satellites"], new).await
    }

    pub(crate) async fn rotate_satellite(&self, id: &SatelliteId) -> Answer<Certified> {
        self.send(Method::POST, &["satellites", id.as_str(), "rotate"], EMPTY).await
    }

    pub(crate) async fn revoke_satellite(&self, id: &SatelliteId) -> Answer<Satellite> {
        self.send(Method::POST, &["satellites", id.as_str(), "revoke"], EMPTY).await
    }
}

/// Spaces, people, consents.
impl Client {
    pub(crate) async fn spaces(&self, page: &PageParams) -> Answer<List<Space>> {
        self.get(&["spaces"], page).await
    }

    pub(crate) async fn add_space(&self, new: &NewSpace) -> Answer<Space> {
        self.send(Method::POST, &["spaces"], new).await
    }

    pub(crate) async fn set_privacy(&self, id: &SpaceId, on: bool) -> Answer<Space> {
        self.send(Method::PUT, &["spaces", id.as_str(), "privacy"], &PrivacyMode { on }).await
    }

    pub(crate) async fn people(&self, page: &PageParams) -> Answer<List<PersonInfo>> {
        self.get(&["people"], page).await
    }

    pub(crate) async fn add_person(&self, new: &NewPerson) -> Answer<PersonInfo> {
        self.send(Method::POST, &["people"], new).await
    }

    pub(crate) async fn set_role(&self, id: &PersonId, role: &NewRole) -> Answer<PersonInfo> {
        self.send(Method::PUT, &["people", id.as_str(), "role"], role).await
    }

    pub(crate) async fn issue_token(&self, id: &PersonId) -> Answer<TokenInfo> {
        self.send(Method::POST, &["people", id.as_str(), "token"], EMPTY).await
    }

    pub(crate) async fn devices(&self, id: &PersonId) -> Answer<List<DeviceInfo>> {
        self.get(&["people", id.as_str(), "devices"], &NOTHING).await
    }

    pub(crate) async fn add_device(&self, id: &PersonId, name: &DeviceName, token: &DeviceToken) -> Answer<DeviceInfo> {
        self.send(Method::PUT, &["people", id.as_str(), "devices", name.as_str()], token).await
    }

    pub(crate) async fn remove_device(&self, id: &PersonId, name: &DeviceName) -> Answer<DeviceInfo> {
        self.send(Method::DELETE, &["people", id.as_str(), "devices", name.as_str()], EMPTY).await
    }

    pub(crate) async fn link_account(&self, id: &PersonId, account: &NewAccount) -> Answer<PersonInfo> {
        self.send(Method::PUT, &["people", id.as_str(), "account"], account).await
    }

    pub(crate) async fn unlink_account(&self, id: &PersonId) -> Answer<PersonInfo> {
        self.send(Method::DELETE, &["people", id.as_str(), "account"], EMPTY).await
    }

    pub(crate) async fn consents(&self, id: &PersonId) -> Answer<List<Consent>> {
        self.get(&["people", id.as_str(), "consents"], &NOTHING).await
    }

    pub(crate) async fn grant_consent(
        &self,
        id: &PersonId,
        kind: ConsentKind,
        terms: &ConsentTerms,
    ) -> Answer<Consent> {
        self.send(Method::PUT, &["people", id.as_str(), "consents", kind.as_str()], terms).await
    }

    pub(crate) async fn revoke_consent(&self, id: &PersonId, kind: ConsentKind) -> Answer<Consent> {
        self.send(Method::DELETE, &["people", id.as_str(), "consents", kind.as_str()], EMPTY).await
    }
}

/// Memories and actions.
impl Client {
    pub(crate) async fn memories(&self, params: &MemoryParams) -> Answer<List<Memory>> {
        self.get(&["memories"], params).await
    }

    pub(crate) async fn memory(&self, id: &MemoryId) -> Answer<Memory> {
        self.get(&["memories", id.as_str()], &NOTHING).await
    }

    pub(crate) async fn change_memory(&self, id: &MemoryId, change: &Change) -> Answer<Memory> {
        self.send(Method::POST, &["memories", id.as_str(), "changes"], change).await
    }

    pub(crate) async fn recall(&self, question: &Question) -> Answer<List<Recalled>> {
        self.send(Method::POST, &["recall"], question).await
    }

    pub(crate) async fn actions(&self, params: &ActionParams) -> Answer<List<Action>> {
        self.get(&["actions"], params).await
    }

    pub(crate) async fn action(&self, id: &ActionId) -> Answer<Action> {
        self.get(&["actions", id.as_str()], &NOTHING).await
    }

    pub(crate) async fn propose(&self, new: &NewAction) -> Answer<Action> {
        self.send(Method::POST, &["actions"], new).await
    }

    pub(crate) async fn approve(&self, id: &ActionId, approval: &Approval) -> Answer<Action> {
        self.send(Method::POST, &["actions", id.as_str(), "approve"], approval).await
    }

    pub(crate) async fn reject(&self, id: &ActionId, rejection: &Rejection) -> Answer<Action> {
        self.send(Method::POST, &["actions", id.as_str(), "reject"], rejection).await
    }

    pub(crate) async fn cancel(&self, id: &ActionId) -> Answer<Action> {
        self.send(Method::POST, &["actions", id.as_str(), "cancel"], EMPTY).await
    }
}

/// Reminders.
impl Client {
    pub(crate) async fn reminders(&self, page: &PageParams) -> Answer<List<Reminder>> {
        self.get(&["reminders"], page).await
    }

    pub(crate) async fn cancel_reminder(&self, id: &ReminderId) -> Answer<Canceled> {
        self.send(Method::DELETE, &["reminders", id.as_str()], EMPTY).await
    }
}

/// The audit log, queues, backup.
impl Client {
    pub(crate) async fn audit_tail(&self, params: &TailParams) -> Answer<List<AuditEntry>> {
        self.get(&["audit", "entries"], params).await
    }

    pub(crate) async fn audit_proof(&self, seq: u64) -> Answer<InclusionProof> {
        self.get(&["audit", "entries", &seq.to_string(), "proof"], &NOTHING).await
    }

    pub(crate) async fn audit_verify(&self) -> Answer<Verification> {
        self.long(&["audit", "verify"]).await
    }

    pub(crate) async fn audit_checkpoint(&self) -> Answer<CheckpointInfo> {
        self.get(&["audit", "checkpoint"], &NOTHING).await
    }

    /// Keys of the log's objects.
    pub(crate) async fn audit_objects(&self, page: &PageParams) -> Answer<List<String>> {
        self.get(&["audit", "objects"], page).await
    }

    pub(crate) async fn audit_object(&self, key: &str) -> Answer<Vec<u8>> {
        let path: Vec<&str> = ["audit", "objects"].into_iter().chain(key.split('/')).collect();
        self.answer(self.request(Method::GET, &path)?).await
    }

    pub(crate) async fn queues(&self) -> Answer<List<QueueInfo>> {
        self.get(&["queues"], &NOTHING).await
    }

    pub(crate) async fn dead_letters(&self, queue: &str, page: &PageParams) -> Answer<List<DeadLetter>> {
        self.get(&["queues", queue, "dead-letters"], page).await
    }

    pub(crate) async fn redrive(&self, queue: &str, redrive: &Redrive) -> Answer<Redriven> {
        self.send(Method::POST, &["queues", queue, "redrive"], redrive).await
    }

    pub(crate) async fn backup(&self) -> Answer<BackupInfo> {
        self.long(&["backups"]).await
    }

    pub(crate) async fn restore(&self, new: &NewRestore) -> Answer<RestoreInfo> {
        let request = self.request(Method::POST, &["restores"])?.timeout(Duration::from_secs(LONG_TIMEOUT_S));
        self.typed(request.json(new)).await
    }
}
