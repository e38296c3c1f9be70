package access

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// NewToken is the input for a token.
type NewToken struct {
	Name   string
	Role   Role
	Labels []string
	Flows  []string
	// Expires is zero for a token that does not expire.
	Expires time.Time
}

// CreateToken makes a token for the actor of the context, who must be an admin of the whole server. Secret is the text
// of the token, which is returned only this once.
func (s *Service) CreateToken(ctx context.Context, input NewToken) (token Token, secret string, err error) {
	if err := RequireEverywhere(ctx, Admin); err != nil {
		return Token{}, "", err
	}
	if err := checkName(input.Name); err != nil {
		return Token{}, "", err
	}
	if err := checkRights(input.Role, input.Labels, input.Flows); err != nil {
		return Token{}, "", err
	}
	now := s.Now()
	if !input.Expires.IsZero() && !input.Expires.After(now) {
		return Token{}, "", wrong("expires", "is in the past")
	}
	token = Token{ID: random(idLength), Name: input.Name, Role: input.Role, Labels: slices.Clone(input.Labels),
		Flows: slices.Clone(input.Flows), Created: now, CreatedBy: From(ctx).ID, Expires: input.Expires}
	secret = newToken(s.state.Server, token.ID)
	token.Hash = digest(secret)
	if err := s.Store.AddToken(ctx, token); err != nil {
		return Token{}, "", fmt.Errorf("token %q: %w", input.Name, err)
	}
	s.closed.Store(true)
	return token, secret, nil
}

// Tokens returns all tokens, the latest first.
func (s *Service) Tokens(ctx context.Context) ([]Token, error) {
	if err := RequireEverywhere(ctx, Admin); err != nil {
		return nil, err
	}
	return s.Store.Tokens(ctx)
}

// RevokeToken makes a token invalid at once, with its sessions.
func (s *Service) RevokeToken(ctx context.Context, id string) error {
	if err := RequireEverywhere(ctx, Admin); err != nil {
		return err
	}
	return s.Store.RevokeToken(ctx, id, s.Now())
}

// ByToken returns the actor of a request that shows a token, which is one of this server's or --admin-token. Its error
// is one of the errors for tokens, or that of a store that does not answer. What it compares with a secret takes the
// same time for each text.
func (s *Service) ByToken(ctx context.Context, text string) (Actor, error) {
	if s.isAdminToken(text) {
		return adminActor(), nil
	}
	id, err := readToken(s.state.Server, text)
	if err != nil {
		return Actor{}, err
	}
	token, err := s.Store.Token(ctx, id)
	switch {
	case missing(err):
		return Actor{}, ErrUnknownToken
	case err != nil:
		return Actor{}, err
	case !matches(token.Hash, text):
		return Actor{}, ErrUnknownToken
	}
	now := s.Now()
	if err := token.valid(now); err != nil {
		return Actor{}, err
	}
	if now.Sub(token.Used) >= useStep {
		if err := s.Store.UseToken(ctx, id, now); err != nil {
			s.Logger.WarnContext(ctx, "the last use of a token could not be recorded", "token", id, "error", err)
		}
	}
	return s.shown(token.actor()), nil
}

func (t Token) valid(now time.Time) error {
	switch {
	case !t.Revoked.IsZero():
		return ErrRevoked
	case !t.Expires.IsZero() && !now.Before(t.Expires):
		return ErrExpired
	}
	return nil
}
