-- Readings of satellites over time. Times are milliseconds since 1970.
CREATE TABLE samples (
  satellite TEXT NOT NULL,
  name      TEXT NOT NULL,
  at        INTEGER NOT NULL,
  value     REAL NOT NULL,
  unit      TEXT NOT NULL,
  PRIMARY KEY (satellite, name, at)
) STRICT, WITHOUT ROWID;
CREATE INDEX samples_by_time ON samples (at);

-- Summaries by the hour of what was dropped.
CREATE TABLE hourly (
  satellite TEXT NOT NULL,
  name      TEXT NOT NULL,
  hour      INTEGER NOT NULL,
  count     INTEGER NOT NULL,
  min       REAL NOT NULL,
  max       REAL NOT NULL,
  sum       REAL NOT NULL,
  unit      TEXT NOT NULL,
  PRIMARY KEY (satellite, name, hour)
) STRICT, WITHOUT ROWID;
CREATE INDEX hourly_by_time ON hourly (hour);

-- One row: since when values are kept. Older ones are summed up, and none is taken any more.
CREATE TABLE kept (since INTEGER NOT NULL) STRICT;
INSERT INTO kept VALUES (0);
