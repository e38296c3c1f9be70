-- Requests with a key of their caller, so that a repeated request changes nothing twice.
CREATE TABLE requests (
    actor  TEXT NOT NULL,
    key    TEXT NOT NULL,
    digest TEXT NOT NULL,    -- of what is asked for
    state  TEXT NOT NULL,    -- begun, changed, answered
    until  INTEGER NOT NULL, -- begun or changed: the request has ended by then, with or without an answer
    at     INTEGER NOT NULL,
    answer TEXT NOT NULL,    -- JSON; empty before there is one
    PRIMARY KEY (actor, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX requests_by_time ON requests (at);
