//! Spaces, the locations they lie in, and privacy mode.

use crate::{
    Timestamp,
    id::{LocationId, SpaceId},
    principal::Principal,
};
use serde::{Deserialize, Serialize};

/// A room, or another place where things are said and done together.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Space {
    /// Name.
    pub id: SpaceId,
    /// The site it lies in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<LocationId>,
    /// Privacy mode, if it is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub privacy: Option<Privacy>,
    /// Since when.
    pub created_at: Timestamp,
}

/// Privacy mode: while it is on, nothing is captured, planned, recalled or done in the space.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Privacy {
    /// Since when.
    pub since: Timestamp,
    /// Who turned it on.
    pub by: Principal,
}

impl Space {
    /// Is privacy mode on?
    pub const fn is_private(&self) -> bool {
        self.privacy.is_some()
    }
}
