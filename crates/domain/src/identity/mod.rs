//! The identity graph: people and roles, spaces in locations, satellites.

mod person;
mod satellite;
mod space;

pub use person::{Person, Role, RoleChangeError, change_role};
pub use satellite::{ENROLMENT_TTL_S, EnrolmentCode, EnrolmentRefusal, Presence, Satellite, SatelliteStatus, redeem};
pub use space::{Privacy, Space};
