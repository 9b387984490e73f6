//! Saying something to the hub, as if it had been heard by a satellite.

use super::{Caller, RequestError, found};
use crate::{
    hub::Hub,
    steps::observe::{Heard, record},
};
use marvain_domain::{
    event::EventBody,
    id::{EventId, SatelliteId},
    policy::Operation,
};

/// What somebody says.
#[derive(Clone, Debug)]
pub struct Speech {
    /// Through which satellite: where the answer goes.
    pub satellite: SatelliteId,
    /// The words.
    pub text: String,
}

impl Hub {
    /// Records what the caller says; planning follows. The answer is the event's id; in privacy mode no event of that
    /// id will ever be there.
    pub async fn speak(&self, caller: &Caller, speech: &Speech) -> Result<EventId, RequestError> {
        self.authorise(caller, &Operation::Speak).await?;
        let key = caller.request.to_string();
        self.request(caller, || async {
            let satellite = found(self.satellite(&speech.satellite).await?, "satellite", &speech.satellite)?.value;
            let heard = Heard {
                satellite,
                person: Some(caller.person.id.clone()),
                key: key.clone(),
                at: caller.now,
                body: EventBody::Transcript { text: speech.text.clone() },
            };
            Ok(record(self, heard, &caller.principal(), caller.now).await?)
        })
        .await?;
        Ok(EventId::derive(&[speech.satellite.as_str(), &key]))
    }
}
