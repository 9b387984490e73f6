//! The identity graph: people, their roles and devices, spaces in locations, satellites.

mod device;
mod person;
mod satellite;
mod space;

pub use device::{DEVICES_MAX, Device, NoPlatform, PUSH_ADDRESS_BYTES_MAX, Platform, PushAddress};
pub use person::{Person, Role, RoleChangeError, change_role};
pub use satellite::{ENROLMENT_TTL_S, EnrolmentCode, EnrolmentRefusal, Presence, Satellite, SatelliteStatus, redeem};
pub use space::{Privacy, Space};
