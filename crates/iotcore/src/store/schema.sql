-- The registry, the sessions and what is queued for them. All times are milliseconds since 1970.

CREATE TABLE things (
    name        TEXT PRIMARY KEY,
    type_name   TEXT,
    attributes  TEXT NOT NULL,          -- JSON object of strings
    created_ms  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE certificates (
    id          TEXT PRIMARY KEY,       -- hex SHA-256 of the DER encoding
    pem         TEXT NOT NULL,
    status      TEXT NOT NULL,
    created_ms  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE policies (
    name        TEXT PRIMARY KEY,
    document    TEXT NOT NULL,
    created_ms  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE policy_attachments (
    certificate_id  TEXT NOT NULL REFERENCES certificates (id) ON DELETE CASCADE,
    policy          TEXT NOT NULL REFERENCES policies (name),
    PRIMARY KEY (certificate_id, policy)
) STRICT, WITHOUT ROWID;

CREATE INDEX policy_attachments_by_policy ON policy_attachments (policy);

CREATE TABLE thing_principals (
    thing           TEXT NOT NULL REFERENCES things (name),
    certificate_id  TEXT NOT NULL REFERENCES certificates (id) ON DELETE CASCADE,
    PRIMARY KEY (thing, certificate_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX thing_principals_by_certificate ON thing_principals (certificate_id);

CREATE TABLE templates (
    name        TEXT PRIMARY KEY,
    body        TEXT NOT NULL,
    created_ms  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- A token is stored as its SHA-256 and goes away with its first use or its certificate.
CREATE TABLE ownership_tokens (
    hash            BLOB PRIMARY KEY,
    certificate_id  TEXT NOT NULL UNIQUE REFERENCES certificates (id) ON DELETE CASCADE,
    claim_id        TEXT NOT NULL,      -- the certificate that asked for it
    expires_ms      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX ownership_tokens_by_claim ON ownership_tokens (claim_id);

-- One row for every client that ever connected: its presence, and the will to publish if it ends without a DISCONNECT.
CREATE TABLE clients (
    client_id           TEXT PRIMARY KEY,
    version             INTEGER NOT NULL,
    connected           INTEGER NOT NULL,
    session_identifier  TEXT NOT NULL,
    principal           TEXT NOT NULL,
    ip_address          TEXT NOT NULL,
    will_topic          TEXT,
    will_payload        BLOB,
    will_qos            INTEGER,
    will_retain         INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX clients_connected ON clients (client_id) WHERE connected = 1;

CREATE TABLE sessions (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    client_id   TEXT NOT NULL UNIQUE,
    expires_ms  INTEGER                 -- null while connected
) STRICT;

CREATE TABLE subscriptions (
    session_id  INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    filter      TEXT NOT NULL,
    qos         INTEGER NOT NULL,
    PRIMARY KEY (session_id, filter)
) STRICT, WITHOUT ROWID;

-- A payload that more than one session waits for is stored once.
CREATE TABLE payloads (
    id       INTEGER PRIMARY KEY,
    payload  BLOB NOT NULL,
    refs     INTEGER NOT NULL
) STRICT;

CREATE TABLE queue (
    session_id  INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    seq         INTEGER NOT NULL,
    topic       TEXT NOT NULL,
    retain      INTEGER NOT NULL,
    payload     BLOB,
    payload_id  INTEGER REFERENCES payloads (id),
    PRIMARY KEY (session_id, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX queue_by_payload ON queue (payload_id) WHERE payload_id IS NOT NULL;

CREATE TRIGGER queue_releases_payload AFTER DELETE ON queue WHEN OLD.payload_id IS NOT NULL BEGIN
    UPDATE payloads SET refs = refs - 1 WHERE id = OLD.payload_id;
    DELETE FROM payloads WHERE id = OLD.payload_id AND refs <= 0;
END;

CREATE TABLE retained (
    topic       TEXT PRIMARY KEY,
    payload     BLOB NOT NULL,
    qos         INTEGER NOT NULL,
    updated_ms  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The classic shadow has the empty name.
CREATE TABLE shadows (
    thing     TEXT NOT NULL,
    name      TEXT NOT NULL,
    document  TEXT NOT NULL,          -- state, metadata and version; of a deleted shadow its version
    deleted   INTEGER NOT NULL,
    PRIMARY KEY (thing, name)
) STRICT, WITHOUT ROWID;

-- Messages that nobody would publish again (lifecycle events, wills, shadow documents), until their rule's target has them.
CREATE TABLE rule_outbox (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    rule            TEXT NOT NULL,
    topic           TEXT NOT NULL,
    principal       TEXT,
    client_id       TEXT,
    received_at_ms  INTEGER NOT NULL,
    payload         BLOB NOT NULL
) STRICT;

CREATE INDEX rule_outbox_by_rule ON rule_outbox (rule, id);
