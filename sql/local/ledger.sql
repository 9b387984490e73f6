-- Facts and state on one machine: the twin of the DynamoDB table. Times are milliseconds since 1970.
CREATE TABLE records (
  pk         TEXT NOT NULL,
  sk         TEXT NOT NULL,
  version    INTEGER NOT NULL,
  list_pk    TEXT,
  list_sk    TEXT,
  due_pk     TEXT,
  due_sk     TEXT,
  expires_at INTEGER,
  body       TEXT NOT NULL,
  PRIMARY KEY (pk, sk),
  CHECK ((list_pk IS NULL) = (list_sk IS NULL)),
  CHECK ((due_pk IS NULL) = (due_sk IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX records_by_list ON records (list_pk, list_sk, pk, sk) WHERE list_pk IS NOT NULL;
CREATE INDEX records_by_due ON records (due_pk, due_sk, pk, sk) WHERE due_pk IS NOT NULL;
CREATE INDEX records_by_expiry ON records (expires_at) WHERE expires_at IS NOT NULL;

-- Deliveries that took effect.
CREATE TABLE applied (
  id TEXT PRIMARY KEY,
  at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX applied_by_time ON applied (at);

-- Effects that are not known to be carried out, in the order of their commits.
CREATE TABLE outbox (
  place  INTEGER PRIMARY KEY AUTOINCREMENT,
  id     TEXT NOT NULL UNIQUE,
  at     INTEGER NOT NULL,
  effect TEXT NOT NULL
) STRICT;

-- Audit drafts that are not sealed, in the order of their commits; `seq` is their place in the log once they have one.
CREATE TABLE audit_rows (
  row   INTEGER PRIMARY KEY AUTOINCREMENT,
  seq   INTEGER UNIQUE,
  draft TEXT NOT NULL
) STRICT;

-- The newest sealed state of the audit log; one row at most.
CREATE TABLE head (
  one        INTEGER PRIMARY KEY CHECK (one = 1),
  size       INTEGER NOT NULL,
  checkpoint TEXT NOT NULL
) STRICT;
