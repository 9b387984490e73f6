//! IoT policies ("AWS IoT Core policies", "AWS IoT Core action resources", "Thing policy variables").
//!
//! Region and account of every ARN are `*`: AWS evaluates a policy only for connections of the account and region that
//! hold it, so the committed document is the deployed one, byte for byte. `*` also matches `/`, so it stands only where
//! what follows is fixed, or at the end of one thing's own shadow.

use crate::{
    acl::CLAIM_CLIENT_PREFIX,
    channel::{CHANNELS, Channel, Direction, Party},
    shape::Shape,
};
use serde_json::{Value, json};
use std::{collections::BTreeSet, fmt};

/// Largest policy in bytes, white space not counted ("CreatePolicy", `policyDocument`).
pub const POLICY_BYTES_MAX: usize = 2048;
/// The name of the thing that a client is, in policies ("Thing policy variables").
const THING: &str = "${iot:Connection.Thing.ThingName}";

/// Kind of resource ("AWS IoT Core action resources").
#[derive(Clone, Copy)]
enum Resource {
    Client,
    Topic,
    TopicFilter,
}

fn arn(resource: Resource, name: impl fmt::Display) -> String {
    let kind = match resource {
        Resource::Client => "client",
        Resource::Topic => "topic",
        Resource::TopicFilter => "topicfilter",
    };
    format!("arn:aws:iot:*:*:{kind}/{name}")
}

fn allow(action: &str, resources: impl IntoIterator<Item = String>) -> Value {
    // A set: rows that share a resource give it once, and the order does not depend on the table's.
    let resources: BTreeSet<_> = resources.into_iter().collect();
    json!({"Effect": "Allow", "Action": action, "Resource": resources})
}

fn document(connect: Value, party: Party) -> Value {
    let rows = |direction| CHANNELS.iter().filter(move |row| row.party == party && row.direction == direction);
    let received = |resource| rows(Direction::Receives).map(move |row| arn(resource, received_name(row)));
    json!({
        "Version": "2012-10-17",
        "Statement": [
            connect,
            allow("iot:Publish", rows(Direction::Sends).map(|row| arn(Resource::Topic, row.shape.with_thing(THING)))),
            allow("iot:Subscribe", received(Resource::TopicFilter)),
            allow("iot:Receive", received(Resource::Topic)),
        ],
    })
}

/// The row's topic; for a shadow, all that the broker says of that shadow of the same thing: topic by topic the policy
/// would have more than [`POLICY_BYTES_MAX`]. What may be published is never widened so.
fn received_name(row: &Channel) -> String {
    match row.shape {
        Shape::Shadow(_, op) => {
            let topic = row.shape.with_thing(THING).to_string();
            format!("{}*", topic.strip_suffix(op.as_str()).unwrap_or(&topic))
        }
        shape => shape.with_thing(THING).to_string(),
    }
}

/// Policy of satellites' certificates.
pub fn satellite() -> Value {
    let connect = json!({
        "Effect": "Allow",
        "Action": "iot:Connect",
        "Resource": [arn(Resource::Client, THING)],
        // The name follows from the client id; that the certificate is that thing's has to be asked for.
        "Condition": {"Bool": {"iot:Connection.Thing.IsAttached": "true"}},
    });
    document(connect, Party::Satellite)
}

/// Policy of claim certificates. A claim connects by the client ids of claims alone: AWS's own examples let it use any
/// ("Provisioning devices that don't have device certificates using fleet provisioning"), by which whoever has one could take
/// a satellite's connection from it, as often as he likes.
pub fn claim() -> Value {
    let clients = arn(Resource::Client, format_args!("{CLAIM_CLIENT_PREFIX}*"));
    document(allow("iot:Connect", [clients]), Party::Claim)
}
