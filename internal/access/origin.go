package access

import "context"

type addressKey struct{}

// WithAddress returns a context with the client address of a request, for the audit trail.
func WithAddress(ctx context.Context, address string) context.Context {
	return context.WithValue(ctx, addressKey{}, address)
}

// Address returns the client address of a request; empty for what the process does on its own.
func Address(ctx context.Context) string {
	address, _ := ctx.Value(addressKey{}).(string)
	return address
}

// Author returns the actor of a context; without one, the server itself.
func Author(ctx context.Context) Actor {
	if actor := From(ctx); actor.ID != "" {
		return actor
	}
	return System
}
