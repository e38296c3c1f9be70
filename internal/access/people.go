package access

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Life of links: of an invitation, and of the link that a server without people prints at its start.
const (
	invitationTime = 7 * 24 * time.Hour
	firstTime      = 15 * time.Minute
	// linkLength is the length of the secret of a link.
	linkLength = 43
)

// InvitationPath is the page of an invitation. The secret follows as a fragment, which browsers do not send: so it is
// in no log of a proxy.
const InvitationPath = "/invitation"

// NewPerson is the input for a person.
type NewPerson struct {
	Name, Email string
	Role        Role
	Labels      []string
}

// Invited is an invitation with its secret, which is returned only this once.
type Invited struct {
	Person Person
	// Path is that of the link, with the secret as fragment, on the admin address.
	Path    string
	Expires time.Time
}

// Invite adds a person, who sets a password or a passkey by the link.
func (s *Service) Invite(ctx context.Context, input NewPerson) (Invited, error) {
	if err := RequireEverywhere(ctx, Admin); err != nil {
		return Invited{}, err
	}
	email, err := normalEmail(input.Email)
	if err != nil {
		return Invited{}, err
	}
	if err := checkName(input.Name); err != nil {
		return Invited{}, err
	}
	if err := checkPersonRights(input.Role, input.Labels); err != nil {
		return Invited{}, err
	}
	person := Person{ID: random(idLength), Name: input.Name, Email: email, Role: input.Role,
		Labels: slices.Clone(input.Labels), Created: s.Now()}
	invited, err := s.invite(ctx, person, &person)
	if err == nil {
		s.closed.Store(true)
	}
	return invited, err
}

// InviteAgain makes a new link for a person, for example after a lost password. The earlier links end. The person's
// password, passkeys and sessions stay until the link is used.
func (s *Service) InviteAgain(ctx context.Context, id string) (Invited, error) {
	if err := RequireEverywhere(ctx, Admin); err != nil {
		return Invited{}, err
	}
	person, err := s.Store.Person(ctx, id)
	if err != nil {
		return Invited{}, err
	}
	if person.Provider {
		return Invited{}, wrong("id", "%s signs in by the OIDC provider and needs no invitation", person.Name)
	}
	return s.invite(ctx, person, nil)
}

func (s *Service) invite(ctx context.Context, person Person, added *Person) (Invited, error) {
	secret, now := random(linkLength), s.Now()
	invitation := Invitation{ID: random(idLength), Hash: digest(secret), Person: person.ID, CreatedBy: From(ctx).ID,
		Created: now, Expires: now.Add(invitationTime)}
	if err := s.Store.Invite(ctx, added, invitation); err != nil {
		return Invited{}, fmt.Errorf("invite %s: %w", person.Email, err)
	}
	return Invited{person, InvitationPath + "#" + secret, invitation.Expires}, nil
}

// checkPersonRights checks the role of a person, which is never that of a caller: callers are programs.
func checkPersonRights(role Role, labels []string) error {
	if role == Caller {
		return wrong("role", "caller is for tokens; people have one of viewer, operator, editor and admin")
	}
	return checkRights(role, labels, nil)
}

// FirstLink returns the path of a link, with the secret as fragment, by which the first person becomes admin. It is
// empty if there is something to sign in with, or if the server is open.
func (s *Service) FirstLink(ctx context.Context) (path string, expires time.Time, err error) {
	open, err := s.IsOpen(ctx)
	if err != nil || open || s.AdminToken != "" || s.Provider != nil {
		return "", time.Time{}, err
	}
	secret, now := random(linkLength), s.Now()
	invitation := Invitation{ID: random(idLength), Hash: digest(secret), CreatedBy: System.ID, Created: now,
		Expires: now.Add(firstTime)}
	offered, err := s.Store.OfferFirst(With(ctx, System), invitation)
	if err != nil || !offered {
		return "", time.Time{}, err
	}
	return InvitationPath + "#" + secret, invitation.Expires, nil
}

// Opened is what an invitation says to the person who has its link.
type Opened struct {
	// First is set for the first person, who chooses a name and an email address.
	First       bool
	Name, Email string
	Role        Role
	// person is a new ID for the first one.
	person Person
}

// OpenInvitation returns what a link is for. The error wraps ErrUsed if it is no longer valid.
func (s *Service) OpenInvitation(ctx context.Context, secret string) (Opened, error) {
	if len(secret) != linkLength {
		return Opened{}, ErrUsed
	}
	invitation, err := s.Store.Invitation(ctx, digest(secret), s.Now())
	if err != nil {
		return Opened{}, err
	}
	if invitation.Person == "" {
		return Opened{First: true, Role: Admin, person: Person{Role: Admin, Created: s.Now()}}, nil
	}
	person, err := s.Store.Person(ctx, invitation.Person)
	if missing(err) {
		return Opened{}, ErrUsed
	}
	return Opened{Name: person.Name, Email: person.Email, Role: person.Role, person: person}, err
}

