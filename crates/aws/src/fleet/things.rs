//! Things: what is registered, and whether it is connected.

use super::{
    AwsFleet,
    certificates::{self, Keys},
    failed,
};
use aws_sdk_iot::Client;
use marvain_domain::{Timestamp, id::SatelliteId};
use marvain_hub::port::{Cause, FleetError};
use marvain_topics::table::POLICY_SATELLITE;
use std::collections::BTreeMap;

/// Most things of one page.
pub const THINGS_PAGE_MAX: u16 = 250;

/// A registered thing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Thing {
    /// Its name: the satellite's.
    pub name: String,
    /// Attributes.
    pub attributes: BTreeMap<String, String>,
}

/// Whether a thing is connected.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Connectivity {
    /// Is it?
    pub connected: bool,
    /// Since when; none if it never was.
    pub since: Option<Timestamp>,
    /// Why it is not, as AWS has it: `CONNECTION_LOST`.
    pub reason: Option<String>,
}

/// A satellite's certificate, with a thing that is made if there is none.
pub(super) async fn certify(iot: &Client, id: &SatelliteId) -> Result<Keys, Cause> {
    match iot.create_thing().thing_name(id.as_str()).send().await {
        Ok(_) => {}
        // With other attributes, such as those of the provisioning template.
        Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_already_exists_exception()) => {}
        Err(error) => return Err(error.into()),
    }
    certificates::issue(iot, POLICY_SATELLITE, Some(id.as_str())).await
}

impl AwsFleet {
    /// A page of the registered things, and where to go on.
    ///
    /// # Errors
    /// [`FleetError`].
    pub async fn things(&self, limit: u16, after: Option<&str>) -> Result<(Vec<Thing>, Option<String>), FleetError> {
        let request = self.iot.list_things().max_results(i32::from(limit.clamp(1, THINGS_PAGE_MAX)));
        let page = request.set_next_token(after.map(str::to_owned)).send().await.map_err(failed("listing things"))?;
        let thing = |thing: &aws_sdk_iot::types::ThingAttribute| {
            let attributes = thing.attributes().into_iter().flatten();
            let attributes = attributes.map(|(name, value)| (name.clone(), value.clone())).collect();
            Some(Thing { name: thing.thing_name()?.to_owned(), attributes })
        };
        Ok((page.things().iter().filter_map(thing).collect(), page.next_token().map(str::to_owned)))
    }

    /// Whether a thing is connected, as the fleet's index has it: it has to be switched on, with connectivity. None if there is no
    /// such thing.
    ///
    /// # Errors
    /// [`FleetError`], also without an index.
    pub async fn connectivity(&self, id: &SatelliteId) -> Result<Option<Connectivity>, FleetError> {
        match self.iot.get_thing_connectivity_data().thing_name(id.as_str()).send().await {
            Ok(data) => Ok(Some(Connectivity {
                connected: data.connected().unwrap_or_default(),
                since: data.timestamp().and_then(|at| u64::try_from(at.to_millis().ok()?).ok()).map(Timestamp::from_ms),
                reason: data.disconnect_reason().map(|reason| reason.as_str().to_owned()),
            })),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => Ok(None),
            Err(error) => Err(failed(format!("asking whether `{id}` is connected"))(error)),
        }
    }
}
