-- The delivery log, see internal/deliverylog. With SQLite it is a file of its own.
CREATE TABLE deliveries (
	id TEXT COLLATE "C" PRIMARY KEY,
	flow TEXT COLLATE "C" NOT NULL,
	version BIGINT NOT NULL,
	node TEXT COLLATE "C" NOT NULL,
	outcome TEXT COLLATE "C" NOT NULL,
	cause TEXT COLLATE "C" NOT NULL,
	status BIGINT NOT NULL,
	bytes BIGINT NOT NULL,
	duration BIGINT NOT NULL,
	run TEXT COLLATE "C" NOT NULL,
	duplicate BIGINT NOT NULL,
	replay_of TEXT COLLATE "C" NOT NULL,
	client TEXT COLLATE "C" NOT NULL,
	caller TEXT COLLATE "C" NOT NULL,
	signature TEXT COLLATE "C" NOT NULL,
	fields TEXT COLLATE "C" NOT NULL,
	omitted BIGINT NOT NULL,
	kept BIGINT NOT NULL,
	size BIGINT NOT NULL
);
CREATE INDEX deliveries_flow ON deliveries (flow, outcome, id);
CREATE INDEX deliveries_outcome ON deliveries (outcome, id);
CREATE INDEX deliveries_run ON deliveries (run, id) WHERE run <> '';

CREATE TABLE delivery_fields (
	flow TEXT COLLATE "C" NOT NULL,
	name TEXT COLLATE "C" NOT NULL,
	value TEXT COLLATE "C" NOT NULL,
	id TEXT COLLATE "C" NOT NULL,
	PRIMARY KEY (flow, name, value, id)
);

CREATE TABLE delivery_requests (
	id TEXT COLLATE "C" PRIMARY KEY,
	request BYTEA NOT NULL
);

-- How much the log has, in one row.
CREATE TABLE delivery_total (
	one BIGINT PRIMARY KEY CHECK (one = 1),
	records BIGINT NOT NULL,
	bytes BIGINT NOT NULL
);
INSERT INTO delivery_total (one, records, bytes) VALUES (1, 0, 0);
