package access

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
)

// ceremonyTime is how long a person may take for one sign-in or registration.
const ceremonyTime = 10 * time.Minute

// ErrPasskey is for a passkey that does not prove who the person is, for whatever reason.
var ErrPasskey = errors.New("this passkey is not known here, or it took too long; try again")

// ErrNoPasskeys is for an address on which browsers offer no passkeys.
var ErrNoPasskeys = errors.New("passkeys need https, or http://localhost")

// relyingParty returns the WebAuthn settings of pages with an origin. The domain of passkeys is that of the admin URL.
func (s *Service) relyingParty(origin string) (*webauthn.WebAuthn, error) {
	base, err := url.Parse(origin)
	if err != nil || !s.PasskeysAt(origin) {
		return nil, ErrNoPasskeys
	}
	enforced := webauthn.TimeoutConfig{Enforce: true, Timeout: ceremonyTime, TimeoutUVD: ceremonyTime}
	return webauthn.New(&webauthn.Config{RPID: base.Hostname(), RPDisplayName: "Everhook",
		RPOrigins: []string{origin},
		AuthenticatorSelection: protocol.AuthenticatorSelection{ResidentKey: protocol.ResidentKeyRequirementRequired,
			UserVerification: protocol.VerificationRequired},
		Timeouts: webauthn.TimeoutsConfig{Login: enforced, Registration: enforced}})
}

// PasskeysAt reports whether browsers offer passkeys on pages with an origin: a host name on https, or localhost. With
// an admin URL, it must be that one, because a passkey belongs to its domain.
func (s *Service) PasskeysAt(origin string) bool {
	base, err := url.Parse(origin)
	if err != nil || net.ParseIP(base.Hostname()) != nil || base.Hostname() == "" {
		return false
	}
	if s.AdminURL != "" && !sameOrigin(s.AdminURL, origin) {
		return false
	}
	return base.Scheme == "https" || base.Hostname() == "localhost"
}

func sameOrigin(a, b string) bool {
	one, err := url.Parse(a)
	if err != nil {
		return false
	}
	two, err := url.Parse(b)
	return err == nil && one.Scheme == two.Scheme && one.Host == two.Host
}

// keyed is a person for the library.
type keyed struct {
	person   Person
	passkeys []Passkey
}

var _ webauthn.User = (*keyed)(nil)

func (k *keyed) WebAuthnID() []byte          { return []byte(k.person.ID) }
func (k *keyed) WebAuthnName() string        { return k.person.Email }
func (k *keyed) WebAuthnDisplayName() string { return k.person.Name }

func (k *keyed) WebAuthnCredentials() []webauthn.Credential {
	var all []webauthn.Credential
	for _, passkey := range k.passkeys {
		var credential webauthn.Credential
		if json.Unmarshal(passkey.Credential, &credential) == nil {
			all = append(all, credential)
		}
	}
	return all
}

// ceremony is what the browser keeps sealed between the two requests of a registration or a sign-in.
type ceremony struct {
	Session webauthn.SessionData
	// ID, Name and Email are those of the person of a registration.
	ID, Name, Email string
	// Secret is the digest of the invitation of a registration; nil for a sign-in.
	Secret []byte
}

const sealName = "passkey"

func (s *Service) seal(c ceremony) (string, error) {
	data, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	return s.sealed.Encode(sealName, data)
}

func (s *Service) unseal(text string) (c ceremony, ok bool) {
	var data []byte
	if s.sealed.Decode(sealName, text, &data) != nil || json.Unmarshal(data, &c) != nil {
		return ceremony{}, false
	}
	return c, s.Now().Before(c.Session.Expires)
}

// BeginRegistration returns the options for the browser of a person who accepts an invitation with a passkey, as JSON,
// and what the browser must send back sealed.
func (s *Service) BeginRegistration(ctx context.Context, origin, secret string,
	chosen Accepting) (options []byte, sealed string, err error) {
	party, err := s.relyingParty(origin)
	if err != nil {
		return nil, "", err
	}
	person, err := s.accepting(ctx, secret, chosen)
	if err != nil {
		return nil, "", err
	}
	creation, session, err := party.BeginRegistration(&keyed{person: person})
	if err != nil {
		return nil, "", err
	}
	return s.begin(creation, ceremony{Session: *session, ID: person.ID, Name: person.Name, Email: person.Email,
		Secret: digest(secret)})
}

