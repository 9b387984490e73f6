//! The desired state of a named shadow: "Device Shadow REST API", `UpdateThingShadow`.
//!
//! What an update has is merged into what is there and a null takes a key away ("Interacting with shadows"), so that an update
//! without a version may be repeated. It does not know what the state means.

use aws_sdk_iotdataplane::{Client, operation::update_thing_shadow::UpdateThingShadowError, primitives::Blob};
use marvain_domain::id::SatelliteId;
use marvain_hub::port::Cause;
use marvain_topics::ShadowName;
use serde_json::{Value, json};

/// Largest state document of a shadow, in bytes ("AWS IoT Core Device Shadow limits").
pub const SHADOW_BYTES_MAX: usize = marvain_topics::channel::SHADOW_BYTES_MAX;
/// How often an update is tried that others are in the way of.
const CONFLICTS_MAX: usize = 5;

/// A shadow would be larger than AWS lets it.
#[derive(Debug, thiserror::Error)]
#[error("the state would be larger than {SHADOW_BYTES_MAX} bytes")]
pub struct ShadowTooLarge;

/// Merges `desired` into the desired state.
pub(super) async fn merge(
    client: &Client,
    satellite: &SatelliteId,
    name: ShadowName,
    desired: &Value,
) -> Result<(), Cause> {
    let update = json!({"state": {"desired": desired}}).to_string();
    if update.len() > SHADOW_BYTES_MAX {
        return Err(ShadowTooLarge.into());
    }
    let mut tried = 0;
    loop {
        tried += 1;
        let request = client.update_thing_shadow().thing_name(satellite.as_str()).shadow_name(name.as_str());
        let Err(error) = request.payload(Blob::new(update.as_bytes())).send().await else { return Ok(()) };
        match error.as_service_error() {
            Some(UpdateThingShadowError::ConflictException(_)) if tried < CONFLICTS_MAX => {}
            Some(UpdateThingShadowError::RequestEntityTooLargeException(_)) => return Err(ShadowTooLarge.into()),
            _ => return Err(error.into()),
        }
    }
}
