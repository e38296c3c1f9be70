// Package access says who may do what on the admin address: roles, and the actor of a request. It keeps tokens, people,
// their sessions and invitations.
package access

import (
	"errors"
	"fmt"
	"slices"
)

// Role is what an actor may do. An operation of the API names the role that it needs. Roles are stored: never edit one.
type Role string

// The roles.
const (
	// Viewer sees flows, runs and, unless they are hidden, values.
	Viewer Role = "viewer"
	// Operator cancels, retries, replays and starts runs, and submits tasks on behalf of their assignees.
	Operator Role = "operator"
	// Editor writes drafts, publishes, enables and disables flows.
	Editor Role = "editor"
	// Admin manages people, tokens and secrets, and deletes.
	Admin Role = "admin"
	// Caller starts named flows and reads its own answers. It sees nothing else.
	Caller Role = "caller"
)

// Roles are all roles, each after those that it includes.
var Roles = []Role{Caller, Viewer, Operator, Editor, Admin}

// included is the table of rights: a role may do what the roles in its line may do.
var included = map[Role][]Role{
	Caller:   {Caller},
	Viewer:   {Viewer},
	Operator: {Caller, Viewer, Operator},
	Editor:   {Caller, Viewer, Operator, Editor},
	Admin:    {Caller, Viewer, Operator, Editor, Admin},
}

// summaries say what each role may do, for people.
var summaries = map[Role]string{
	Caller:   "starts named flows and reads its own answers",
	Viewer:   "sees flows, runs and values",
	Operator: "also cancels, retries, replays and starts runs, and acts on tasks for others",
	Editor:   "also writes drafts, publishes, enables and disables flows",
	Admin:    "also manages people, tokens and secrets, and deletes",
}

// Includes reports whether the role may do what the needed role may do. An unknown role may do nothing.
func (r Role) Includes(needed Role) bool { return slices.Contains(included[r], needed) }

// Summary says in one line what the role may do.
func (r Role) Summary() string { return summaries[r] }

// ErrRole is wrapped by the error for a text that is not a role.
var ErrRole = errors.New("not a role")

// ParseRole returns the role with a name.
func ParseRole(text string) (Role, error) {
	if role := Role(text); slices.Contains(Roles, role) {
		return role, nil
	}
	return "", fmt.Errorf("%q is %w; use one of %v", shorten(text), ErrRole, Roles)
}

// shorten bounds what an error repeats of a text from outside.
func shorten(text string) string {
	const most = 80
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}
