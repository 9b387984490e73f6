-- Memories as they are found again, by words in a text search index and by vectors in a partition for each vector space.
--
-- Statements are told apart by lines of `--;;`. No statement has a colon, comments included, because the Data API could take
-- what follows for a parameter. Times are milliseconds since 1970. Needs pgvector 0.8, which has iterative index scans.
CREATE EXTENSION IF NOT EXISTS vector
--;;
-- English stems and stop words. What reaches it are words of lower case without marks, parted by spaces.
CREATE TEXT SEARCH CONFIGURATION recall_words (COPY = pg_catalog.english)
--;;
-- An HNSW index of halfvec has at most 4,000 dimensions.
CREATE TABLE recall_spaces (
  id   integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text COLLATE "C" NOT NULL,
  dims integer NOT NULL CHECK (dims BETWEEN 1 AND 4000),
  UNIQUE (name, dims)
)
--;;
-- The words themselves are not here, only what finds them.
CREATE TABLE recall_docs (
  doc    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  memory text COLLATE "C" NOT NULL UNIQUE,
  tier   text NOT NULL,
  at     bigint NOT NULL,
  space  text COLLATE "C" NOT NULL,
  words  tsvector NOT NULL
)
--;;
CREATE INDEX recall_docs_by_space ON recall_docs (space, memory)
--;;
-- Without a list of what is pending, which every search would have to read.
CREATE INDEX recall_docs_by_word ON recall_docs USING gin (words) WITH (fastupdate = off)
--;;
-- Vectors of any number of dimensions. An index needs a fixed one, so each space has a partition with its own index,
-- made when its first vector comes. The index holds vectors of half precision, which halves what has to stay in memory; the
-- table holds them as they are, for exact distances.
CREATE TABLE recall_vectors (
  space     integer NOT NULL,
  doc       bigint NOT NULL REFERENCES recall_docs ON DELETE CASCADE,
  tier      text NOT NULL,
  embedding vector NOT NULL,
  PRIMARY KEY (space, doc)
) PARTITION BY LIST (space)
--;;
CREATE INDEX recall_vectors_by_doc ON recall_vectors (doc)
--;;
CREATE INDEX recall_vectors_by_tier ON recall_vectors (tier)
--;;
-- The id of a space, with its partition.
CREATE FUNCTION recall_space(p_name text, p_dims integer) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
  known integer;
  part text;
BEGIN
  SELECT s.id INTO known FROM recall_spaces s WHERE s.name = p_name AND s.dims = p_dims;
  IF known IS NOT NULL THEN
    RETURN known;
  END IF;
  -- One at a time, and whoever waited finds what the other has made. A partition locks this table, too, after all vectors; here it
  -- comes first, as it does for whoever erases.
  LOCK TABLE recall_docs IN SHARE ROW EXCLUSIVE MODE;
  SELECT s.id INTO known FROM recall_spaces s WHERE s.name = p_name AND s.dims = p_dims;
  IF known IS NOT NULL THEN
    RETURN known;
  END IF;
  IF (SELECT count(*) FROM recall_spaces) >= 64 THEN
    RAISE EXCEPTION 'there are 64 vector spaces, and there may not be more';
  END IF;
  INSERT INTO recall_spaces (name, dims) VALUES (p_name, p_dims) RETURNING id INTO known;
  part = format('recall_vectors_%s', known);
  EXECUTE format(
    'CREATE TABLE %I PARTITION OF recall_vectors (CHECK (vector_dims(embedding) = %s)) FOR VALUES IN (%s)',
    part, p_dims, known);
  EXECUTE format('CREATE INDEX ON %I USING hnsw ((CAST(embedding AS halfvec(%s))) halfvec_cosine_ops)', part, p_dims);
  RETURN known;
END
$$
--;;
-- Writes memories, each once in an array of {memory, tier, at, space, words, vector}, in place of what was there. Says how many.
CREATE FUNCTION recall_put(p_docs jsonb) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
  written integer;
