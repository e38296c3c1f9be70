// Package accesstest has people and tokens in memory, for tests of what asks for them.
package accesstest

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/everhook/everhook/internal/access"
)

// Open returns a service that is open, as `everhook dev` is at first.
func Open() *access.Service { return New(access.Options{MayOpen: true}) }

// WithToken returns a service with an admin token.
func WithToken(token string) *access.Service { return New(access.Options{AdminToken: token}) }

// New returns a service on a store in memory.
func New(o access.Options) *access.Service {
	o.Store = &memory{tokens: map[string]access.Token{}, sessions: map[string]access.Session{}}
	s, err := access.New(context.Background(), o)
	if err != nil {
		panic(err) // the store never fails
	}
	return s
}

// As returns the text of a token with a role, limited to labels.
func As(s *access.Service, role access.Role, labels ...string) string {
	input := access.NewToken{Name: string(role) + " " + time.Now().String(), Role: role, Labels: labels}
	if role == access.Caller {
		input.Flows = []string{"orders"}
	}
	_, text, err := s.CreateToken(access.With(context.Background(), access.System), input)
	if err != nil {
		panic(err) // the input is right
	}
	return text
}

// memory is a store with tokens and sessions. Its other methods are nil.
type memory struct {
	access.Store
	mu       sync.Mutex
	state    access.State
	tokens   map[string]access.Token
	sessions map[string]access.Session
}

func (m *memory) AccessState(_ context.Context, proposed access.State) (access.State, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.state.Server == "" {
		m.state = proposed
	}
	return m.state, nil
}

func (m *memory) CloseAccess(context.Context, time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.state.Closed = true
	return nil
}

func (m *memory) AddToken(_ context.Context, token access.Token) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tokens[token.ID], m.state.Closed = token, true
	return nil
}

func (m *memory) Token(_ context.Context, id string) (access.Token, error) {
	return find(m, m.tokens, id)
}

func (m *memory) UseToken(_ context.Context, id string, at time.Time) error {
	return change(m, m.tokens, id, func(token *access.Token) { token.Used = at })
}

func (m *memory) RevokeToken(_ context.Context, id string, at time.Time) error {
	return change(m, m.tokens, id, func(token *access.Token) { token.Revoked = at })
}

func (m *memory) PersonByEmail(context.Context, string) (access.Person, error) {
	return access.Person{}, access.ErrNotFound
}

func (m *memory) AddSession(_ context.Context, session access.Session) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sessions[session.ID] = session
	return nil
}

func (m *memory) Session(_ context.Context, hash []byte) (access.Session, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, session := range m.sessions {
		if bytes.Equal(session.Hash, hash) {
			return session, nil
		}
	}
	return access.Session{}, access.ErrNotFound
}

func (m *memory) UseSession(_ context.Context, id string, at time.Time) error {
	return change(m, m.sessions, id, func(session *access.Session) { session.Used = at })
}

func (m *memory) Sessions(context.Context, string, time.Time) ([]access.Session, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Collect(maps.Values(m.sessions)), nil
}

func (m *memory) EndSession(_ context.Context, id string, at time.Time) error {
	return change(m, m.sessions, id, func(session *access.Session) { session.Ended = at })
}

func find[T any](m *memory, in map[string]T, id string) (T, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	found, ok := in[id]
	if !ok {
		return found, access.ErrNotFound
	}
	return found, nil
}

func change[T any](m *memory, in map[string]T, id string, change func(*T)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	found, ok := in[id]
	if !ok {
		return access.ErrNotFound
	}
	change(&found)
	in[id] = found
	return nil
}
