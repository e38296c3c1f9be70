-- Whose the large payloads are: an owner stands for a workflow ID of a Temporal namespace.
CREATE TABLE payload_owners (
    namespace TEXT NOT NULL, -- the namespace's ID
    owner     TEXT NOT NULL,
    workflow  TEXT NOT NULL,
    root      TEXT NOT NULL, -- workflow ID of the root of its executions; empty: not known
    PRIMARY KEY (namespace, owner)
) STRICT, WITHOUT ROWID;

CREATE TABLE payloads (
    namespace TEXT NOT NULL,
    owner     TEXT NOT NULL,
    name      TEXT NOT NULL,
    data      BLOB NOT NULL,
    PRIMARY KEY (namespace, owner, name),
    FOREIGN KEY (namespace, owner) REFERENCES payload_owners (namespace, owner)
) STRICT;
