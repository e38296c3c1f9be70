-- Rows that wait. AUTOINCREMENT: an ID is never used again, so IDs order rows by their acceptance.
CREATE TABLE inbox (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	flow TEXT NOT NULL,
	version INTEGER NOT NULL,
	hash TEXT NOT NULL,
	run TEXT NOT NULL,
	delivery TEXT NOT NULL,
	-- 1 if the run has a claim.
	claimed INTEGER NOT NULL,
	received_at INTEGER NOT NULL,
	trace TEXT NOT NULL,
	bytes INTEGER NOT NULL,
	input BLOB NOT NULL
) STRICT;
CREATE INDEX inbox_flow ON inbox (flow, id);
CREATE INDEX inbox_run ON inbox (run);

CREATE TABLE dead (
	id INTEGER PRIMARY KEY,
	flow TEXT NOT NULL,
	version INTEGER NOT NULL,
	hash TEXT NOT NULL,
	run TEXT NOT NULL,
	delivery TEXT NOT NULL,
	claimed INTEGER NOT NULL,
	received_at INTEGER NOT NULL,
	trace TEXT NOT NULL,
	bytes INTEGER NOT NULL,
	input BLOB NOT NULL,
	dead_at INTEGER NOT NULL,
	reason TEXT NOT NULL
) STRICT;
CREATE INDEX dead_flow ON dead (flow, id);
CREATE INDEX dead_run ON dead (run);

CREATE TABLE claims (
	run TEXT PRIMARY KEY,
	delivery TEXT NOT NULL,
	digest TEXT NOT NULL,
	state INTEGER NOT NULL,
	expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX claims_expiry ON claims (expires);
