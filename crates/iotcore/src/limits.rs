//! Every bound of this crate, named with its unit last: its value, who says so, and what a client sees when it is reached.
//! One table, rendered to `docs/limits.md` by `scripts/render`.

use std::fmt;
use std::time::Duration;

/// Who says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// AWS, on this page.
    Aws(&'static str),
    /// This crate: AWS has another bound or publishes none.
    Ours,
}
use Source::{Aws, Ours};

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Aws(page) => page,
            Ours => "ours",
        })
    }
}

/// What is seen when a limit is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reaching {
    /// The connection ends; MQTT 5 is told why by DISCONNECT.
    Disconnect,
    /// The peer is turned away, with a CONNACK if it has sent its CONNECT.
    Connack,
    /// That filter fails in the SUBACK.
    Suback,
    /// The message is delivered, but not kept; the PUBACK of MQTT 5 says so.
    Puback,
    /// It waits: the socket is not read, or nothing further is sent, until there is room.
    Backpressure,
    /// The request is refused: by a `rejected` message, or the error of the control operation.
    Rejected,
    /// What is too much is dropped and counted in the statistics.
    Dropped,
    /// Read as the limit.
    Clamped,
    /// It is removed, or no longer waited for.
    Expired,
    /// The rest is on the next page.
    NextPage,
}

impl fmt::Display for Reaching {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Disconnect => "the connection ends",
            Self::Connack => "the peer is turned away",
            Self::Suback => "the filter fails in the SUBACK",
            Self::Puback => "delivered, not kept; PUBACK 0x97 in MQTT 5",
            Self::Backpressure => "it waits",
            Self::Rejected => "the request is refused",
            Self::Dropped => "dropped and counted",
            Self::Clamped => "read as the limit",
            Self::Expired => "removed, or no longer waited for",
            Self::NextPage => "the rest is on the next page",
        })
    }
}

/// One limit.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    /// The name of its constant in this module.
    pub name: &'static str,
    /// What it bounds.
    pub what: &'static str,
    /// Its value, in the unit that its name ends in; a duration says its own.
    pub value: &'static (dyn fmt::Debug + Sync),
    /// Who says so.
    pub source: Source,
    /// What is seen when it is reached.
    pub reaching: Reaching,
}

/// The table as Markdown.
#[must_use]
pub fn markdown() -> String {
    let head = "# Limits\n\nRendered from `src/limits.rs` by `scripts/render`. Those per second are imposed with \
                `Config::aws_rates` only. \"Quotas\" is \"AWS IoT Core endpoints and quotas\" of the AWS General \
                Reference.\n\n| limit | value | what it bounds | when it is reached | source |\n|---|---|---|---|---|\n";
    let row = |limit: &Limit| {
        let Limit { name, what, value, source, reaching } = limit;
        format!("| `{name}` | {value:?} | {} | {reaching} | {source} |\n", what.trim())
    };
    std::iter::once(head.to_owned()).chain(TABLE.iter().map(row)).collect()
}

