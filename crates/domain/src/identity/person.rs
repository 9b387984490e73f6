//! People and what their roles let them do to each other.

use crate::{
    Timestamp,
    id::{AccountId, PersonId},
};
use serde::{Deserialize, Serialize};

/// A person's standing with the hub, lowest first. What each may do is policy; only the guards of [`change_role`] are
/// fixed here.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Refused everything.
    Blocked,
    /// A visitor.
    Guest,
    /// Of the household.
    Member,
    /// Runs the household's hub.
    Admin,
    /// Owns the hub. There is always at least one.
    Owner,
}

impl Role {
    /// All roles, lowest first.
    pub const ALL: [Self; 5] = [Self::Blocked, Self::Guest, Self::Member, Self::Admin, Self::Owner];

    /// The role's name as written in commands, records and policies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Blocked => "blocked",
            Self::Guest => "guest",
            Self::Member => "member",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }
}

/// Somebody the hub knows by name. An unknown voice is never one of these.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Person {
    /// Name in commands and policies.
    pub id: PersonId,
    /// Name as shown, at most 128 bytes.
    pub display_name: String,
    /// Standing.
    pub role: Role,
    /// Since when the hub knows them.
    pub created_at: Timestamp,
    /// Hex SHA-256 of their API token; none until one is issued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_hash: Option<String>,
    /// The account that they sign in with, where an identity provider knows them; none until one is linked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
}

/// Why a role may not be changed so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RoleChangeError {
    /// An admin tried to change an owner, or to make one.
    #[error("only an owner may change or grant the role `owner`")]
    OwnerOnly,
    /// The last owner would be gone.
    #[error("`{0}` is the last owner: make somebody else an owner first")]
    LastOwner(PersonId),
}

/// May somebody with role `by` give `person` the role `to`? `owners` is how many owners there are now.
pub fn change_role(by: Role, person: &Person, to: Role, owners: usize) -> Result<Person, RoleChangeError> {
    if (person.role == Role::Owner || to == Role::Owner) && by != Role::Owner {
        return Err(RoleChangeError::OwnerOnly);
    }
    if person.role == Role::Owner && to != Role::Owner && owners <= 1 {
        return Err(RoleChangeError::LastOwner(person.id.clone()));
    }
    Ok(Person { role: to, ..person.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(role: Role) -> Person {
        Person {
            id: "anna".parse().unwrap(),
            display_name: "Anna".into(),
            role,
            created_at: Timestamp::EPOCH,
            token_hash: None,
            account: None,
        }
    }

    #[test]
    fn owners_are_changed_by_owners_and_one_always_remains() {
        let cases = [
            (Role::Admin, Role::Member, Role::Admin, 1, None),
            (Role::Admin, Role::Owner, Role::Member, 2, Some(RoleChangeError::OwnerOnly)),
            (Role::Admin, Role::Member, Role::Owner, 1, Some(RoleChangeError::OwnerOnly)),
            (Role::Owner, Role::Owner, Role::Admin, 1, Some(RoleChangeError::LastOwner("anna".parse().unwrap()))),
            (Role::Owner, Role::Owner, Role::Admin, 2, None),
        ];
        for (by, from, to, owners, refusal) in cases {
            let changed = change_role(by, &person(from), to, owners);
            assert_eq!(changed.as_ref().err(), refusal.as_ref(), "{by:?} {from:?} {to:?}");
            if let Ok(changed) = changed {
                assert_eq!(changed.role, to);
            }
        }
    }
}
