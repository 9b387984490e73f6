//! What a satellite and a claim may do, as topics. The IoT policies are rendered from the same rows.
//!
//! A satellite may touch its own thing's topics and nothing else. A claim may ask for a certificate and to become a thing.
//! It enforces nothing: the broker does, by policy.

use crate::{
    channel::{CHANNELS, Direction, Party},
    topic::Topic,
};
use marvain_domain::id::SatelliteId;

/// What client ids of claims begin with, by their policy. A satellite's name never begins with `_`, so that a device that
/// enrols is never taken for a satellite, and never takes its connection over.
pub const CLAIM_CLIENT_PREFIX: &str = "_claim-";

/// What one client may do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Access {
    /// The client id with which it connects.
    pub client_id: String,
    /// What it may publish.
    pub publish: Vec<Topic>,
    /// What it may subscribe to and receive; more than [`crate::channel::FILTERS_PER_SUBSCRIBE_MAX`].
    pub receive: Vec<Topic>,
}

/// What the satellite `thing` may do.
pub fn satellite(thing: &SatelliteId) -> Access {
    access(Party::Satellite, thing, thing.to_string())
}

/// What a device may do that holds a claim and wants to become `serial`. An id of its own lets devices enrol side by side.
pub fn claim(serial: &SatelliteId) -> Access {
    access(Party::Claim, serial, format!("{CLAIM_CLIENT_PREFIX}{serial}"))
}

fn access(party: Party, thing: &SatelliteId, client_id: String) -> Access {
    let topics = |direction| {
        let rows = CHANNELS.iter().filter(move |row| row.party == party && row.direction == direction);
        rows.map(|row| row.shape.topic(thing.clone())).collect()
    };
    Access { client_id, publish: topics(Direction::Sends), receive: topics(Direction::Receives) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topic::{ShadowName, ShadowOp};

    #[test]
    fn a_satellite_has_its_own_topics_and_changes_no_shadow_but_presence() {
        let den: SatelliteId = "den".parse().unwrap();
        let access = satellite(&den);
        assert_eq!(access.client_id, "den");
        for topic in access.publish.iter().chain(&access.receive) {
            assert_eq!(topic.thing(), Some(&den), "{topic}");
        }
        for topic in &access.publish {
            if let Topic::Shadow { name, op, .. } = topic {
                let changes = *op != ShadowOp::Get;
                assert!(!changes || (*name, *op) == (ShadowName::Presence, ShadowOp::Update), "{topic}");
            }
        }
    }

    #[test]
    fn a_claim_provisions_and_cannot_be_taken_for_a_satellite() {
        let access = claim(&"den".parse().unwrap());
        assert_eq!((access.publish.len(), access.receive.len()), (2, 4));
        for topic in access.publish.iter().chain(&access.receive) {
            assert!(matches!(topic, Topic::CreateFromCsr(_) | Topic::Provision(_)), "{topic}");
        }
        assert!(access.client_id.parse::<SatelliteId>().is_err());
    }
}
