CREATE TABLE deliveries (
	id TEXT PRIMARY KEY,
	flow TEXT NOT NULL,
	version INTEGER NOT NULL,
	node TEXT NOT NULL,
	outcome TEXT NOT NULL,
	cause TEXT NOT NULL,
	status INTEGER NOT NULL,
	bytes INTEGER NOT NULL,
	duration INTEGER NOT NULL,
	run TEXT NOT NULL,
	duplicate INTEGER NOT NULL,
	replay_of TEXT NOT NULL,
	client TEXT NOT NULL,
	caller TEXT NOT NULL,
	signature TEXT NOT NULL,
	fields TEXT NOT NULL,
	omitted INTEGER NOT NULL,
	kept INTEGER NOT NULL,
	size INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX deliveries_flow ON deliveries (flow, outcome, id);
CREATE INDEX deliveries_outcome ON deliveries (outcome, id);
CREATE INDEX deliveries_run ON deliveries (run, id) WHERE run <> '';

CREATE TABLE delivery_fields (
	flow TEXT NOT NULL,
	name TEXT NOT NULL,
	value TEXT NOT NULL,
	id TEXT NOT NULL,
	PRIMARY KEY (flow, name, value, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE delivery_requests (
	id TEXT PRIMARY KEY,
	request BLOB NOT NULL
) STRICT;

-- How much the log has, in one row.
CREATE TABLE delivery_total (
	one INTEGER PRIMARY KEY CHECK (one = 1),
	records INTEGER NOT NULL,
	bytes INTEGER NOT NULL
) STRICT;
INSERT INTO delivery_total (one, records, bytes) VALUES (1, 0, 0);
