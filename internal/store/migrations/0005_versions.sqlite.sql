-- A version also has the text as it was written, with its hash: two texts of one definition are two versions.
CREATE TABLE new_versions (
    flow       TEXT NOT NULL REFERENCES flows (key) ON DELETE CASCADE,
    number     INTEGER NOT NULL CHECK (number > 0),
    hash       TEXT NOT NULL,
    title      TEXT NOT NULL,
    mode       TEXT NOT NULL,
    definition TEXT NOT NULL, -- JSON
    source     TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    text       TEXT NOT NULL DEFAULT '', -- empty: not known
    text_hash  TEXT NOT NULL DEFAULT '',
    author     TEXT NOT NULL DEFAULT '',
    note       TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (flow, number),
    UNIQUE (flow, hash, text_hash)
) STRICT;
INSERT INTO new_versions (flow, number, hash, title, mode, definition, source, created_at)
    SELECT flow, number, hash, title, mode, definition, source, created_at FROM versions;
DROP TABLE versions;
ALTER TABLE new_versions RENAME TO versions;

-- A text that was not known may become known.
CREATE TRIGGER versions_never_change BEFORE UPDATE ON versions
WHEN OLD.text <> '' OR OLD.flow <> NEW.flow OR OLD.number <> NEW.number OR OLD.hash <> NEW.hash
    OR OLD.title <> NEW.title OR OLD.mode <> NEW.mode OR OLD.definition <> NEW.definition
    OR OLD.source <> NEW.source OR OLD.created_at <> NEW.created_at OR OLD.author <> NEW.author
    OR OLD.note <> NEW.note
BEGIN
    SELECT RAISE(ABORT, 'a version never changes');
END;

CREATE TRIGGER audit_never_changes BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit trail never changes');
END;