BEGIN
  -- First, because a new partition locks all of them.
  PERFORM recall_space(s.space, s.dims)
  FROM (SELECT DISTINCT d.space, vector_dims(CAST(d.vector AS vector)) AS dims
        FROM jsonb_to_recordset(p_docs) AS d (space text, vector text) WHERE d.vector IS NOT NULL
        ORDER BY 1, 2) s;
  -- In order, so that two writers never wait for each other.
  INSERT INTO recall_docs (memory, tier, at, space, words)
  SELECT d.memory, d.tier, d.at, d.space, to_tsvector('recall_words', d.words)
  FROM jsonb_to_recordset(p_docs) AS d (memory text COLLATE "C", tier text, at bigint, space text, words text)
  ORDER BY d.memory
  ON CONFLICT (memory) DO UPDATE SET
    tier = excluded.tier, at = excluded.at, space = excluded.space, words = excluded.words;
  GET DIAGNOSTICS written = ROW_COUNT;
  DELETE FROM recall_vectors
  WHERE doc = ANY (ARRAY(
    SELECT k.doc FROM jsonb_to_recordset(p_docs) AS d (memory text) JOIN recall_docs k ON k.memory = d.memory));
  INSERT INTO recall_vectors (space, doc, tier, embedding)
  SELECT s.id, k.doc, d.tier, e.embedding
  FROM jsonb_to_recordset(p_docs) AS d (memory text, tier text, space text, vector text)
  JOIN recall_docs k ON k.memory = d.memory
  CROSS JOIN LATERAL (SELECT CAST(d.vector AS vector) AS embedding) e
  JOIN recall_spaces s ON s.name = d.space AND s.dims = vector_dims(e.embedding)
  WHERE d.vector IS NOT NULL;
  RETURN written;
END
$$
--;;
-- The nearest memories of a space, within the tiers unless they are null, with exact cosine similarity.
--
-- The index gives candidates by distances of half precision, some more than asked for, which are put in order exactly.
-- It scans on while a filter leaves too few (hnsw.iterative_scan), up to hnsw.max_scan_tuples. If there still are too few, so
-- few match that looking at all of them is cheap.
CREATE FUNCTION recall_nearest(p_space text, p_vector text, p_tiers text[], p_limit integer)
RETURNS TABLE (doc bigint, similarity double precision)
LANGUAGE plpgsql STABLE
SET hnsw.iterative_scan = strict_order
SET hnsw.max_scan_tuples = 20000
SET hnsw.ef_search = 100
SET jit = off
AS $$
DECLARE
  spare CONSTANT integer = 50;
  wanted vector;
  space_id integer;
  dims integer;
  part text;
  candidates bigint[];
BEGIN
  wanted = CAST(p_vector AS vector);
  dims = vector_dims(wanted);
  SELECT s.id INTO space_id FROM recall_spaces s WHERE s.name = p_space AND s.dims = vector_dims(wanted);
  IF space_id IS NULL THEN
    RETURN;
  END IF;
  part = format('recall_vectors_%s', space_id);
  EXECUTE format(
    'SELECT ARRAY(SELECT v.doc FROM %I v WHERE $2 IS NULL OR v.tier = ANY ($2)
                  ORDER BY CAST(v.embedding AS halfvec(%s)) <=> CAST($1 AS halfvec(%s)) LIMIT $3)',
    part, dims, dims) INTO candidates USING wanted, p_tiers, p_limit + spare;
  IF cardinality(candidates) < p_limit THEN
    EXECUTE format(
      'SELECT ARRAY(SELECT v.doc FROM %I v WHERE $2 IS NULL OR v.tier = ANY ($2) ORDER BY v.embedding <=> $1 LIMIT $3)',
      part) INTO candidates USING wanted, p_tiers, p_limit;
  END IF;
  RETURN QUERY EXECUTE format(
    'SELECT v.doc, 1 - (v.embedding <=> $1) FROM %I v WHERE v.doc = ANY ($2) ORDER BY v.embedding <=> $1 LIMIT $3',
    part) USING wanted, candidates, p_limit;
