-- The state of rights: one row.
CREATE TABLE access (
    one       INTEGER PRIMARY KEY CHECK (one = 1),
    server    TEXT NOT NULL,   -- ID of the server in its tokens
    key       BLOB NOT NULL,   -- seals what browsers keep during a sign-in
    closed_at INTEGER NOT NULL -- microseconds since 1970 UTC; 0: may still be open
) STRICT;

-- Tokens of programs, without their secrets. A revoked token stays.
CREATE TABLE tokens (
    id         TEXT PRIMARY KEY,
    hash       BLOB NOT NULL,
    name       TEXT NOT NULL,
    role       TEXT NOT NULL,
    labels     TEXT NOT NULL,    -- JSON
    flows      TEXT NOT NULL,    -- JSON
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    expires_at INTEGER NOT NULL, -- 0: never
    used_at    INTEGER NOT NULL, -- 0: not yet
    revoked_at INTEGER NOT NULL  -- 0: valid
) STRICT;
CREATE UNIQUE INDEX token_names ON tokens (name) WHERE revoked_at = 0;

CREATE TABLE people (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL,
    email      TEXT NOT NULL,
    subject    TEXT NOT NULL,    -- at an OIDC provider; empty for others
    role       TEXT NOT NULL,
    labels     TEXT NOT NULL,    -- JSON
    password   TEXT NOT NULL,    -- argon2id; empty for none
    disabled   INTEGER NOT NULL, -- 0 or 1
    created_at INTEGER NOT NULL,
    joined_at  INTEGER NOT NULL, -- 0: invited
    seen_at    INTEGER NOT NULL  -- 0: never
) STRICT;
CREATE UNIQUE INDEX people_emails ON people (email) WHERE subject = '';
CREATE UNIQUE INDEX people_subjects ON people (subject) WHERE subject <> '';

CREATE TABLE passkeys (
    id         BLOB PRIMARY KEY,
    person     TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
    credential TEXT NOT NULL,   -- JSON
    created_at INTEGER NOT NULL,
    used_at    INTEGER NOT NULL -- 0: not yet
) STRICT;
CREATE INDEX passkeys_of_people ON passkeys (person);

-- Sign-ins of browsers.
CREATE TABLE sessions (
    id         TEXT PRIMARY KEY,
    hash       BLOB NOT NULL UNIQUE,
    actor      TEXT NOT NULL,
    method     TEXT NOT NULL,
    address    TEXT NOT NULL,
    agent      TEXT NOT NULL,
    bound      TEXT NOT NULL,
    proof      TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    used_at    INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    ended_at   INTEGER NOT NULL -- 0: not ended
) STRICT;
CREATE INDEX sessions_of_actors ON sessions (actor);
CREATE INDEX sessions_ends ON sessions (expires_at);
CREATE UNIQUE INDEX sessions_proofs ON sessions (proof) WHERE proof <> '';

-- Valid invitations: a used one is deleted.
CREATE TABLE invitations (
    id         TEXT PRIMARY KEY,
    hash       BLOB NOT NULL UNIQUE,
    person     TEXT NOT NULL,   -- empty: the first person
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
