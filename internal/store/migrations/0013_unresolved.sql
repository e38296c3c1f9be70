-- Runs that did not resolve, of which a flow is still to be told. A row is added when the run is counted.
CREATE TABLE unresolved (
    execution TEXT PRIMARY KEY,
    flow      TEXT NOT NULL,
    run       TEXT NOT NULL,
    version   INTEGER NOT NULL,
    status    TEXT NOT NULL,
    closed_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX unresolved_by_time ON unresolved (closed_at);
