-- Memories as they are found again. Times are milliseconds since 1970; vectors are little-endian 32-bit floats.
CREATE TABLE docs (
  doc    INTEGER PRIMARY KEY,
  memory TEXT NOT NULL UNIQUE,
  tier   TEXT NOT NULL,
  at     INTEGER NOT NULL,
  space  TEXT NOT NULL,
  vector BLOB NOT NULL
) STRICT;
CREATE INDEX docs_by_space ON docs (space, memory);

-- Their words, by the same row ids; the tier is a word too, so that a search stays within it, but counts for nothing.
CREATE VIRTUAL TABLE words USING fts5 (content, tier, tokenize = 'porter unicode61 remove_diacritics 2');
INSERT INTO words (words, rank) VALUES ('rank', 'bm25(1.0, 0.0)');
-- What is erased leaves no trace in the index.
INSERT INTO words (words, rank) VALUES ('secure-delete', 1);
