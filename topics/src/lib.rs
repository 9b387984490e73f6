//! The channels between satellites and hub: one table, and what is rendered from it.
//!
//! Everything that names a topic, a rule, a queue or a shadow takes the name from here: the satellite, the hub, the
//! embedded IoT Core's rules, the IoT policies, the provisioning template and the CloudFormation templates. It knows
//! no broker and no client.

pub mod acl;
pub mod channel;
pub mod render;
pub mod shape;
pub mod table;
pub mod topic;
pub mod wire;

pub use channel::{CHANNELS, Channel};
pub use shape::Shape;
pub use table::{Queue, RULES, Rule};
pub use topic::{EventKind, ShadowName, ShadowOp, Topic, TopicError, is_lifecycle};
