package expression

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/strict"
)

// Environment describes the names that can exist at one place of a flow. It may be shared, and is immutable.
type Environment struct {
	// Roots are the names that an expression starts from: trigger, nodes, system and so on.
	Roots map[string]*Shape
	// Hidden are roots that exist elsewhere, each with the reason ("it exists only inside a loop").
	Hidden map[string]string
	// Secrets: a bare {{ secret.NAME }} is allowed, as in templates of kinds with effects.
	Secrets bool
}

// References are the names that a program or field uses, each list sorted and without duplicates.
type References struct {
	// Env and Secrets are the names below env and secret.
	Env, Secrets []string
	// Nodes are node keys that appear below nodes, errors or loops.
	Nodes []string
	// Resume are the node keys that resumeUrl is called with.
	Resume []string
	// Trigger is set if the root trigger is used.
	Trigger bool
}

// Add adds other names. Call Sort afterwards.
func (r *References) Add(other References) {
	r.Env = append(r.Env, other.Env...)
	r.Secrets = append(r.Secrets, other.Secrets...)
	r.Nodes = append(r.Nodes, other.Nodes...)
	r.Resume = append(r.Resume, other.Resume...)
	r.Trigger = r.Trigger || other.Trigger
}

// Sort sorts each list and drops duplicates.
func (r *References) Sort() {
	for _, names := range []*[]string{&r.Env, &r.Secrets, &r.Nodes, &r.Resume} {
		slices.Sort(*names)
		*names = slices.Compact(*names)
	}
}

var secretName = regexp.MustCompile(`^[A-Z_][A-Z0-9_]{0,127}$`)

// IsSecretName reports whether name can be the name of a secret: A-Z, 0-9 and _, not starting with a digit, at most 128
// characters.
func IsSecretName(name string) bool { return secretName.MatchString(name) }

// named are the roots that have a member for each node, setting or loop: only their members are values.
var named = map[string]string{
	"nodes": "nodes.<key>", "errors": "errors.<key>", "loops": "loops.<key>", "env": "env.<NAME>",
}

// root looks up a root. The error has no position.
func (e *Environment) root(name string) (*Shape, *Error) {
	if shape, ok := e.Roots[name]; ok {
		return shape, nil
	}
	switch name {
	case "$env":
		return nil, &Error{Message: "`$env` is not available", Fix: "name what you need, for example `trigger.body`"}
	case "secret":
		return nil, secretError(e.Secrets)
	}
	if reason, ok := e.Hidden[name]; ok {
		return nil, &Error{Message: fmt.Sprintf("`%s` is not available here: %s", name, reason)}
	}
	known := everhook.SortedKeys(e.Roots)
	if _, ok := functionIndex[name]; ok {
		return nil, &Error{Message: fmt.Sprintf("`%s` is a function", name),
			Fix: fmt.Sprintf("call it: `%s`", functionIndex[name].Signature)}
	}
	fix := strict.Suggest(name, known)
	if constant, ok := foreignNames[strings.ToLower(name)]; ok {
		fix = fmt.Sprintf("write `%s`", constant)
	}
	return nil, &Error{Message: fmt.Sprintf("unknown name `%s`", name), Fix: fix}
}

func secretError(allowed bool) *Error {
	if !allowed {
		return &Error{
			Message: "a secret is not available here",
			Fix:     "secrets stand only in templates of kinds with effects, as a bare `{{ secret.NAME }}`",
		}
	}
	return &Error{
		Message: "a secret cannot be part of an expression",
		Fix:     "write a bare `{{ secret.NAME }}` between the text; for credentials use `auth`",
	}
}
