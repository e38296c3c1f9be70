-- labels: a JSON list of words to group flows by.
ALTER TABLE flows ADD COLUMN labels TEXT NOT NULL DEFAULT '[]';
-- managed: files (a directory that a server watches) or store. Until now all flows came from files.
ALTER TABLE flows ADD COLUMN managed TEXT NOT NULL DEFAULT 'files';
-- revision: counted up by every change of the flow.
ALTER TABLE flows ADD COLUMN revision INTEGER NOT NULL DEFAULT 1;
-- The token before the last rotation works until this time.
ALTER TABLE flows ADD COLUMN old_token TEXT NOT NULL DEFAULT '';
ALTER TABLE flows ADD COLUMN old_until INTEGER NOT NULL DEFAULT 0;
CREATE INDEX flows_by_old_token ON flows (old_token);

-- One for each flow at most. The flow may not exist yet.
CREATE TABLE drafts (
    flow    TEXT PRIMARY KEY,
    base    INTEGER NOT NULL, -- the version that it began from; 0: none
    current INTEGER NOT NULL, -- the revision that is shown; undo and redo move it
    latest  INTEGER NOT NULL  -- the highest number that was given to a revision
) STRICT, WITHOUT ROWID;

CREATE TABLE draft_revisions (
    flow      TEXT NOT NULL REFERENCES drafts (flow) ON DELETE CASCADE,
    number    INTEGER NOT NULL,
    text      TEXT NOT NULL,
    operation TEXT NOT NULL,    -- in words, for the list of what can be undone
    typing    INTEGER NOT NULL, -- 1: part of typing, merged with what is typed in the same second
    author    TEXT NOT NULL,
    began_at  INTEGER NOT NULL, -- of the first of the merged ones
    saved_at  INTEGER NOT NULL,
    PRIMARY KEY (flow, number)
) STRICT, WITHOUT ROWID;

-- Who changed what. Rows are added, and deleted by age.
CREATE TABLE audit (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    at         INTEGER NOT NULL,
    actor      TEXT NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_name TEXT NOT NULL,
    address    TEXT NOT NULL, -- from where; empty: from this process
    action     TEXT NOT NULL,
    object     TEXT NOT NULL, -- the kind of what was changed: flow, token, …
    name       TEXT NOT NULL, -- which one
    detail     TEXT NOT NULL  -- JSON
) STRICT;
CREATE INDEX audit_by_object ON audit (object, name, id);
CREATE INDEX audit_by_time ON audit (at);

-- How many runs of a version ended with a status.
CREATE TABLE counters (
    flow    TEXT NOT NULL,
    version INTEGER NOT NULL,
    status  TEXT NOT NULL,
    runs    INTEGER NOT NULL,
    PRIMARY KEY (flow, version, status)
) STRICT, WITHOUT ROWID;

-- The executions that were counted since the horizon of the count; older ones are counted without a row.
CREATE TABLE counted (
    execution TEXT PRIMARY KEY,
    closed_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX counted_by_time ON counted (closed_at);

-- Work that one process does for all, until a time.
CREATE TABLE leases (
    name   TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    until  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- How far a reader of something has come.
CREATE TABLE cursors (
    name     TEXT PRIMARY KEY,
    position INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
