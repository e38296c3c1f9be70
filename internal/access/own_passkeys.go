package access

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
)

// maxPasskeys bounds the passkeys of a person.
const maxPasskeys = 20

// ErrNoOwnPasskeys is for an actor who cannot have passkeys: a program, and a person of an OIDC provider, who would
// stay in after the provider has let the person go.
var ErrNoOwnPasskeys = errors.New("only people who sign in here have passkeys, not programs and people of a provider")

// Name is the text by which a person names a passkey to be removed.
func (p Passkey) Name() string { return base64.RawURLEncoding.EncodeToString(p.ID) }

// Account is what people see of how they sign in.
type Account struct {
	Person   Person
	Passkeys []Passkey
	// MayAdd is set if the person may have passkeys.
	MayAdd bool
}

// Account returns the account of the person of the context. Other actors have none: the error is ErrNoOwnPasskeys.
func (s *Service) Account(ctx context.Context) (Account, error) {
	own, err := s.own(ctx)
	return Account{own.person, own.passkeys, err == nil && !own.person.Provider}, err
}

// own is the person of the context with the passkeys.
func (s *Service) own(ctx context.Context) (*keyed, error) {
	actor := From(ctx)
	if actor.Kind != KindPerson {
		return &keyed{}, ErrNoOwnPasskeys
	}
	return s.keyed(ctx, actor.ID[len("person:"):])
}

// ownWithPasskeys is own for a person who may have passkeys.
func (s *Service) ownWithPasskeys(ctx context.Context) (*keyed, error) {
	own, err := s.own(ctx)
	if err == nil && own.person.Provider {
		err = ErrNoOwnPasskeys
	}
	return own, err
}

// BeginOwnPasskey returns the options for the browser of the person of the context to make one more passkey, as JSON,
// and what the browser must send back sealed.
func (s *Service) BeginOwnPasskey(ctx context.Context, origin string) (options []byte, sealed string, err error) {
	party, err := s.relyingParty(origin)
	if err != nil {
		return nil, "", err
	}
	own, err := s.ownWithPasskeys(ctx)
	if err != nil {
		return nil, "", err
	}
	known := webauthn.Credentials(own.WebAuthnCredentials()).CredentialDescriptors()
	creation, session, err := party.BeginRegistration(own, webauthn.WithExclusions(known))
	if err != nil {
		return nil, "", err
	}
	return s.begin(creation, ceremony{Session: *session, ID: own.person.ID, Secret: sessionSecret(ctx)})
}

// sessionSecret ties a ceremony to the session in which it began.
func sessionSecret(ctx context.Context) []byte { return digest("session\x00" + From(ctx).Session) }

// AddOwnPasskey adds the browser's new passkey to those of the person of the context. Response is the browser's, as
// JSON. What the person signs in with otherwise stays.
func (s *Service) AddOwnPasskey(ctx context.Context, origin, sealed string, response []byte) error {
	party, err := s.relyingParty(origin)
	if err != nil {
		return err
	}
	own, err := s.ownWithPasskeys(ctx)
	if err != nil {
		return err
	}
	c, ok := s.unseal(sealed)
	if !ok || c.ID != own.person.ID || !bytes.Equal(c.Secret, sessionSecret(ctx)) {
		return ErrPasskey
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(response)
	if err != nil {
		return fmt.Errorf("%w (%w)", ErrPasskey, err)
	}
	credential, err := party.CreateCredential(own, c.Session, parsed)
	if err != nil {
		return fmt.Errorf("%w (%w)", ErrPasskey, err)
	}
	data, err := json.Marshal(credential)
	if err != nil {
		return err
	}
	return s.Store.ChangePasskeys(ctx, own.person.ID, func(all []Passkey) ([]Passkey, error) {
		if len(all) >= maxPasskeys {
			return nil, wrong("passkey", "there are %d already; remove one first", len(all))
		}
		return append(all, Passkey{ID: credential.ID, Person: own.person.ID, Credential: data, Created: s.Now()}), nil
	})
}

// RemoveOwnPasskey removes a passkey of the person of the context, who must be able to sign in without it.
func (s *Service) RemoveOwnPasskey(ctx context.Context, name string) error {
	own, err := s.own(ctx)
	if err != nil {
		return err
	}
	return s.Store.ChangePasskeys(ctx, own.person.ID, func(all []Passkey) ([]Passkey, error) {
		var rest []Passkey
		for _, passkey := range all {
			if passkey.Name() != name {
				rest = append(rest, passkey)
			}
		}
		switch {
		case len(rest) == len(all):
			return nil, fmt.Errorf("passkey %s: %w", shorten(name), ErrNotFound)
		case len(rest) == 0 && own.person.Password == "":
			return nil, wrong("passkey", "it is your only way to sign in; add another one first")
		}
		return rest, nil
	})
}
