// Package payloads keeps values that are too large for Temporal's histories. The SDK passes each payload above a
// threshold to this package, and writes a claim into the history in its place (Temporal's external storage). Objects
// are kept in a directory or in the SQL store. One Driver serves both, and a Sweeper deletes objects that no history
// can refer to any more.
//
// # Objects
//
// An object is one payload in the form of the data converter (compressed if that helps). It belongs to an owner: the
// workflow ID that the SDK names when it stores. Its name is the hour of storing and the SHA-256 of its bytes. So an
// object is verified when it is read, and storing the same bytes again within an hour gives the same object. A new
// claim never names an object that a sweep may be deleting, because a sweep deletes only objects with an old hour in
// the name.
//
// A claim comes from a history, which a stranger may have written. It is parsed strictly, and no unparsed part of it is
// used as a path.
package payloads

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// MaxObject bounds one object, in bytes. It is far above every limit of a flow.
const MaxObject = 64 << 20

// Objects keeps objects of one Temporal namespace. It is safe for concurrent use, by several processes too.
type Objects interface {
	// Put stores data under owner and name, and records the owner's workflow ID. When it returns nil, the object
	// survives a power cut. An existing object of that name has the same data and may be overwritten.
	Put(ctx context.Context, owner, workflow, name string, data []byte) error
	// Get returns an object. The error wraps fs.ErrNotExist if there is none. An object of more than MaxObject is an
	// error.
	Get(ctx context.Context, owner, name string) ([]byte, error)
	// Owners returns at most limit owners that sort after the given one; "" sorts before all.
	Owners(ctx context.Context, after string, limit int) ([]string, error)
	// Owner returns the workflow ID of an owner and that of its root; each is empty if it is not known.
	Owner(ctx context.Context, owner string) (workflow, root string, err error)
	// SetRoot records the workflow ID of the root of an owner's executions.
	SetRoot(ctx context.Context, owner, root string) error
	// Names lists the objects of an owner.
	Names(ctx context.Context, owner string) ([]string, error)
	// Delete deletes objects and returns their total size in bytes. An owner without objects is removed. Missing
	// objects are no error.
	Delete(ctx context.Context, owner string, names []string) (bytes int64, err error)
	// String names the place of the objects in messages.
	String() string
}

// OwnerOf returns the owner of the objects of a workflow ID: 128 bits of its SHA-256, in hexadecimal.
func OwnerOf(workflow string) string {
	sum := sha256.Sum256([]byte(workflow))
	return hex.EncodeToString(sum[:16])
}

// NameOf returns the name of an object.
func NameOf(data []byte, stored time.Time) string {
	sum := sha256.Sum256(data)
	return strconv.FormatInt(hour(stored), 10) + "-" + hex.EncodeToString(sum[:])
}

// StoredBefore reports whether the object of that name was certainly stored before t. It is false for an invalid name.
func StoredBefore(name string, t time.Time) bool {
	return nameExp.MatchString(name) && hour(storedAt(name)) < hour(t)
}

// storedAt returns the beginning of the hour in which the object of that name was stored.
func storedAt(name string) time.Time {
	text, _, _ := strings.Cut(name, "-")
	hours, _ := strconv.ParseInt(text, 10, 64)
	return time.Unix(hours*3600, 0)
}

func hour(t time.Time) int64 { return t.Unix() / 3600 }

var (
	ownerExp = regexp.MustCompile(`^[0-9a-f]{32}$`)
	nameExp  = regexp.MustCompile(`^[0-9]{1,10}-[0-9a-f]{64}$`)
)

// key returns the claim of an object: "<owner>/<name>".
func key(owner, name string) string { return owner + "/" + name }

// parseKey parses the result of key, and refuses everything else.
func parseKey(text string) (owner, name string, err error) {
	owner, name, _ = strings.Cut(text, "/")
	if !ownerExp.MatchString(owner) || !nameExp.MatchString(name) {
		return "", "", fmt.Errorf("the claim %.120q is none of Everhook's", text)
	}
	return owner, name, nil
}

// verify checks data against the hash in its name.
func verify(name string, data []byte) error {
	sum := sha256.Sum256(data)
	if _, digest, _ := strings.Cut(name, "-"); digest != hex.EncodeToString(sum[:]) {
		return fmt.Errorf("it is damaged: its %d bytes are not those that were stored; restore it from a backup",
			len(data))
	}
	return nil
}