/// Makes each constant, and the table of them.
macro_rules! limits {
    ($($(#[doc = $doc:literal])+ $name:ident: $kind:ty = $value:expr, $source:expr, $reaching:ident;)+) => {
        $(
            $(#[doc = $doc])+
            #[doc = concat!("\n\nSource: `", stringify!($source), "`. When it is reached: `", stringify!($reaching), "`.")]
            pub const $name: $kind = $value;
        )+

        /// Every limit, by subject.
        pub const TABLE: &[Limit] = &[
            $(Limit {
                name: stringify!($name),
                what: concat!($($doc),+),
                value: &$name,
                source: $source,
                reaching: Reaching::$reaching,
            }),+
        ];
    };
}

// "AWS IoT Core endpoints and quotas" of the AWS General Reference, by their headings.
const BROKER: &str = "quotas, message broker and protocol";
const SHADOWS: &str = "quotas, Device Shadow";
const THINGS: &str = "quotas, thing resources";
const SECURITY: &str = "quotas, security and identity";
// Pages of the AWS IoT developer guide.
const MQTT: &str = "Developer Guide, MQTT";

limits! {
    /// Largest PUBLISH payload.
    PAYLOAD_BYTES_MAX: usize = 128 * 1024, Aws(BROKER), Disconnect;
    /// Largest MQTT packet: 128 KB of payload and, beside it, its topic and properties. The guide has "cannot exceed 128 KB";
    /// this is what CONNACKs of AWS are reported to say. Not verified.
    PACKET_BYTES_MAX: u32 = 146 * 1024, Aws("Developer Guide, MQTT 5 properties"), Disconnect;
    /// Longest topic name or filter, in UTF-8; what Basic Ingest puts before it does not count.
    TOPIC_BYTES_MAX: usize = 256, Aws(BROKER), Disconnect;
    /// Most slashes in a topic name or filter; those of Basic Ingest's prefix do not count.
    TOPIC_SLASHES_MAX: usize = 7, Aws(BROKER), Disconnect;
    /// Topic aliases of one connection.
    TOPIC_ALIASES_MAX: u16 = 8, Aws(BROKER), Disconnect;
    /// Longest Message Expiry Interval.
    MESSAGE_EXPIRY_S_MAX: u32 = 7 * 24 * 60 * 60, Aws(MQTT), Clamped;
    /// Longest client id, in UTF-8.
    CLIENT_ID_BYTES_MAX: usize = 128, Aws(BROKER), Connack;
    /// Shortest keep-alive.
    KEEP_ALIVE_MIN: Duration = Duration::from_secs(30), Aws(MQTT), Clamped;
    /// Longest keep-alive; zero is read as this, too.
    KEEP_ALIVE_MAX: Duration = Duration::from_secs(1200), Aws(MQTT), Clamped;
    /// Most filters in one SUBSCRIBE.
    FILTERS_PER_SUBSCRIBE_MAX: usize = 8, Aws(BROKER), Disconnect;
    /// Most subscriptions of one connection.
    SUBSCRIPTIONS_PER_CONNECTION_MAX: usize = 50, Aws(BROKER), Suback;
    /// Longest name of the group of a shared subscription, in UTF-8.
    SHARE_NAME_BYTES_MAX: usize = 128, Aws(MQTT), Suback;
    /// Most members of the group of a shared subscription. The quota, "Shared Subscriptions per group", is there; its value could
    /// not be verified.
    SHARE_MEMBERS_MAX: usize = 100, Aws(BROKER), Suback;
    /// QoS 1 publishes of one client that may await their PUBACK.
    INBOUND_UNACKED_MAX: usize = 100, Aws(BROKER), Backpressure;
    /// QoS 1 messages on their way to one client without its PUBACK.
    OUTBOUND_UNACKED_MAX: usize = 100, Aws(BROKER), Backpressure;
    /// Publishes received from one connection in a second, after as many at once. AWS discards what is beyond, and counts what
    /// it sends as well.
    PUBLISHES_PER_S_MAX: u64 = 100, Aws(BROKER), Backpressure;
    /// Bytes received from one connection in a second, after as many at once. AWS counts what it sends as well.
    RECEIVED_BYTES_PER_S_MAX: u64 = 512 * 1024, Aws(BROKER), Backpressure;
    /// Time a peer has for its TLS handshake, and again for its CONNECT. AWS publishes none.
    CONNECT_TIMEOUT: Duration = Duration::from_secs(10), Ours, Connack;
    /// Peers that may be between accept and CONNACK at once; for a further one the address with the most loses its oldest.
    UNAUTHENTICATED_PEERS_MAX: usize = 2048, Ours, Connack;
    /// Life of a claim that ends by itself.
    TEMPORARY_CLAIM_MS: u64 = 5 * 60 * 1000, Aws("Developer Guide, Provisioning by trusted user"), Expired;
    /// HTTPS connections at once; for a further one the address with the most loses its oldest.
    HTTPS_CONNECTIONS_MAX: usize = 256, Ours, Disconnect;
    /// Request line and headers of an HTTPS request together.
    HTTPS_HEAD_BYTES_MAX: usize = 16 * 1024, Ours, Rejected;
    /// Headers of an HTTPS request.
    HTTPS_HEADERS_MAX: usize = 64, Ours, Rejected;
    /// Time for the headers of an HTTPS request, and again for its body.
    HTTPS_REQUEST_TIMEOUT: Duration = Duration::from_secs(10), Ours, Disconnect;
    /// Time for accepted publishes to become durable once their connection has ended.
    DRAIN_TIMEOUT: Duration = Duration::from_secs(5), Ours, Expired;
    /// Messages that wait in memory for one connection, for each quality of service: of QoS 0 further ones are dropped, QoS 1
    /// ends a connection without a persistent session.
    MAILBOX_MESSAGES_MAX: usize = 1000, Ours, Dropped;
    /// Payload bytes that wait in memory for one connection, likewise.
    MAILBOX_BYTES_MAX: usize = 1024 * 1024, Ours, Dropped;
    /// Messages that wait durably for one persistent session.
    SESSION_QUEUE_MESSAGES_MAX: u64 = 10_000, Ours, Dropped;
    /// Persistent sessions in all.
    PERSISTENT_SESSIONS_MAX: u64 = 50_000, Ours, Connack;
    /// Retained messages in all. AWS allows 500,000 an account, and throttles.
    RETAINED_MESSAGES_MAX: u64 = 10_000, Ours, Puback;
    /// Retained messages that wait for one connection.
    RETAINED_WAITING_MAX: usize = 1000, Ours, Disconnect;
    /// Messages that nobody would publish again and that wait for the target of one rule; of more, the oldest go.
    RULE_OUTBOX_MESSAGES_MAX: u64 = 10_000, Ours, Dropped;
    /// How often such a message is refused, with growing pauses, before those behind it are tried; it goes to the
    /// rule's error action or, without one, is tried again at the next start.
    RULE_REFUSALS_MAX: u32 = 20, Ours, Expired;
    /// Time the target of a rule, or its error action, has for a message.
    RULE_TARGET_TIMEOUT: Duration = Duration::from_secs(30), Ours, Rejected;
    /// What a rule's error action is told of an error.
    RULE_ERROR_BYTES_MAX: usize = 1024, Ours, Clamped;
    /// How long the version number of a client's lifecycle events outlives its connection; longer if its session does.
    LIFECYCLE_VERSION_MS: u64 = 60 * 60 * 1000, Aws("Developer Guide, Lifecycle events"), Expired;
    /// Longest shadow request, and longest `state` of a shadow, in JSON without needless white space for the latter. Metadata
    /// does not count.
    SHADOW_BYTES_MAX: usize = 8 * 1024, Aws(SHADOWS), Rejected;
    /// Deepest `desired` or `reported`: `{"a": {"b": 1}}` has two levels. The page of error messages says 6; the quota holds.
    SHADOW_LEVELS_MAX: usize = 8, Aws(SHADOWS), Rejected;
    /// Longest name of a named shadow.
    SHADOW_NAME_BYTES_MAX: usize = 64, Aws(SHADOWS), Rejected;
    /// Longest `clientToken` of a shadow request.
    CLIENT_TOKEN_BYTES_MAX: usize = 64, Aws("Developer Guide, Device Shadow service documents"), Rejected;
    /// Shadow requests of one connection for one thing that are not answered yet; with `Config::aws_rates` only.
    SHADOW_REQUESTS_IN_FLIGHT_MAX: usize = 10, Aws(SHADOWS), Rejected;
    /// How long the version of a deleted shadow is kept, so that one that is created again goes on from it.
    SHADOW_TOMBSTONE_MS: u64 = 48 * 60 * 60 * 1000, Aws("Developer Guide, Interacting with shadows"), Expired;
    /// Longest name of a thing, thing type or thing group.
    THING_NAME_BYTES_MAX: usize = 128, Aws(THINGS), Rejected;
    /// Most attributes of a thing; without a thing type AWS indexes three of them.
    ATTRIBUTES_MAX: usize = 50, Aws(THINGS), Rejected;
    /// Longest name of an attribute.
    ATTRIBUTE_NAME_BYTES_MAX: usize = 128, Aws(THINGS), Rejected;
    /// Longest value of an attribute.
    ATTRIBUTE_VALUE_BYTES_MAX: usize = 800, Aws(THINGS), Rejected;
    /// Longest policy document, without white space.
    POLICY_BYTES_MAX: usize = 2048, Aws(SECURITY), Rejected;
    /// Most versions of a policy.
    POLICY_VERSIONS_MAX: u64 = 5, Aws(SECURITY), Rejected;
    /// Most policies attached to one certificate.
    POLICIES_PER_CERTIFICATE_MAX: u64 = 10, Aws(SECURITY), Rejected;
    /// Most policies attached to one thing group.
    POLICIES_PER_GROUP_MAX: u64 = 2, Aws("Developer Guide, Static thing groups"), Rejected;
    /// Most thing groups that one thing is in, besides the groups above them.
    GROUPS_PER_THING_MAX: u64 = 10, Aws("Developer Guide, Static thing groups"), Rejected;
    /// Most thing groups in a line from the topmost to the lowest.
    GROUP_DEPTH_MAX: u64 = 7, Aws(THINGS), Rejected;
    /// Most thing groups directly below one.
    GROUP_CHILDREN_MAX: u64 = 100, Aws(THINGS), Rejected;
    /// Longest description of a thing group.
    GROUP_DESCRIPTION_CHARS_MAX: usize = 2028, Aws("API Reference, CreateThingGroup"), Rejected;
    /// Longest provisioning template.
    TEMPLATE_BYTES_MAX: usize = 10_240, Aws("API Reference, CreateProvisioningTemplate"), Rejected;
    /// Longest description of a template.
    TEMPLATE_DESCRIPTION_CHARS_MAX: usize = 500, Aws("API Reference, CreateProvisioningTemplate"), Rejected;
    /// Longest ARN of a template's role, which means nothing here.
    ROLE_ARN_CHARS_MAX: usize = 2048, Aws("API Reference, CreateProvisioningTemplate"), Rejected;
    /// Most versions of a template. Not verified.
    TEMPLATE_VERSIONS_MAX: u64 = 5, Aws(SECURITY), Rejected;
    /// Most policies in a template: as many as are attached to one certificate.
    POLICIES_MAX: usize = 10, Aws(SECURITY), Rejected;
    /// Longest text that a value of a template may become.
    RESOLVED_BYTES_MAX: usize = 16 * 1024, Ours, Rejected;
    /// Life of a certificate ownership token.
    OWNERSHIP_TOKEN_MS: u64 = 60 * 60 * 1000, Aws("Developer Guide, Device provisioning MQTT API"), Expired;
    /// Certificates that one claim has made and not provisioned. AWS limits the rate.
    PENDING_CERTIFICATES_PER_CLAIM_MAX: u64 = 1000, Ours, Rejected;
    /// Registered certificates that another CA has issued.
    FOREIGN_CERTIFICATES_MAX: u64 = 10_000, Ours, Rejected;
    /// Longest certificate in PEM that is registered.
    CERTIFICATE_BYTES_MAX: usize = 65_536, Aws("API Reference, RegisterCertificateWithoutCA"), Rejected;
    /// Time the pre-provisioning hook has.
    HOOK_TIMEOUT: Duration = Duration::from_secs(5), Aws("Developer Guide, Pre-provisioning hooks"), Rejected;
    /// Longest id of a job.
    JOB_ID_BYTES_MAX: usize = 64, Aws("API Reference, CreateJob"), Rejected;
    /// Longest job document.
    JOB_DOCUMENT_BYTES_MAX: usize = 32 * 1024, Aws("API Reference, CreateJob"), Rejected;
    /// Longest description of a job.
    JOB_DESCRIPTION_CHARS_MAX: usize = 2028, Aws("API Reference, CreateJob"), Rejected;
    /// Longest comment on calling a job off.
    JOB_COMMENT_CHARS_MAX: usize = 2028, Aws("API Reference, CancelJob"), Rejected;
    /// Longest code that says why a job is called off.
    JOB_REASON_CODE_CHARS_MAX: usize = 128, Aws("API Reference, CancelJob"), Rejected;
    /// Most targets of a job. Not verified.
    JOB_TARGETS_MAX: usize = 100, Aws("quotas, IoT Device Management jobs"), Rejected;
    /// Jobs in all, those that are done among them. AWS allows 100,000 that are not, and forgets a job after two years.
    JOBS_MAX: u64 = 10_000, Ours, Rejected;
    /// Pending job executions that `get/accepted` and `notify` list.
    JOBS_PENDING_LISTED_MAX: usize = 10, Aws("Developer Guide, AWS IoT Jobs limits"), Backpressure;
    /// Longest time that a job execution, or a step of it, may be in progress.
    JOB_TIMEOUT_MINUTES_MAX: u64 = 7 * 24 * 60, Aws("Developer Guide, How job configurations work"), Rejected;
    /// How often a job is tried again on a thing, after failures and time-outs together.
    JOB_RETRIES_MAX: u64 = 10, Aws("Developer Guide, How job configurations work"), Rejected;
    /// Most members of a job execution's status details. Not verified.
    STATUS_DETAILS_MAX: usize = 10, Aws("quotas, IoT Device Management jobs"), Rejected;
    /// Longest name of a status detail.
    STATUS_DETAIL_NAME_BYTES_MAX: usize = 128, Aws("API Reference, UpdateJobExecution"), Rejected;
    /// Longest value of a status detail.
    STATUS_DETAIL_CHARS_MAX: usize = 1024, Aws("API Reference, UpdateJobExecution"), Rejected;
    /// Most things, thing groups, certificates, policies or shadow names in one page of a list.
    PAGE_ITEMS_MAX: usize = 250, Aws("API Reference, ListThings"), NextPage;
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_rendering_is_fresh() {
        assert_eq!(include_str!("../docs/limits.md"), super::markdown(), "docs/limits.md is stale: run scripts/render");
    }
}
