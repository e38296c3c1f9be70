package access

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Kind is what an actor is.
type Kind string

// The kinds of actors. They are stored in the audit trail: never edit one.
const (
	// KindPerson is a person with a session.
	KindPerson Kind = "person"
	// KindToken is a program with a token, or --admin-token.
	KindToken Kind = "token"
	// KindLocal is an unnamed person on this machine, while `everhook dev` is open.
	KindLocal Kind = "local"
	// KindSystem is the server itself, for example when it applies flow files.
	KindSystem Kind = "system"
)

// Actor is the author of a request. The zero Actor may do nothing.
type Actor struct {
	// ID names the actor in the audit trail: "person:ID", "token:ID", "token:admin", "local" or "system".
	ID   string
	Kind Kind
	// Name is for people: the name of the person or of the token.
	Name string
	Role Role
	// Labels limit the actor to flows with at least one of these labels. Empty: all flows.
	Labels []string
	// Flows are the keys of the flows that a Caller may start. Other roles have none.
	Flows []string
	// Session is the ID of the actor's session; empty without one. Streams end with it.
	Session string
	// ValuesHidden is set if the actor must not see values of runs.
	ValuesHidden bool
}

// Local is the actor while the server is open.
var Local = Actor{ID: "local", Kind: KindLocal, Name: "local", Role: Admin}

// System is the server itself.
var System = Actor{ID: "system", Kind: KindSystem, Name: "Everhook", Role: Admin}

// Limited reports whether there may be flows that the actor does not see.
func (a Actor) Limited() bool { return len(a.Labels) > 0 || a.Role == Caller }

// May reports whether the actor has a role for some flow, or for what belongs to no flow. What belongs to a flow also
// needs MayWith, and what concerns the whole server MayEverywhere.
func (a Actor) May(needed Role) bool { return a.Role.Includes(needed) }

// MayEverywhere reports whether the actor has a role without a limit to some flows. People, tokens, the audit trail and
// Temporal's UI need it.
func (a Actor) MayEverywhere(needed Role) bool { return a.May(needed) && !a.Limited() }

// MayWith reports whether the actor has a role for a flow, which has a key and labels.
func (a Actor) MayWith(needed Role, flow string, labels []string) bool {
	switch {
	case !a.May(needed):
		return false
	case a.Role == Caller && !slices.Contains(a.Flows, flow):
		return false
	case len(a.Labels) == 0:
		return true
	default:
		return slices.ContainsFunc(labels, func(label string) bool { return slices.Contains(a.Labels, label) })
	}
}

// Sees reports whether the actor may know that a flow exists.
func (a Actor) Sees(flow string, labels []string) bool {
	return a.MayWith(Viewer, flow, labels) || a.MayWith(Caller, flow, labels)
}

// Denied is the error for an actor who lacks a right. It says what is missing.
type Denied struct {
	Actor  Actor
	Needed Role
	// Everywhere is set if the role is needed without a limit to some flows.
	Everywhere bool
}

func (d *Denied) Error() string {
	switch {
	case d.Actor.May(d.Needed) && d.Everywhere && len(d.Actor.Labels) > 0:
		return fmt.Sprintf("this concerns the whole server; your rights are limited to flows labelled %s",
			strings.Join(d.Actor.Labels, ", "))
	case d.Actor.Role == "":
		return fmt.Sprintf("this needs the role %s", d.Needed)
	default:
		return fmt.Sprintf("this needs the role %s; you have the role %s", d.Needed, d.Actor.Role)
	}
}

// Require returns a *Denied unless the actor of the context has a role, see Actor.May.
func Require(ctx context.Context, needed Role) error {
	if actor := From(ctx); !actor.May(needed) {
		return &Denied{Actor: actor, Needed: needed}
	}
	return nil
}

// RequireEverywhere returns a *Denied unless the actor of the context has a role for the whole server.
func RequireEverywhere(ctx context.Context, needed Role) error {
	if actor := From(ctx); !actor.MayEverywhere(needed) {
		return &Denied{Actor: actor, Needed: needed, Everywhere: true}
	}
	return nil
}

type actorKey struct{}

// With returns a context with an actor.
func With(ctx context.Context, actor Actor) context.Context {
	return context.WithValue(ctx, actorKey{}, actor)
}

// From returns the actor of a context; without one, the zero Actor, who may do nothing.
func From(ctx context.Context) Actor {
	actor, _ := ctx.Value(actorKey{}).(Actor)
	return actor
}
