-- A flow: what belongs to its key over all versions.
CREATE TABLE flows (
    key        TEXT COLLATE "C" PRIMARY KEY,
    token      TEXT COLLATE "C" NOT NULL UNIQUE,
    secret     BYTEA NOT NULL CHECK (length(secret) = 32),
    enabled    BIGINT NOT NULL, -- number of the enabled version; 0: none
    latest     BIGINT NOT NULL,
    source     TEXT NOT NULL,
    updated_at BIGINT NOT NULL  -- microseconds since 1970 UTC
);

-- The contents of a flow. A version never changes; it goes with its flow.
CREATE TABLE versions (
    flow       TEXT COLLATE "C" NOT NULL REFERENCES flows (key) ON DELETE CASCADE,
    number     BIGINT NOT NULL CHECK (number > 0),
    hash       TEXT COLLATE "C" NOT NULL,
    title      TEXT NOT NULL,
    mode       TEXT NOT NULL,
    definition TEXT NOT NULL, -- JSON
    source     TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (flow, number),
    UNIQUE (flow, hash)
);

CREATE FUNCTION versions_never_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a version never changes';
END $$;
CREATE TRIGGER versions_never_change BEFORE UPDATE ON versions
    FOR EACH ROW EXECUTE FUNCTION versions_never_change();

-- One row, counted up by every change: readers poll it, and writers of flows lock it.
CREATE TABLE revision (value BIGINT NOT NULL);
INSERT INTO revision VALUES (1);
