-- paused: 1 if the flow's deliveries are kept and not run.
ALTER TABLE flows ADD COLUMN paused INTEGER NOT NULL DEFAULT 0;
