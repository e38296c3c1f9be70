// Package payloads keeps values that are too large for Temporal's histories. The SDK hands over each payload above a
// threshold and writes a claim into the history in its place (Temporal's external storage). Two stores can keep them, a
// directory and the SQL store. One Driver serves both, and a Sweeper deletes objects that no history can refer to any
// more.
//
// # Objects
//
// An object is one payload in the form of the data converter (compressed if that helps). It belongs to an owner: the
// workflow ID that the SDK names when it stores. Its name is the hour of storing and the SHA-256 of its bytes. So an
// object is verified when it is read, storing the same bytes again within an hour gives the same object, and a new
// claim never names an object that a sweep may be looking at: a sweep deletes by the hour in the name, and only old
// ones.
//
// A claim comes from a history, which a stranger may have written. It is parsed strictly, and no part of it is used as
// a path unparsed.
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

// MaxObject bounds one object, in bytes; far more than any limit of a flow.
const MaxObject = 64 << 20

// Objects keeps objects of one Temporal namespace. It is safe for concurrent use, by several processes too.
type Objects interface {
	// Put keeps data under owner and name, and records the owner's workflow ID. When it returns nil, the object
	// survives a power cut. Data that exists under that name already is the same and may be written again.
	Put(ctx context.Context, owner, workflow, name string, data []byte) error
	// Get gives an object. fs.ErrNotExist is in the error when there is none, and an object of more than MaxObject is
	// an error.
	Get(ctx context.Context, owner, name string) ([]byte, error)
	// Owners gives at most limit owners that come after one, in order; "" is before all.
	Owners(ctx context.Context, after string, limit int) ([]string, error)
	// Owner gives the workflow ID of an owner and its root's, each empty if it is not known.
	Owner(ctx context.Context, owner string) (workflow, root string, err error)
	// SetRoot remembers the workflow ID of the root of an owner's executions.
	SetRoot(ctx context.Context, owner, root string) error
	// Names lists the objects of an owner.
	Names(ctx context.Context, owner string) ([]string, error)
	// Delete deletes objects and gives how many bytes they had; an owner without objects is forgotten. What is not
	// there is no error.
	Delete(ctx context.Context, owner string, names []string) (bytes int64, err error)
	// String says where the objects are, for a person.
	String() string
}

// OwnerOf is the owner of the objects of a workflow ID: 128 bits of its SHA-256, in hexadecimal.
func OwnerOf(workflow string) string {
	sum := sha256.Sum256([]byte(workflow))
	return hex.EncodeToString(sum[:16])
}

// NameOf is the name of an object.
func NameOf(data []byte, stored time.Time) string {
	sum := sha256.Sum256(data)
	return strconv.FormatInt(hour(stored), 10) + "-" + hex.EncodeToString(sum[:])
}

// StoredBefore reports whether the object of that name was stored before t for sure. A name that is none was not.
func StoredBefore(name string, t time.Time) bool {
	return nameExp.MatchString(name) && hour(storedAt(name)) < hour(t)
}

// storedAt is the beginning of the hour in which the object of that name was stored.
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

// key is the claim of an object as one text: "<owner>/<name>".
func key(owner, name string) string { return owner + "/" + name }

// parseKey reads what key makes, and refuses everything else.
func parseKey(text string) (owner, name string, err error) {
	owner, name, _ = strings.Cut(text, "/")
	if !ownerExp.MatchString(owner) || !nameExp.MatchString(name) {
		return "", "", fmt.Errorf("the claim %.120q is none of Everhook's", text)
	}
	return owner, name, nil
}

// verify checks that data is what its name promises.
func verify(name string, data []byte) error {
	sum := sha256.Sum256(data)
	if _, digest, _ := strings.Cut(name, "-"); digest != hex.EncodeToString(sum[:]) {
		return fmt.Errorf("it is damaged: its %d bytes are not those that were stored; restore it from a backup",
			len(data))
	}
	return nil
}