func (s *Service) begin(options any, c ceremony) ([]byte, string, error) {
	data, err := json.Marshal(options)
	if err != nil {
		return nil, "", err
	}
	sealed, err := s.seal(c)
	return data, sealed, err
}

// AcceptWithPasskey uses an invitation up and signs the person in. Response is the browser's, as JSON.
func (s *Service) AcceptWithPasskey(ctx context.Context, origin, secret, sealed string, response []byte,
	from Client) (SignedIn, error) {
	party, err := s.relyingParty(origin)
	if err != nil {
		return SignedIn{}, err
	}
	c, ok := s.unseal(sealed)
	if !ok || !bytes.Equal(c.Secret, digest(secret)) {
		return SignedIn{}, ErrPasskey
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(response)
	if err != nil {
		return SignedIn{}, fmt.Errorf("%w (%w)", ErrPasskey, err)
	}
	// The rights are those of now: they may have changed since the registration began.
	person, err := s.accepting(ctx, secret, Accepting{Name: c.Name, Email: c.Email})
	if err != nil {
		return SignedIn{}, err
	}
	person.ID = c.ID
	credential, err := party.CreateCredential(&keyed{person: person}, c.Session, parsed)
	if err != nil {
		return SignedIn{}, fmt.Errorf("%w (%w)", ErrPasskey, err)
	}
	data, err := json.Marshal(credential)
	if err != nil {
		return SignedIn{}, err
	}
	return s.accept(ctx, secret, person, &Passkey{ID: credential.ID, Person: person.ID, Credential: data,
		Created: s.Now()}, from)
}

// BeginPasskey returns the options for the browser of a person who signs in with a passkey, as JSON, and what the
// browser must send back sealed.
func (s *Service) BeginPasskey(origin string) (options []byte, sealed string, err error) {
	party, err := s.relyingParty(origin)
	if err != nil {
		return nil, "", err
	}
	assertion, session, err := party.BeginDiscoverableLogin()
	if err != nil {
		return nil, "", err
	}
	return s.begin(assertion, ceremony{Session: *session})
}

// SignInWithPasskey makes a session for a person. Response is the browser's, as JSON. The error is ErrPasskey whatever
// is wrong with it. A challenge can be answered once.
func (s *Service) SignInWithPasskey(ctx context.Context, origin, sealed string, response []byte,
	from Client) (SignedIn, error) {
	party, err := s.relyingParty(origin)
	if err != nil {
		return SignedIn{}, err
	}
	c, ok := s.unseal(sealed)
	if !ok || c.Secret != nil {
		return SignedIn{}, ErrPasskey
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(response)
	if err != nil {
		return SignedIn{}, fmt.Errorf("%w (%w)", ErrPasskey, err)
	}
	var broken error
	user, credential, err := party.ValidatePasskeyLogin(func(_, handle []byte) (webauthn.User, error) {
		var found *keyed
		found, broken = s.keyed(ctx, string(handle))
		return found, broken
	}, c.Session, parsed)
	switch {
	case broken != nil && !missing(broken):
		return SignedIn{}, broken
	case err != nil:
		return SignedIn{}, fmt.Errorf("%w (%w)", ErrPasskey, err)
	case credential.Authenticator.CloneWarning:
		return SignedIn{}, fmt.Errorf("%w (its counter went back: it may be a copy)", ErrPasskey)
	}
	person := user.(*keyed).person
	signedIn, err := s.startPerson(ctx, person, methodPasskey, from, c.Session.Challenge)
	if errors.Is(err, ErrUsed) {
		return SignedIn{}, ErrPasskey
	}
	if err != nil {
		return SignedIn{}, err
	}
	data, err := json.Marshal(credential)
	if err == nil {
		err = s.Store.UsePasskey(ctx, Passkey{ID: credential.ID, Person: person.ID, Credential: data, Used: s.Now()})
	}
	if err != nil {
		s.Logger.WarnContext(ctx, "the use of a passkey could not be recorded", "person", person.ID, "error", err)
	}
	return signedIn, nil
}

func (s *Service) keyed(ctx context.Context, id string) (*keyed, error) {
	person, err := s.Store.Person(ctx, id)
	if err != nil {
		return nil, err
	}
	passkeys, err := s.Store.Passkeys(ctx, id)
	return &keyed{person, passkeys}, err
}
