//! People, their roles, tokens and accounts.

use crate::{
    Shared,
    error::Answer,
    extract::{Body, Named, Params},
    page::{List, PageParams, page},
};
use axum::{Extension, Json, extract::State};
use marvain_domain::{
    Timestamp,
    id::{AccountId, PersonId},
    identity::{Person, Role},
};
use marvain_hub::people::Caller;
use serde::{Deserialize, Serialize};

/// Somebody, without what proves that it is them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PersonInfo {
    /// Name in commands and policies.
    pub id: PersonId,
    /// Name as shown.
    pub display_name: String,
    /// Standing.
    pub role: Role,
    /// Since when the hub knows them.
    pub created_at: Timestamp,
    /// Can they ask the hub for something, by a token?
    pub has_token: bool,
    /// Can they sign in with an account?
    pub has_account: bool,
}

impl From<Person> for PersonInfo {
    fn from(person: Person) -> Self {
        let Person { id, display_name, role, created_at, token_hash, account } = person;
        let (has_token, has_account) = (token_hash.is_some(), account.is_some());
        Self { id, display_name, role, created_at, has_token, has_account }
    }
}

/// Somebody to be added.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewPerson {
    /// Name in commands and policies.
    pub id: PersonId,
    /// Name as shown; the other one if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Standing.
    pub role: Role,
}

/// A role to be given.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewRole {
    /// Which.
    pub role: Role,
}

/// The account that somebody signs in with.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewAccount {
    /// As the identity provider names it: Cognito's `sub`.
    pub account: AccountId,
}

/// A token, told once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenInfo {
    /// Whose.
    pub person: PersonId,
    /// The token.
    pub token: String,
}

impl std::fmt::Debug for TokenInfo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenInfo").field("person", &self.person).finish_non_exhaustive()
    }
}

pub(crate) async fn list(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Params(params): Params<PageParams>,
) -> Answer<List<PersonInfo>> {
    let all = shared.hub.people(&caller).await?.into_iter().map(PersonInfo::from).collect();
    Ok(Json(page(all, &params, |person: &PersonInfo| person.id.as_str())?))
}

pub(crate) async fn add(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Body(NewPerson { id, display_name, role }): Body<NewPerson>,
) -> Answer<PersonInfo> {
    let display_name = display_name.unwrap_or_else(|| id.to_string());
    Ok(Json(shared.hub.add_person(&caller, &id, &display_name, role).await?.into()))
}

pub(crate) async fn set_role(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Named(id): Named<PersonId>,
    Body(NewRole { role }): Body<NewRole>,
) -> Answer<PersonInfo> {
    Ok(Json(shared.hub.set_role(&caller, &id, role).await?.into()))
}

pub(crate) async fn issue_token(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Named(id): Named<PersonId>,
) -> Answer<TokenInfo> {
    let (caller, secret) = (shared.once(caller), shared.secret());
    let person = shared.hub.issue_token(&caller, &id, &secret).await?.id;
    Ok(Json(TokenInfo { person, token: secret.reveal().to_owned() }))
}

pub(crate) async fn link_account(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Named(id): Named<PersonId>,
    Body(NewAccount { account }): Body<NewAccount>,
) -> Answer<PersonInfo> {
    Ok(Json(shared.hub.link_account(&caller, &id, &account).await?.into()))
}

pub(crate) async fn unlink_account(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Named(id): Named<PersonId>,
) -> Answer<PersonInfo> {
    Ok(Json(shared.hub.unlink_account(&caller, &id).await?.into()))
}
