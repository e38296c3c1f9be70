-- On SQLite the inbox is a file of its own.
SELECT 1;
