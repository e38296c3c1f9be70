package access

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Life of a session: it ends after a week without use, and after a month anyway. One of --admin-token ends after a
// week, and one of OIDC after half a day, because only a sign-in asks the provider which rights the person has.
const (
	sessionIdle         = 7 * 24 * time.Hour
	sessionTime         = 30 * 24 * time.Hour
	adminSessionTime    = 7 * 24 * time.Hour
	providerSessionTime = 12 * time.Hour
	cookieLength        = 43
	maxAgent            = 200
)

// Client is where a request comes from, for people who look at their sessions.
type Client struct{ Address, Agent string }

// with returns a context with the author of a change that a person makes at a sign-in.
func (c Client) with(ctx context.Context, actor Actor) context.Context {
	return WithAddress(With(ctx, actor), c.Address)
}

// SignedIn is a new session.
type SignedIn struct {
	Actor Actor
	// Cookie is the value of the cookie, Expires its end.
	Cookie  string
	Expires time.Time
}

// Errors of sign-ins.
var (
	// ErrSignIn is for a wrong password, an unknown person, and everything else that a stranger must not learn.
	ErrSignIn = errors.New("the email address or the password is wrong")
	// ErrDisabled is for a person who proved who they are but may not sign in.
	ErrDisabled = errors.New("an admin has disabled you")
	// ErrNoSession is for a cookie without a valid session.
	ErrNoSession = errors.New("the session has ended; sign in again")
)

// Methods of sign-ins. They are stored: never edit one.
const (
	methodPassword   = "password"
	methodPasskey    = "passkey"
	methodOIDC       = "oidc"
	methodToken      = "token"
	methodInvitation = "invitation"
)

// start makes a session of an actor.
func (s *Service) start(ctx context.Context, actor Actor, method string, from Client, proof string) (SignedIn, error) {
	now := s.Now()
	session := Session{ID: random(idLength), Actor: actor.ID, Method: method, Address: from.Address,
		Agent: shortAgent(from.Agent), Created: now, Used: now, Expires: now.Add(sessionTime), Proof: proof}
	switch {
	case actor.ID == adminActor().ID:
		session.Bound, session.Expires = s.adminBound(), now.Add(adminSessionTime)
	case method == methodOIDC:
		session.Expires = now.Add(providerSessionTime)
	}
	cookie := random(cookieLength)
	session.Hash = digest(cookie)
	actor.Session = session.ID
	if err := s.Store.AddSession(from.with(ctx, actor), session); err != nil {
		return SignedIn{}, fmt.Errorf("a new session: %w", err)
	}
	return SignedIn{Actor: s.shown(actor), Cookie: cookie, Expires: session.Expires}, nil
}

func shortAgent(agent string) string {
	agent = strings.ToValidUTF8(agent, "")
	if len(agent) > maxAgent {
		agent = strings.ToValidUTF8(agent[:maxAgent], "")
	}
	return agent
}

// BySession returns the actor of a request with a cookie. A person who was disabled, or whose role changed, has the new
// rights at once. The error is ErrNoSession, or that of a store that does not answer.
func (s *Service) BySession(ctx context.Context, cookie string) (Actor, error) {
	if len(cookie) != cookieLength {
		return Actor{}, ErrNoSession
	}
	session, err := s.Store.Session(ctx, digest(cookie))
	if missing(err) {
		return Actor{}, ErrNoSession
	}
	if err != nil {
		return Actor{}, err
	}
	now := s.Now()
	if !session.Ended.IsZero() || !now.Before(session.Expires) || now.Sub(session.Used) >= sessionIdle {
		return Actor{}, ErrNoSession
	}
	actor, err := s.actorOf(ctx, session, now)
	if err != nil {
		return Actor{}, err
	}
	if now.Sub(session.Used) >= useStep {
		if err := s.Store.UseSession(ctx, session.ID, now); err != nil {
			s.Logger.WarnContext(ctx, "the last use of a session could not be recorded", "error", err)
		}
	}
	actor.Session = session.ID
	return s.shown(actor), nil
}

