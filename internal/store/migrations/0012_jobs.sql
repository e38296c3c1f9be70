-- Actions on many runs. Each is worked on by one process, whose lease ends if the process does.
CREATE TABLE jobs (
    id         TEXT PRIMARY KEY,
    request    TEXT NOT NULL,    -- JSON: what to do, and as which actor
    progress   TEXT NOT NULL,    -- JSON
    started_at INTEGER NOT NULL,
    ended_at   INTEGER NOT NULL, -- 0: not yet
    holder     TEXT NOT NULL,    -- the process that works on it, until that time
    until      INTEGER NOT NULL,
    takeovers  INTEGER NOT NULL  -- how often another process went on with it
) STRICT, WITHOUT ROWID;
CREATE INDEX jobs_by_end ON jobs (ended_at);