END
$$
--;;
-- The memories that share most words with a text, within the tiers unless they are null; a score is larger for better.
--
-- Any word will do, since a question has words that no memory has. A rare word weighs more. Scoring a match costs more than finding it,
-- so at most 1,000 are scored. Words with more matches are left out as long as a rarer one is found, and of nothing but
-- such words the newest matches are taken.
CREATE FUNCTION recall_said(p_words text, p_tiers text[], p_limit integer)
RETURNS TABLE (doc bigint, score double precision)
LANGUAGE plpgsql STABLE
SET enable_seqscan = off
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
  matches_max CONSTANT integer = 1000;
  room integer = matches_max;
  word record;
  queries tsquery[] = '{}';
  weights double precision[] = '{}';
  common_queries tsquery[] = '{}';
  common_weights double precision[] = '{}';
  any_of tsquery;
BEGIN
  FOR word IN
    SELECT w.query, m.found, 1 / (1 + ln(1 + m.found)) AS weight
    FROM (SELECT CAST('''' || l.lexeme || '''' AS tsquery) AS query
          FROM unnest(to_tsvector('recall_words', p_words)) AS l LIMIT 32) w
    CROSS JOIN LATERAL (
      SELECT CAST(count(*) AS integer) AS found
      FROM (SELECT 1 FROM recall_docs d WHERE d.words @@ w.query LIMIT matches_max + 1) f) m
    WHERE m.found > 0 ORDER BY m.found
  LOOP
    IF word.found <= room THEN
      room = room - word.found;
      queries = queries || word.query;
      weights = weights || CAST(word.weight AS double precision);
    ELSE
      room = 0;
      common_queries = common_queries || word.query;
      common_weights = common_weights || CAST(word.weight AS double precision);
    END IF;
  END LOOP;
  FOR pass IN 1..2 LOOP
    any_of = NULL;
    FOR place IN 1..cardinality(queries) LOOP
      any_of = CASE WHEN any_of IS NULL THEN queries[place] ELSE any_of || queries[place] END;
    END LOOP;
    IF any_of IS NOT NULL THEN
      RETURN QUERY
      SELECT m.doc, CAST((SELECT sum(w.weight * ts_rank_cd(m.words, w.query, 1))
                          FROM unnest(queries, weights) AS w (query, weight)) AS double precision) AS score
      FROM (SELECT d.doc, d.words FROM recall_docs d
            WHERE d.words @@ any_of AND (p_tiers IS NULL OR d.tier = ANY (p_tiers))
            ORDER BY d.doc DESC LIMIT matches_max) m
      ORDER BY score DESC LIMIT p_limit;
      IF FOUND THEN
        RETURN;
      END IF;
    END IF;
    queries = common_queries;
    weights = common_weights;
  END LOOP;
END
$$
--;;
-- Both signals, each with as many memories as asked for. An empty array of tiers is all of them; no vector, no nearest.
CREATE FUNCTION recall_search(p_words text, p_space text, p_vector text, p_tiers jsonb, p_limit integer)
RETURNS TABLE (memory text, similarity double precision, score double precision)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
  tiers text[];
BEGIN
  IF jsonb_array_length(p_tiers) > 0 THEN
    tiers = ARRAY(SELECT jsonb_array_elements_text(p_tiers));
  END IF;
  RETURN QUERY
  SELECT CAST(k.memory AS text), found.similarity, found.score
  FROM (SELECT coalesce(near.doc, said.doc) AS doc, near.similarity, said.score
        FROM (SELECT n.doc, n.similarity FROM recall_nearest(p_space, p_vector, tiers, p_limit) n
              WHERE p_vector IS NOT NULL) near
        FULL JOIN (SELECT s.doc, s.score FROM recall_said(p_words, tiers, p_limit) s) said ON said.doc = near.doc) found
  JOIN recall_docs k ON k.doc = found.doc;
END
$$
