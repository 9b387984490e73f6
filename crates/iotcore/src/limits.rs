//! Every bound of this crate, named with its unit last. Source unless said otherwise: AWS General Reference, "AWS IoT
//! Core endpoints and quotas", message broker and protocol limits.

use std::time::Duration;

/// Largest PUBLISH payload.
pub const PAYLOAD_BYTES_MAX: usize = 128 * 1024;
/// Largest MQTT packet: 128 KB of payload and, beside it, its topic and properties. Developer Guide, "MQTT 5 properties", has
/// "cannot exceed 128 KB"; this is what CONNACKs of AWS are reported to say. Not verified.
pub const PACKET_BYTES_MAX: u32 = 146 * 1024;
/// Topic aliases of one connection.
pub const TOPIC_ALIASES_MAX: u16 = 8;
/// Longest Message Expiry Interval; a longer one is read as this. Developer Guide, "MQTT", message expiry.
pub const MESSAGE_EXPIRY_S_MAX: u32 = 7 * 24 * 60 * 60;
/// Longest client id, in UTF-8 bytes.
pub const CLIENT_ID_BYTES_MAX: usize = 128;
/// Most filters in one SUBSCRIBE.
pub const FILTERS_PER_SUBSCRIBE_MAX: usize = 8;
/// Most subscriptions of one connection.
pub const SUBSCRIPTIONS_PER_CONNECTION_MAX: usize = 50;
/// QoS 1 publishes of one client that may await their PUBACK; further ones are not read from the socket.
pub const INBOUND_UNACKED_MAX: usize = 100;
/// QoS 1 messages on their way to one client without its PUBACK.
pub const OUTBOUND_UNACKED_MAX: usize = 100;
/// Shortest keep-alive; a smaller one is read as this. Developer Guide, "MQTT", keep-alive duration.
pub const KEEP_ALIVE_MIN: Duration = Duration::from_secs(30);
/// Longest keep-alive; zero and anything larger are read as this. Developer Guide, "MQTT", keep-alive duration.
pub const KEEP_ALIVE_MAX: Duration = Duration::from_secs(1200);
/// Time a peer has for its TLS handshake, and again for its CONNECT. Ours: AWS publishes none.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Peers that may be between accept and CONNACK at once; for a further one the address with the most loses its oldest. Ours.
pub const UNAUTHENTICATED_PEERS_MAX: usize = 2048;
/// Messages that wait in memory for one connection, for each of the two qualities of service. Ours.
pub const MAILBOX_MESSAGES_MAX: usize = 1000;
/// Payload bytes that wait in memory for one connection, for each of the two qualities of service. Ours.
pub const MAILBOX_BYTES_MAX: usize = 1024 * 1024;
/// Messages that wait durably for one persistent session; further ones are dropped for it and counted. Ours.
pub const SESSION_QUEUE_MESSAGES_MAX: u64 = 10_000;
/// Persistent sessions in all; a client that asks for a further one is refused. Ours.
pub const PERSISTENT_SESSIONS_MAX: u64 = 50_000;
/// Messages that nobody would publish again and that wait for the target of one rule; of more, the oldest are dropped and
/// counted. Ours.
pub const RULE_OUTBOX_MESSAGES_MAX: u64 = 10_000;
/// How often such a message is refused, with growing pauses, before those behind it are tried; it is tried again at the next
/// start. Ours.
pub const RULE_REFUSALS_MAX: u32 = 20;
/// How long the version number of a client's lifecycle events outlives its connection; longer if its session does. Developer
/// Guide, "Lifecycle events", `versionNumber`: approximately one hour.
pub const LIFECYCLE_VERSION_MS: u64 = 60 * 60 * 1000;
/// How long the version of a deleted shadow is kept, so that one that is created again goes on from it. Developer Guide,
/// "Interacting with shadows": 48 hours.
pub const SHADOW_TOMBSTONE_MS: u64 = 48 * 60 * 60 * 1000;
/// Retained messages that wait for one connection. Ours.
pub const RETAINED_WAITING_MAX: usize = 1000;
/// Retained messages in all; one for a further topic is delivered, but not kept, and counted. Ours: AWS allows 500,000 an
/// account, and throttles.
pub const RETAINED_MESSAGES_MAX: u64 = 10_000;
/// Life of a certificate ownership token. Developer Guide, "Device provisioning MQTT API": one hour.
pub const OWNERSHIP_TOKEN_MS: u64 = 60 * 60 * 1000;
/// Certificates that one claim has made and not provisioned. Ours: AWS limits the rate.
pub const PENDING_CERTIFICATES_PER_CLAIM_MAX: u64 = 1000;
/// Time the pre-provisioning hook has. Developer Guide, "Pre-provisioning hooks": five seconds.
pub const HOOK_TIMEOUT: Duration = Duration::from_secs(5);
/// Most policies attached to one certificate.
pub const POLICIES_PER_CERTIFICATE_MAX: u64 = 10;
/// Most things, certificates, policies or shadow names in one page of a list.
pub const PAGE_ITEMS_MAX: usize = 250;
/// Time for accepted publishes to become durable once their connection has ended. Ours.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);
