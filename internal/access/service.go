package access

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/gorilla/securecookie"
)

// Options configure a Service. Store is required.
type Options struct {
	Store Store
	// AdminToken is the token of the first admin, which is configured and not stored. Empty for none.
	AdminToken string
	// MayOpen lets requests without a session or a token act as Local, until there is something to sign in with. It is
	// for `everhook dev` on a loopback address.
	MayOpen bool
	// AdminURL is the configured base of the pages for people, https://HOST; empty for none.
	AdminURL string
	// HideValues hides values of runs from viewers.
	HideValues bool
	// Provider signs people in by OIDC. Nil for none.
	Provider *Provider
	// Logger logs what is refused. Nil means no log.
	Logger *slog.Logger
	// Now is the clock. Nil: the machine's.
	Now func() time.Time
}

// Service decides who the actor of a request is, and changes tokens, people, sessions and invitations. It keeps nothing
// in memory that another process could change: a right that was taken away is gone at once.
type Service struct {
	Options
	state  State
	sealed *securecookie.SecureCookie
	// closed is set once the store said so: it never opens again.
	closed atomic.Bool
}

// useStep is how coarse the times of last uses are: each costs a write.
const useStep = time.Minute

// New returns the service of a process. What is configured to sign in with closes an open server for ever.
func New(ctx context.Context, o Options) (*Service, error) {
	o.Logger = cmp.Or(o.Logger, slog.New(slog.DiscardHandler))
	if o.Now == nil {
		o.Now = time.Now
	}
	key := make([]byte, 64)
	_, _ = rand.Read(key) // it never fails
	state, err := o.Store.AccessState(ctx, State{Server: random(serverLength), Key: key})
	if err != nil {
		return nil, fmt.Errorf("the state of rights: %w", err)
	}
	s := &Service{Options: o, state: state}
	s.sealed = securecookie.New(state.Key[:32], state.Key[32:]).MaxAge(int(ceremonyTime.Seconds()))
	s.closed.Store(state.Closed)
	if !state.Closed && (o.AdminToken != "" || o.AdminURL != "" || o.Provider != nil) {
		if err := o.Store.CloseAccess(With(ctx, System), o.Now()); err != nil {
			return nil, fmt.Errorf("close the open server: %w", err)
		}
		s.closed.Store(true)
	}
	return s, nil
}

// IsOpen reports whether a request without a session or a token acts as Local.
func (s *Service) IsOpen(ctx context.Context) (bool, error) {
	if !s.MayOpen || s.closed.Load() {
		return false, nil
	}
	state, err := s.Store.AccessState(ctx, s.state)
	if err != nil {
		return false, err
	}
	if state.Closed {
		s.closed.Store(true)
	}
	return !state.Closed, nil
}

// adminActor is the actor with --admin-token.
func adminActor() Actor {
	return Actor{ID: "token:admin", Kind: KindToken, Name: "admin token", Role: Admin}
}

// isAdminToken compares digests, so that its duration reveals nothing about the token or its length.
func (s *Service) isAdminToken(text string) bool {
	return subtle.ConstantTimeCompare(digest(s.AdminToken), digest(text)) == 1 && s.AdminToken != ""
}

// adminBound is the digest that ties sessions to --admin-token.
func (s *Service) adminBound() string {
	return hex.EncodeToString(digest("everhook session of the admin token\x00" + s.AdminToken))
}

// shown finishes an actor.
func (s *Service) shown(actor Actor) Actor {
	actor.ValuesHidden = s.HideValues && !actor.May(Operator)
	return actor
}

// missing reports whether an error says that a row does not exist.
func missing(err error) bool { return errors.Is(err, ErrNotFound) }
