//! Every bound of this crate, named with its unit last. Source unless said otherwise: AWS General Reference, "AWS IoT
//! Core endpoints and quotas", message broker and protocol limits.

use std::time::Duration;

/// Largest PUBLISH payload.
pub const PAYLOAD_BYTES_MAX: usize = 128 * 1024;
/// Largest MQTT packet: AWS's 128 KB of payload and, beside it, a topic and the fixed header.
pub const PACKET_BYTES_MAX: u32 = (PAYLOAD_BYTES_MAX + 1024) as u32;
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
/// Peers that may be between accept and CONNACK at once; further ones are closed at accept. Ours.
pub const UNAUTHENTICATED_PEERS_MAX: usize = 2048;
/// Messages that wait in memory for one connection, for each of the two qualities of service. Ours.
pub const MAILBOX_MESSAGES_MAX: usize = 1000;
/// Payload bytes that wait in memory for one connection, for each of the two qualities of service. Ours.
pub const MAILBOX_BYTES_MAX: usize = 1024 * 1024;
/// Messages that wait durably for one persistent session; further ones are dropped for it and counted. Ours.
pub const SESSION_QUEUE_MESSAGES_MAX: u64 = 10_000;
/// Retained messages sent for one filter of a SUBSCRIBE. Ours.
pub const RETAINED_PER_FILTER_MAX: usize = 1000;
/// Retained messages that wait for one connection. Ours.
pub const RETAINED_WAITING_MAX: usize = FILTERS_PER_SUBSCRIBE_MAX * RETAINED_PER_FILTER_MAX;
/// Retained messages in all. Ours: AWS allows 500,000 an account.
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
