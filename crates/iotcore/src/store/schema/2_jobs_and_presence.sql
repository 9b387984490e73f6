-- What clients and rules ask about jobs that were called off, clients that have disconnected, and messages.

ALTER TABLE jobs ADD COLUMN reason_code TEXT;
ALTER TABLE jobs ADD COLUMN comment TEXT;
ALTER TABLE job_executions ADD COLUMN force_canceled INTEGER NOT NULL DEFAULT 0;

-- When and why the client's last connection ended.
ALTER TABLE clients ADD COLUMN disconnected_ms INTEGER;
ALTER TABLE clients ADD COLUMN disconnect_reason TEXT;

ALTER TABLE rule_outbox ADD COLUMN properties BLOB;     -- as in a packet of MQTT 5
