// Package style checks the text of this repository: the length of lines and of the names of tests, and plain words in
// comments and documents.
package style
