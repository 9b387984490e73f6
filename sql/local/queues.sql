-- Deliveries between the broker and the hub's steps. Times are milliseconds since 1970.
-- Ready: neither hidden nor dead. In flight: hidden with a receipt. Delayed: hidden without one.
CREATE TABLE deliveries (
  place        INTEGER PRIMARY KEY AUTOINCREMENT,
  id           TEXT NOT NULL UNIQUE,
  queue        TEXT NOT NULL,
  attempts     INTEGER NOT NULL DEFAULT 0,
  hidden_until INTEGER,
  receipt      INTEGER,
  dead_at      INTEGER,
  error        TEXT,
  received_at  INTEGER NOT NULL,
  topic        TEXT,
  principal    TEXT,
  body         BLOB NOT NULL
) STRICT;
CREATE INDEX deliveries_ready ON deliveries (queue, place) WHERE hidden_until IS NULL AND dead_at IS NULL;
CREATE INDEX deliveries_hidden ON deliveries (queue, hidden_until) WHERE hidden_until IS NOT NULL;
CREATE INDEX deliveries_dead ON deliveries (place) WHERE dead_at IS NOT NULL;
