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
    created_ms  INTEGER NOT NULL,
    expires_ms  INTEGER                 -- null but for temporary claims
) STRICT, WITHOUT ROWID;

CREATE INDEX certificates_by_expiry ON certificates (expires_ms) WHERE expires_ms IS NOT NULL;

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

-- A group has at most one parent, which never changes.
CREATE TABLE thing_groups (
    name        TEXT PRIMARY KEY,
    parent      TEXT REFERENCES thing_groups (name),
    attributes  TEXT NOT NULL,          -- JSON object of strings
    created_ms  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX thing_groups_by_parent ON thing_groups (parent) WHERE parent IS NOT NULL;

CREATE TABLE group_members (
    thing        TEXT NOT NULL REFERENCES things (name) ON DELETE CASCADE,
    thing_group  TEXT NOT NULL REFERENCES thing_groups (name) ON DELETE CASCADE,
    PRIMARY KEY (thing, thing_group)
) STRICT, WITHOUT ROWID;

CREATE INDEX group_members_by_group ON group_members (thing_group, thing);

CREATE TABLE group_policies (
    thing_group  TEXT NOT NULL REFERENCES thing_groups (name) ON DELETE CASCADE,
    policy       TEXT NOT NULL REFERENCES policies (name),
    PRIMARY KEY (thing_group, policy)
) STRICT, WITHOUT ROWID;

CREATE INDEX group_policies_by_policy ON group_policies (policy);

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
CREATE INDEX ownership_tokens_by_expiry ON ownership_tokens (expires_ms);

-- Clients that are or were connected: their presence, and the will to publish if one ends without a DISCONNECT.
CREATE TABLE clients (
    client_id           TEXT PRIMARY KEY,
    version             INTEGER NOT NULL,
    forget_ms           INTEGER,        -- null while connected; then, when its version begins anew
    session_identifier  TEXT NOT NULL,
    principal           TEXT NOT NULL,
    ip_address          TEXT NOT NULL,
    will_topic          TEXT,
    will_payload        BLOB,
    will_qos            INTEGER,
    will_retain         INTEGER,
    will_properties     BLOB,
    will_expiry_s       INTEGER,
    will_delay_s        INTEGER,
    will_due_ms         INTEGER         -- null until the client has gone and its will waits
) STRICT, WITHOUT ROWID;

CREATE INDEX clients_connected ON clients (client_id) WHERE forget_ms IS NULL;
CREATE INDEX clients_with_wills_due ON clients (will_due_ms) WHERE will_due_ms IS NOT NULL;
CREATE INDEX clients_to_forget ON clients (forget_ms) WHERE forget_ms IS NOT NULL;

CREATE TABLE sessions (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    client_id   TEXT NOT NULL UNIQUE,
    mqtt5       INTEGER NOT NULL,       -- whether it is of MQTT 5, and not of 3.1.1
    expiry_s    INTEGER NOT NULL,       -- how long it outlives its connection
    expires_ms  INTEGER                 -- null while connected
) STRICT;

CREATE INDEX sessions_by_expiry ON sessions (expires_ms) WHERE expires_ms IS NOT NULL;

CREATE TABLE subscriptions (
    session_id  INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    filter      TEXT NOT NULL,
    qos         INTEGER NOT NULL,
    options     INTEGER NOT NULL,       -- bits: 1 no local, 2 retain as published
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
    properties  BLOB,                   -- as in a packet of MQTT 5
    expires_ms  INTEGER,
    payload     BLOB,
    payload_id  INTEGER REFERENCES payloads (id),
    share       TEXT,                   -- the shared subscription it came by, if it did
    PRIMARY KEY (session_id, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX queue_by_payload ON queue (payload_id) WHERE payload_id IS NOT NULL;
CREATE INDEX queue_by_expiry ON queue (expires_ms) WHERE expires_ms IS NOT NULL;

CREATE TRIGGER queue_releases_payload AFTER DELETE ON queue WHEN OLD.payload_id IS NOT NULL BEGIN
    UPDATE payloads SET refs = refs - 1 WHERE id = OLD.payload_id;
    DELETE FROM payloads WHERE id = OLD.payload_id AND refs <= 0;
END;

CREATE TABLE retained (
    topic       TEXT PRIMARY KEY,
    payload     BLOB NOT NULL,
    qos         INTEGER NOT NULL,
    properties  BLOB,                   -- as in a packet of MQTT 5
    expires_ms  INTEGER,
    updated_ms  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX retained_by_expiry ON retained (expires_ms) WHERE expires_ms IS NOT NULL;

-- The classic shadow has the empty name.
CREATE TABLE shadows (
    thing       TEXT NOT NULL,
    name        TEXT NOT NULL,
    document    TEXT NOT NULL,          -- state, metadata and version; of a deleted shadow its version
    deleted_ms  INTEGER,                -- null unless deleted
    PRIMARY KEY (thing, name)
) STRICT, WITHOUT ROWID;

CREATE INDEX shadows_deleted ON shadows (deleted_ms) WHERE deleted_ms IS NOT NULL;

-- Messages that nobody would publish again (lifecycle events, wills, shadow documents), until their rule's target has them.
CREATE TABLE rule_outbox (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    rule            TEXT NOT NULL,
    topic           TEXT NOT NULL,
    principal       TEXT,
    client_id       TEXT,
    received_at_ms  INTEGER NOT NULL,
    payload         BLOB NOT NULL,
    set_aside       INTEGER NOT NULL DEFAULT 0  -- refused too often to hold up the others; tried again at the next start
) STRICT;

CREATE INDEX rule_outbox_by_rule ON rule_outbox (rule, id);

CREATE TABLE jobs (
    id              TEXT PRIMARY KEY,
    targets         TEXT NOT NULL,      -- JSON array
    document        TEXT NOT NULL,      -- JSON, as it was given
    description     TEXT NOT NULL,
    timeout_minutes INTEGER,            -- how long an execution may be in progress
    retries         TEXT NOT NULL,      -- JSON
    status          TEXT NOT NULL,
    force_canceled  INTEGER NOT NULL,
    created_ms      INTEGER NOT NULL,
    updated_ms      INTEGER NOT NULL,
    completed_ms    INTEGER,
    continuous      INTEGER NOT NULL    -- whether it follows its groups
) STRICT, WITHOUT ROWID;

CREATE INDEX jobs_continuous ON jobs (id) WHERE continuous AND status = 'IN_PROGRESS';

-- The things that a continuous job follows.
CREATE TABLE job_members (
    job    TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    thing  TEXT NOT NULL,
    since  INTEGER NOT NULL,            -- the number of its first execution since it joined
    PRIMARY KEY (job, thing)
) STRICT, WITHOUT ROWID;

-- The runs of a job on a thing, in the order they were queued.
CREATE TABLE job_executions (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    job          TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    thing        TEXT NOT NULL,
    number       INTEGER NOT NULL,      -- from 1; a retry is a further one
    status       TEXT NOT NULL,
    details      TEXT NOT NULL,         -- JSON object of strings
    version      INTEGER NOT NULL,
    queued_ms    INTEGER NOT NULL,
    started_ms   INTEGER,
    updated_ms   INTEGER NOT NULL,
    deadline_ms  INTEGER,               -- when it times out by the job's timer
    step_due_ms  INTEGER,               -- when it times out by the thing's own
    due_ms       INTEGER GENERATED ALWAYS AS
        (min(coalesce(deadline_ms, step_due_ms), coalesce(step_due_ms, deadline_ms))) VIRTUAL,
    UNIQUE (job, thing, number)
) STRICT;

CREATE INDEX job_executions_pending ON job_executions (thing, status = 'QUEUED', id)
    WHERE status IN ('QUEUED', 'IN_PROGRESS');
CREATE INDEX job_executions_by_thing ON job_executions (thing, job, number);
CREATE INDEX job_executions_by_due ON job_executions (due_ms) WHERE due_ms IS NOT NULL;
