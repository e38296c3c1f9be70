package access

import (
	"context"
	"errors"
	"time"
)

// Errors that a Store wraps.
var (
	// ErrNotFound is for an ID that does not exist.
	ErrNotFound = errors.New("not found")
	// ErrTaken is for a name or an email address that another row has.
	ErrTaken = errors.New("already used")
	// ErrUsed is for an invitation that was used or replaced, or has expired, and for a proof that was used.
	ErrUsed = errors.New("already used, replaced or expired")
)

// Store keeps what belongs to rights. A change is durable when its method returns, and it is recorded in the audit
// trail in the same transaction, with the actor of the context.
type Store interface {
	// AccessState returns the state of rights. If there is none yet, the proposed one is kept.
	AccessState(ctx context.Context, proposed State) (State, error)
	// CloseAccess records that the server is never open again.
	CloseAccess(ctx context.Context, at time.Time) error

	// Tokens returns all tokens, the latest first.
	Tokens(ctx context.Context) ([]Token, error)
	Token(ctx context.Context, id string) (Token, error)
	// AddToken adds a token and closes access. Its name must differ from those of the tokens that are not revoked.
	AddToken(ctx context.Context, token Token) error
	// UseToken records a use. It is not in the audit trail.
	UseToken(ctx context.Context, id string, at time.Time) error
	// RevokeToken revokes a token and ends its sessions. A token that was revoked before stays as it is.
	RevokeToken(ctx context.Context, id string, at time.Time) error

	// People returns all people by name.
	People(ctx context.Context) ([]Person, error)
	Person(ctx context.Context, id string) (Person, error)
	PersonByEmail(ctx context.Context, email string) (Person, error)
	// Invite adds a person, unless it is nil, with the invitation, and closes access. Earlier invitations of that
	// person are replaced.
	Invite(ctx context.Context, person *Person, invitation Invitation) error
	// OfferFirst adds an invitation for the first person, in place of earlier ones, if there is no person and no token.
	OfferFirst(ctx context.Context, invitation Invitation) (offered bool, err error)
	// Invitation returns a valid invitation; else the error wraps ErrUsed.
	Invitation(ctx context.Context, hash []byte, now time.Time) (Invitation, error)
	// Accept uses an invitation up: the person is added or replaced, the passkey, unless it is nil, takes the place of
	// all earlier ones, and the person's sessions end. The error wraps ErrUsed if the invitation is no longer valid.
	Accept(ctx context.Context, hash []byte, now time.Time, person Person, passkey *Passkey) error
	// PutProviderPerson adds or updates the person with a subject of a provider, and returns the stored one.
	PutProviderPerson(ctx context.Context, person Person) (Person, error)
	// ChangePerson changes a person in one transaction. Others are all other people.
	ChangePerson(ctx context.Context, id string, change func(person *Person, others []Person) error) (Person, error)
	// RemovePerson deletes a person with passkeys, sessions and invitations.
	RemovePerson(ctx context.Context, id string, allowed func(person Person, others []Person) error) error

	// Passkeys returns the passkeys of a person.
	Passkeys(ctx context.Context, person string) ([]Passkey, error)
	// ChangePasskeys replaces the passkeys of a person, in one transaction, by what change makes of them.
	ChangePasskeys(ctx context.Context, person string, change func(all []Passkey) ([]Passkey, error)) error
	// UsePasskey records a use, with the new state of the credential. It is not in the audit trail.
	UsePasskey(ctx context.Context, passkey Passkey) error

	// AddSession adds a session, and removes those that ended long ago. The error wraps ErrUsed if there is a session
	// with the same proof.
	AddSession(ctx context.Context, session Session) error
	// Session returns the session with a hash, also an ended one.
	Session(ctx context.Context, hash []byte) (Session, error)
	// UseSession records a use. It is not in the audit trail.
	UseSession(ctx context.Context, id string, at time.Time) error
	// Sessions returns the sessions that have not ended, the latest first; of one actor, unless that is empty.
	Sessions(ctx context.Context, actor string, now time.Time) ([]Session, error)
	// EndSession ends a session. One that ended before stays as it is.
	EndSession(ctx context.Context, id string, at time.Time) error
}