// actorOf returns the actor of a session with the rights of this moment.
func (s *Service) actorOf(ctx context.Context, session Session, now time.Time) (Actor, error) {
	if session.Actor == adminActor().ID {
		if s.AdminToken == "" || session.Bound != s.adminBound() {
			return Actor{}, ErrNoSession
		}
		return adminActor(), nil
	}
	return s.stored(ctx, session.Actor, now)
}

// ActorNow returns the actor with an ID, with the rights of this moment: for work that goes on after its request. The
// error is ErrNoSession if the actor may do nothing any longer, or that of a store that does not answer.
func (s *Service) ActorNow(ctx context.Context, id string) (actor Actor, err error) {
	switch id {
	case System.ID:
		return System, nil
	case Local.ID:
		if open, err := s.IsOpen(ctx); err != nil || !open {
			return Actor{}, cmp.Or(err, ErrNoSession)
		}
		return Local, nil
	case adminActor().ID:
		if s.AdminToken == "" {
			return Actor{}, ErrNoSession
		}
		return adminActor(), nil
	}
	if actor, err = s.stored(ctx, id, s.Now()); err != nil {
		return Actor{}, err
	}
	return s.shown(actor), nil
}

// stored returns a person or a token with an ID.
func (s *Service) stored(ctx context.Context, actor string, now time.Time) (Actor, error) {
	kind, id, _ := strings.Cut(actor, ":")
	switch {
	case Kind(kind) == KindToken:
		token, err := s.Store.Token(ctx, id)
		if missing(err) || err == nil && token.valid(now) != nil {
			return Actor{}, ErrNoSession
		}
		return token.actor(), err
	default:
		person, err := s.Store.Person(ctx, id)
		if missing(err) || err == nil && (person.Disabled || person.Provider && !s.Provider.knows(person)) {
			return Actor{}, ErrNoSession
		}
		return person.actor(), err
	}
}

// SignInWithToken makes a session for a browser that shows a token. The session ends with the token.
func (s *Service) SignInWithToken(ctx context.Context, text string, from Client) (SignedIn, error) {
	actor, err := s.ByToken(ctx, text)
	if err != nil {
		return SignedIn{}, err
	}
	return s.start(ctx, actor, methodToken, from, "")
}

// SignInWithPassword makes a session for a person. Its error is ErrSignIn whatever is wrong, after the same time.
func (s *Service) SignInWithPassword(ctx context.Context, email, password string, from Client) (SignedIn, error) {
	var person Person
	email, err := normalEmail(email)
	if err == nil {
		if person, err = s.Store.PersonByEmail(ctx, email); err != nil && !missing(err) {
			return SignedIn{}, err
		}
	}
	right, err := checkPassword(ctx, person.Password, password)
	switch {
	case err != nil:
		return SignedIn{}, err
	case !right:
		return SignedIn{}, ErrSignIn
	}
	return s.startPerson(ctx, person, methodPassword, from, "")
}

// startPerson makes a session for a person who proved who they are.
func (s *Service) startPerson(ctx context.Context, person Person, method string, from Client,
	proof string) (SignedIn, error) {
	if person.Disabled {
		return SignedIn{}, ErrDisabled
	}
	return s.start(ctx, person.actor(), method, from, proof)
}

// Sessions returns the sessions of the actor of the context or, for an admin of the whole server who asks for all, of
// everyone.
func (s *Service) Sessions(ctx context.Context, all bool) ([]Session, error) {
	actor := From(ctx)
	if !all {
		return s.Store.Sessions(ctx, actor.ID, s.Now())
	}
	if err := RequireEverywhere(ctx, Admin); err != nil {
		return nil, err
	}
	return s.Store.Sessions(ctx, "", s.Now())
}

// EndSession ends a session of the actor of the context; an admin of the whole server ends any.
func (s *Service) EndSession(ctx context.Context, id string) error {
	actor := From(ctx)
	if !actor.MayEverywhere(Admin) && actor.Session != id {
		own, err := s.Store.Sessions(ctx, actor.ID, s.Now())
		if err != nil {
			return err
		}
		if !hasSession(own, id) {
			return fmt.Errorf("session %s: %w", shorten(id), ErrNotFound)
		}
	}
	return s.Store.EndSession(ctx, id, s.Now())
}

func hasSession(sessions []Session, id string) bool {
	for _, session := range sessions {
		if session.ID == id {
			return true
		}
	}
	return false
}
