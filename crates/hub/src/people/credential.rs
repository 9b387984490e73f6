//! What proves who somebody is: a token of the hub's own, or an account that an identity provider has verified. Each is one
//! person's, and a person has at most one of either.

use super::{Caller, RequestError, Secret, conflict, found};
use crate::{
    changes::{Changes, Stored},
    entity::{AccountOf, TokenOf, account_key, token_key},
    hub::Hub,
};
use marvain_domain::{
    Principal, Timestamp,
    id::{AccountId, DeliveryId, PersonId},
    identity::{Person, Role},
    policy::{Operation, Somebody},
};
use serde_json::json;

/// What proves who somebody is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Credential {
    /// What they present, and is compared with what the hub keeps of it.
    Token(Secret),
    /// What somebody else has verified, outside of the request: never a header or a field that its sender chooses.
    Account(AccountId),
}

impl Credential {
    /// Names it without telling it.
    fn fingerprint(&self) -> String {
        match self {
            Self::Token(token) => token.hash(),
            Self::Account(account) => account.to_string(),
        }
    }
}

impl Hub {
    /// Makes sure that there is an owner, and that this is their credential. For whoever owns the hub's data: the embedded
    /// composition at start, or the deployment.
    ///
    /// # Errors
    /// [`RequestError`]; a conflict if the account is somebody else's.
    pub async fn bootstrap(
        &self,
        owner: &PersonId,
        credential: &Credential,
        now: Timestamp,
    ) -> Result<Person, RequestError> {
        let stored = self.person(owner).await?;
        let person = stored.as_ref().map(|stored| stored.value.clone()).unwrap_or_else(|| Person {
            id: owner.clone(),
            display_name: owner.to_string(),
            role: Role::Owner,
            created_at: now,
            token_hash: None,
            account: None,
        });
        let mut changes = Changes::default();
        let next = self.give(&person, credential, &mut changes).await?;
        if stored.as_ref().is_some_and(|stored| stored.value == next) {
            return Ok(next);
        }
        changes.upsert(stored.as_ref(), &next)?;
        changes.audit(now, &Principal::System, "person.bootstrapped", json!({"person": owner, "role": next.role}));
        // The version tells this time from an earlier one, after which they were given another credential.
        let version = stored.as_ref().map_or(0, |stored| stored.version);
        let parts = ["bootstrap", owner.as_str(), &version.to_string(), &credential.fingerprint()];
        self.apply(changes, DeliveryId::derive(&parts), now).await?;
        Ok(next)
    }

    /// Whose credential this is. A blocked person is nobody.
    ///
    /// # Errors
    /// [`RequestError::Unauthenticated`], or that the ledger does not answer.
    pub async fn authenticate(&self, credential: &Credential) -> Result<Person, RequestError> {
        let owner = match credential {
            Credential::Token(token) => {
                self.load::<TokenOf>(&token_key(&token.hash())).await?.map(|found| found.value.person)
            }
            Credential::Account(account) => {
                self.load::<AccountOf>(&account_key(account)).await?.map(|found| found.value.person)
            }
        };
        let owner = owner.ok_or(RequestError::Unauthenticated)?;
        let person = self.person(&owner).await?.ok_or(RequestError::Unauthenticated)?.value;
        if person.role == Role::Blocked { Err(RequestError::Unauthenticated) } else { Ok(person) }
    }

    /// Gives somebody a token in place of any they had.
    pub async fn issue_token(&self, caller: &Caller, id: &PersonId, secret: &Secret) -> Result<Person, RequestError> {
        let token = Credential::Token(secret.clone());
        self.replace_credential(caller, id, &token, "person.token_issued").await
    }

    /// Says which account is somebody's, in place of any they had: whoever signs in with it is them from now on.
    ///
    /// # Errors
    /// [`RequestError`]; a conflict if the account is somebody else's.
    pub async fn link_account(
        &self,
        caller: &Caller,
        id: &PersonId,
        account: &AccountId,
    ) -> Result<Person, RequestError> {
        let account = Credential::Account(account.clone());
        self.replace_credential(caller, id, &account, "person.account_linked").await
    }

    /// Takes somebody's account from them: whoever signs in with it is nobody from now on.
    ///
    /// # Errors
    /// [`RequestError`]; that there is none if they have no account.
    pub async fn unlink_account(&self, caller: &Caller, id: &PersonId) -> Result<Person, RequestError> {
        self.may_give_credentials(caller, id).await?;
        self.request(caller, || async {
            let stored = found(self.person(id).await?, "person", id)?;
            let account = found(stored.value.account.clone(), "account of", id)?;
            let mut changes = Changes::default();
            changes.replace(&stored, &Person { account: None, ..stored.value.clone() })?;
            self.take_account(&account, &mut changes).await?;
            changes.audit(caller.now, &caller.principal(), "person.account_unlinked", json!({"person": id}));
            Ok(changes)
        })
        .await?;
        Ok(found(self.person(id).await?, "person", id)?.value)
    }

    async fn may_give_credentials(&self, caller: &Caller, id: &PersonId) -> Result<(), RequestError> {
        let stored = found(self.person(id).await?, "person", id)?;
        let of = Somebody::from(&stored.value);
        self.authorise(caller, &Operation::ManagePeople { of, to: None }).await
    }

    async fn replace_credential(
        &self,
        caller: &Caller,
        id: &PersonId,
        credential: &Credential,
        kind: &'static str,
    ) -> Result<Person, RequestError> {
        self.may_give_credentials(caller, id).await?;
        self.request(caller, || async {
            let stored = found(self.person(id).await?, "person", id)?;
            let mut changes = Changes::default();
            let next = self.give(&stored.value, credential, &mut changes).await?;
            changes.replace(&stored, &next)?;
            changes.audit(caller.now, &caller.principal(), kind, json!({"person": id}));
            Ok(changes)
        })
        .await?;
        Ok(found(self.person(id).await?, "person", id)?.value)
    }

    /// The person with this credential in place of one of its sort, and the changes that make it theirs.
    async fn give(
        &self,
        person: &Person,
        credential: &Credential,
        changes: &mut Changes,
    ) -> Result<Person, RequestError> {
        match credential {
            Credential::Token(token) => {
                let hash = token.hash();
                if person.token_hash.as_ref() != Some(&hash) {
                    if let Some(old) = &person.token_hash
                        && let Some(old) = self.load::<TokenOf>(&token_key(old)).await?
                    {
                        changes.remove(&old);
                    }
                    changes.create(&TokenOf { hash: hash.clone(), person: person.id.clone() })?;
                }
                Ok(Person { token_hash: Some(hash), ..person.clone() })
            }
            Credential::Account(account) => {
                let held: Option<Stored<AccountOf>> = self.load(&account_key(account)).await?;
                match held {
                    Some(held) if held.value.person != person.id => {
                        let holder = held.value.person;
                        return Err(conflict(format!("the account is that of `{holder}`: unlink it there first")));
                    }
                    Some(_) => {}
                    None => changes.create(&AccountOf { account: account.clone(), person: person.id.clone() })?,
                }
                if let Some(old) = person.account.as_ref().filter(|old| *old != account) {
                    self.take_account(old, changes).await?;
                }
                Ok(Person { account: Some(account.clone()), ..person.clone() })
            }
        }
    }

    async fn take_account(&self, account: &AccountId, changes: &mut Changes) -> Result<(), RequestError> {
        if let Some(held) = self.load::<AccountOf>(&account_key(account)).await? {
            changes.remove(&held);
        }
        Ok(())
    }
}
