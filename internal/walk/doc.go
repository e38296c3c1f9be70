// Package walk has tests that use the console in Chromium as a person does, against a whole server.
package walk
