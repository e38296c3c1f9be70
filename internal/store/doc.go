// Package store keeps all data that is not derived: flows, versions, and what the other tables hold. It has two
// engines, SQLite in the data directory and PostgreSQL for many replicas, with the same tables and the same tests. A
// write is durable when its method returns.
//
// # How to add a table
//
//  1. Add migrations/NNNN_NAME.sql with the next number. Write it for SQLite; [forPostgres] translates INTEGER, BLOB,
//     TEXT and the options of a table. Times are INTEGER in microseconds ([moment]), booleans INTEGER 0 and 1 ([flag]),
//     and documents TEXT. Bytes of strangers are BLOB: a TEXT of PostgreSQL takes neither NUL nor invalid UTF-8, so
//     both are replaced there. If the engines need different statements (a trigger), write NNNN_NAME.sqlite.sql and
//     NNNN_NAME.postgres.sql. A released step is never edited, and only adds: an older replica may still be running.
//  2. Add NAME.go with the statements and methods of *Store. Statements are written once, with ? for parameters. Both
//     engines know ON CONFLICT, RETURNING, common table expressions and window functions. Sums and counts are
//     CAST(… AS INTEGER) or count(*), because PostgreSQL's sum of integers is a decimal.
//  3. Read with [collect] and [one]. Write with [Store.change], which runs one transaction. SQLite has one writer at a
//     time. On PostgreSQL transactions of several processes interleave (READ COMMITTED), so a row that is read in order
//     to be changed is read with tx.forUpdate(query). [Store.changeFlows] is for changes to flows: they wait for each
//     other on both engines, and wake the receivers.
//  4. A change that a person or a token makes is recorded with tx.record in the same transaction.
//  5. Test with storetest.Each: it runs a test on both engines.
package store
