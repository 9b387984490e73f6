//! What people consent to.

use crate::{
    Shared,
    error::Answer,
    extract::{Body, Named},
    page::List,
};
use axum::{Extension, Json, extract::State};
use marvain_domain::{
    Timestamp,
    consent::{Consent, ConsentKind},
    id::PersonId,
};
use marvain_hub::people::{Caller, NewConsent};
use serde::{Deserialize, Serialize};

/// A consent to be recorded, in place of an earlier one of its kind.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsentTerms {
    /// What for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub purpose: String,
    /// Until when; none for until revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

pub(crate) async fn list(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Named(person): Named<PersonId>,
) -> Answer<List<Consent>> {
    // One a kind, so that there is no second page.
    Ok(Json(List { items: shared.hub.consents_of(&caller, &person).await?, next: None }))
}

pub(crate) async fn grant(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Named((person, kind)): Named<(PersonId, ConsentKind)>,
    Body(ConsentTerms { purpose, expires_at }): Body<ConsentTerms>,
) -> Answer<Consent> {
    let new = NewConsent { person, kind, purpose, expires_at };
    Ok(Json(shared.hub.grant_consent(&caller, &new).await?))
}

pub(crate) async fn revoke(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Named((person, kind)): Named<(PersonId, ConsentKind)>,
) -> Answer<Consent> {
    Ok(Json(shared.hub.revoke_consent(&caller, &person, kind).await?))
}