// Accepting is what a person chooses who accepts an invitation.
type Accepting struct {
	// Name and Email are for the first person only.
	Name, Email string
	// Password is empty if the person chose a passkey.
	Password string
}

// AcceptWithPassword uses an invitation up and signs the person in. A wrong field leaves the invitation valid.
func (s *Service) AcceptWithPassword(ctx context.Context, secret string, chosen Accepting,
	from Client) (SignedIn, error) {
	person, err := s.accepting(ctx, secret, chosen)
	if err != nil {
		return SignedIn{}, err
	}
	if err := checkPasswordRules(chosen.Password, person.Email); err != nil {
		return SignedIn{}, err
	}
	if person.Password, err = hashPassword(ctx, chosen.Password); err != nil {
		return SignedIn{}, err
	}
	return s.accept(ctx, secret, person, nil, from)
}

// accepting is the person that an invitation makes.
func (s *Service) accepting(ctx context.Context, secret string, chosen Accepting) (Person, error) {
	opened, err := s.OpenInvitation(ctx, secret)
	if err != nil {
		return Person{}, err
	}
	person := opened.person
	if opened.First {
		if err := checkName(chosen.Name); err != nil {
			return Person{}, err
		}
		if person.Email, err = normalEmail(chosen.Email); err != nil {
			return Person{}, err
		}
		person.ID, person.Name = random(idLength), chosen.Name
	}
	if person.Disabled {
		return Person{}, ErrDisabled
	}
	// The link replaces what the person signed in with before.
	person.Password = ""
	return person, nil
}

func (s *Service) accept(ctx context.Context, secret string, person Person, passkey *Passkey,
	from Client) (SignedIn, error) {
	now := s.Now()
	person.Joined = now
	if err := s.Store.Accept(from.with(ctx, person.actor()), digest(secret), now, person, passkey); err != nil {
		return SignedIn{}, err
	}
	s.closed.Store(true)
	return s.startPerson(ctx, person, methodInvitation, from, "")
}

// People returns all people by name.
func (s *Service) People(ctx context.Context) ([]Person, error) {
	if err := RequireEverywhere(ctx, Admin); err != nil {
		return nil, err
	}
	return s.Store.People(ctx)
}

// PersonChange says what to change of a person. Nil leaves a field as it is.
type PersonChange struct {
	Name     *string
	Role     *Role
	Labels   *[]string
	Disabled *bool
}

// ChangePerson changes the rights of a person, at once also for open sessions.
func (s *Service) ChangePerson(ctx context.Context, id string, change PersonChange) (Person, error) {
	if err := RequireEverywhere(ctx, Admin); err != nil {
		return Person{}, err
	}
	return s.Store.ChangePerson(ctx, id, func(person *Person, others []Person) error {
		before := *person
		if person.Provider && (change.Name != nil || change.Role != nil || change.Labels != nil) {
			return wrong("role", "the OIDC provider decides about the name, role and labels of this person")
		}
		set(&person.Name, change.Name)
		set(&person.Role, change.Role)
		set(&person.Labels, change.Labels)
		set(&person.Disabled, change.Disabled)
		if err := checkName(person.Name); err != nil {
			return err
		}
		if err := checkPersonRights(person.Role, person.Labels); err != nil {
			return err
		}
		return s.keepAdmin(before, person.manages(), others)
	})
}

func set[T any](field *T, value *T) {
	if value != nil {
		*field = *value
	}
}

// RemovePerson deletes a person with sessions and passkeys. The audit trail keeps the name.
func (s *Service) RemovePerson(ctx context.Context, id string) error {
	if err := RequireEverywhere(ctx, Admin); err != nil {
		return err
	}
	return s.Store.RemovePerson(ctx, id, func(person Person, others []Person) error {
		return s.keepAdmin(person, false, others)
	})
}

// manages reports whether a person can give rights to others.
func (p Person) manages() bool {
	return p.Role == Admin && len(p.Labels) == 0 && !p.Disabled && !p.Joined.IsZero()
}

// ErrLastAdmin is for a change after which no person could give rights.
var ErrLastAdmin = &Wrong{"role", "this is the last admin who can sign in; make another person admin first"}

// keepAdmin refuses that the last person loses the role admin who has it for the whole server.
func (s *Service) keepAdmin(before Person, stays bool, others []Person) error {
	if !before.manages() || stays || s.AdminToken != "" || slices.ContainsFunc(others, Person.manages) {
		return nil
	}
	return ErrLastAdmin
}