// State is what all processes with one store share.
type State struct {
	// Server is the ID of the server in its tokens: six letters and digits.
	Server string
	// Key seals what browsers keep during a sign-in: 64 bytes.
	Key []byte
	// Closed is set once the server needs a session or a token for ever.
	Closed bool
}

// Token is a token of a program, without its secret.
type Token struct {
	// ID is 12 letters and digits.
	ID     string   `json:"id"`
	Name   string   `json:"name"`
	Role   Role     `json:"role"`
	Labels []string `json:"labels,omitempty"`
	Flows  []string `json:"flows,omitempty"`
	// Created and CreatedBy say when it was made, and the ID of the actor.
	Created   time.Time `json:"created"`
	CreatedBy string    `json:"createdBy"`
	// Expires is zero for a token that does not expire.
	Expires time.Time `json:"expires,omitzero"`
	// Used is the last use, to the minute; zero if there was none.
	Used    time.Time `json:"used,omitzero"`
	Revoked time.Time `json:"revoked,omitzero"`
	// Hash is the SHA-256 of the token.
	Hash []byte `json:"-"`
}

// actor returns the actor of a request with the token.
func (t Token) actor() Actor {
	return Actor{ID: "token:" + t.ID, Kind: KindToken, Name: t.Name, Role: t.Role, Labels: t.Labels, Flows: t.Flows}
}

// Person is a person who may sign in.
type Person struct {
	// ID is 12 letters and digits. It stays when the name or the email address changes.
	ID   string `json:"id"`
	Name string `json:"name"`
	// Email is the address in lower case. It is unique among the people without a Subject.
	Email  string   `json:"email"`
	Role   Role     `json:"role"`
	Labels []string `json:"labels,omitempty"`
	// Disabled people cannot sign in, and their sessions are not valid.
	Disabled bool `json:"disabled,omitempty"`
	// Joined is zero while an invitation was not accepted. Seen is the last sign-in.
	Created time.Time `json:"created"`
	Joined  time.Time `json:"joined,omitzero"`
	Seen    time.Time `json:"seen,omitzero"`
	// Provider reports whether the person signs in by OIDC. Then the provider decides about role, labels and name.
	Provider bool `json:"provider,omitempty"`
	// Subject names the person at an OIDC provider: issuer, a space, and subject. Empty for others.
	Subject string `json:"-"`
	// Password is an argon2id hash; empty without a password.
	Password string `json:"-"`
}

func (p Person) actor() Actor {
	return Actor{ID: "person:" + p.ID, Kind: KindPerson, Name: p.Name, Role: p.Role, Labels: p.Labels}
}

// Invitation lets a person set a password or add a passkey, once.
type Invitation struct {
	ID string
	// Hash is the SHA-256 of the secret.
	Hash []byte
	// Person is the ID of the invited person; empty for the first person of the server, who becomes its admin.
	Person    string
	CreatedBy string
	Created   time.Time
	Expires   time.Time
}

// Passkey is a credential of WebAuthn.
type Passkey struct {
	// ID is the ID of the credential.
	ID     []byte
	Person string
	// Credential is the JSON of the library's credential.
	Credential []byte
	Created    time.Time
	Used       time.Time
}

// Session is a sign-in of a browser.
type Session struct {
	ID string `json:"id"`
	// Hash is the SHA-256 of the cookie.
	Hash []byte `json:"-"`
	// Actor is the ID of the actor, see Actor.ID.
	Actor string `json:"actor"`
	// Method is how the person signed in: password, passkey, oidc, token or invitation.
	Method string `json:"method"`
	// Address and Agent are the client's at the sign-in, for people.
	Address string `json:"address,omitempty"`
	Agent   string `json:"agent,omitempty"`
	// Created is the sign-in, Used the last use to the minute, Expires the latest end.
	Created time.Time `json:"created"`
	Used    time.Time `json:"used"`
	Expires time.Time `json:"expires"`
	Ended   time.Time `json:"-"`
	// Bound is a digest of --admin-token for a session of that token: another token ends it.
	Bound string `json:"-"`
	// Proof is the challenge that the sign-in answered, so that it cannot be answered twice. Empty for none.
	Proof string `json:"-"`
}
