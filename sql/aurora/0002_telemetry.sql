-- Readings of satellites over time, values by month, and summaries by hour of the months that are gone.
--
-- A month's partition is made with its first value and dropped as a whole once it is old enough, its hours having been
-- summed up in the same transaction, so that nothing is counted twice. Times are milliseconds since 1970.
CREATE TABLE telemetry_samples (
  satellite text COLLATE "C" NOT NULL,
  name      text COLLATE "C" NOT NULL,
  at        bigint NOT NULL,
  value     double precision NOT NULL,
  unit      text NOT NULL,
  PRIMARY KEY (satellite, name, at)
) PARTITION BY RANGE (at)
--;;
CREATE TABLE telemetry_hourly (
  satellite text COLLATE "C" NOT NULL,
  name      text COLLATE "C" NOT NULL,
  hour      bigint NOT NULL,
  count     bigint NOT NULL,
  min       double precision NOT NULL,
  max       double precision NOT NULL,
  sum       double precision NOT NULL,
  unit      text NOT NULL,
  PRIMARY KEY (satellite, name, hour)
)
--;;
CREATE INDEX telemetry_hourly_by_hour ON telemetry_hourly (hour)
--;;
-- One row, since when values are kept. Older ones are summed up, and none is taken any more.
CREATE TABLE telemetry_kept (
  one   boolean PRIMARY KEY DEFAULT true CHECK (one),
  since bigint NOT NULL
)
--;;
INSERT INTO telemetry_kept (since) VALUES (0)
--;;
-- The beginning of the month, in UTC, that is `p_months` after that of an instant.
CREATE FUNCTION telemetry_month(p_at bigint, p_months integer) RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$
  SELECT CAST(extract(epoch FROM date_trunc('month', to_timestamp(p_at / 1000) AT TIME ZONE 'UTC')
                                 + make_interval(0, p_months)) AS bigint) * 1000
$$
--;;
-- Keeps an array of {satellite, name, at, value, unit}; what is there already stays as it is. Says how many are new.
CREATE FUNCTION telemetry_append(p_samples jsonb) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
  kept_since bigint;
  month bigint;
  part text;
  written integer;
BEGIN
  -- Together with other appends, but not with a purge, which moves what is read next.
  PERFORM pg_advisory_xact_lock_shared(1835626101, 2);
  SELECT k.since INTO kept_since FROM telemetry_kept k;
  FOR month IN
    SELECT DISTINCT telemetry_month(s.at, 0) FROM jsonb_to_recordset(p_samples) AS s (at bigint)
    WHERE s.at >= kept_since ORDER BY 1
  LOOP
    part = 'telemetry_' || to_char(to_timestamp(month / 1000) AT TIME ZONE 'UTC', 'YYYY_MM');
    CONTINUE WHEN to_regclass(part) IS NOT NULL;
    -- One at a time. An advisory lock would not do, because whoever waits for it need not see what the other has made.
    LOCK TABLE telemetry_kept IN EXCLUSIVE MODE;
    CONTINUE WHEN to_regclass(part) IS NOT NULL;
    IF (SELECT count(*) FROM pg_inherits WHERE inhparent = CAST('telemetry_samples' AS regclass)) >= 60 THEN
      RAISE EXCEPTION 'there are readings of 60 months, and there may not be of more';
    END IF;
    EXECUTE format('CREATE TABLE %I PARTITION OF telemetry_samples FOR VALUES FROM (%s) TO (%s)',
                   part, month, telemetry_month(month, 1));
  END LOOP;
  INSERT INTO telemetry_samples (satellite, name, at, value, unit)
  SELECT s.satellite, s.name, s.at, s.value, s.unit
  FROM jsonb_to_recordset(p_samples)
    AS s (satellite text COLLATE "C", name text COLLATE "C", at bigint, value double precision, unit text)
  WHERE s.at >= kept_since ORDER BY 1, 2, 3
  ON CONFLICT DO NOTHING;
  GET DIAGNOSTICS written = ROW_COUNT;
  RETURN written;
END
$$
--;;
-- Sums up and drops at most three months that end before `p_values_before`, and at most 10,000 summaries of before
-- `p_summaries_before`. Says how many rows are gone.
CREATE FUNCTION telemetry_purge(p_values_before bigint, p_summaries_before bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
  month bigint;
  part text;
  rows bigint;
  gone bigint = 0;
BEGIN
  PERFORM pg_advisory_xact_lock(1835626101, 2);
  FOR part, month IN
    SELECT c.relname, m.starts
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    CROSS JOIN LATERAL (
      SELECT CAST(extract(epoch FROM to_date(substr(c.relname, 11), 'YYYY_MM')) AS bigint) * 1000 AS starts) m
    WHERE i.inhparent = CAST('telemetry_samples' AS regclass) AND telemetry_month(m.starts, 1) <= p_values_before
    ORDER BY m.starts LIMIT 3
  LOOP
    EXECUTE format('SELECT count(*) FROM %I', part) INTO rows;
    gone = gone + rows;
    EXECUTE format(
      'INSERT INTO telemetry_hourly (satellite, name, hour, count, min, max, sum, unit)
       SELECT satellite, name, at - at %% 3600000, count(*), min(value), max(value), sum(value), max(unit)
       FROM %I GROUP BY 1, 2, 3', part);
    EXECUTE format('DROP TABLE %I', part);
    UPDATE telemetry_kept SET since = greatest(since, telemetry_month(month, 1));
  END LOOP;
  DELETE FROM telemetry_hourly h USING (
    SELECT o.satellite, o.name, o.hour FROM telemetry_hourly o WHERE o.hour < p_summaries_before
    ORDER BY o.hour LIMIT 10000) old
  WHERE h.satellite = old.satellite AND h.name = old.name AND h.hour = old.hour;
  GET DIAGNOSTICS rows = ROW_COUNT;
  RETURN gone + rows;
END
$$
