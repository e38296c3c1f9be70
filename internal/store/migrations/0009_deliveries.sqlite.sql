-- On SQLite the delivery log is a file of its own.
SELECT 1;
