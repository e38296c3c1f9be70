-- A flow: what belongs to its key over all versions.
CREATE TABLE flows (
    key        TEXT PRIMARY KEY,
    token      TEXT NOT NULL UNIQUE,
    secret     BLOB NOT NULL CHECK (length(secret) = 32),
    enabled    INTEGER NOT NULL, -- number of the enabled version; 0: none
    latest     INTEGER NOT NULL,
    source     TEXT NOT NULL,
    updated_at INTEGER NOT NULL  -- microseconds since 1970 UTC
) STRICT, WITHOUT ROWID;

-- The contents of a flow. A version never changes; it goes with its flow.
CREATE TABLE versions (
    flow       TEXT NOT NULL REFERENCES flows (key) ON DELETE CASCADE,
    number     INTEGER NOT NULL CHECK (number > 0),
    hash       TEXT NOT NULL,
    title      TEXT NOT NULL,
    mode       TEXT NOT NULL,
    definition TEXT NOT NULL, -- JSON
    source     TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (flow, number),
    UNIQUE (flow, hash)
) STRICT;

CREATE TRIGGER versions_never_change BEFORE UPDATE ON versions
BEGIN
    SELECT RAISE(ABORT, 'a version never changes');
END;

-- One row, counted up by every change: readers poll it.
CREATE TABLE revision (value INTEGER NOT NULL) STRICT;
INSERT INTO revision VALUES (1);
