-- Secrets, encrypted under a key that is not in the store.
CREATE TABLE secrets (
    name   TEXT PRIMARY KEY,
    key    TEXT NOT NULL, -- ID of the key
    data   BLOB NOT NULL, -- nonce and AES-256-GCM of the value, bound to the name
    author TEXT NOT NULL,
    set_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
