//! Whether a thing is connected: the client that has its name. API Reference, `GetThingConnectivityData`; Developer Guide, "Device
//! connectivity status queries".

use serde::Deserialize;

use super::names::timestamp;
use crate::error::Error;
use crate::https::connectivity::Connectivity;
use crate::https::reply::Reply;
use crate::https::route::{Answer, Call};
use crate::names::ThingName;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GetConnectivity {
    #[serde(default)]
    include_socket_information: bool,
}

/// `POST /things/{thingName}/connectivity-data`. Of a thing that was never connected nothing but that is known.
pub(super) async fn get(call: Call<'_>, name: &str) -> Answer {
    let name = ThingName::parse(name)?;
    let asked: GetConnectivity = call.request.json()?;
    if call.core.describe_thing(name.clone()).await?.is_none() {
        return Err(Error::not_found("thing", name.as_str()).into());
    }
    let known = Connectivity::of(call.core, name.as_str()).await?;
    let mut members = known.as_ref().map(|known| known.members(asked.include_socket_information)).unwrap_or_default();
    members.insert("thingName".into(), name.as_str().into());
    match known {
        Some(Connectivity::Connected(info)) => {
            members.insert("timestamp".into(), timestamp(info.since_ms));
            members.insert("clientId".into(), name.as_str().into());
        }
        Some(Connectivity::Gone(departure)) => {
            members.insert("timestamp".into(), timestamp(departure.ended_ms));
            members.insert("clientId".into(), name.as_str().into());
        }
        None => {
            members.insert("connected".into(), false.into());
        }
    }
    Ok(Reply::json(&members.into()))
}
