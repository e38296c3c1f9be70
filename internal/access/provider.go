package access

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/sync/singleflight"

	"github.com/everhook/everhook"
)

// ProviderOptions are the settings of an OIDC provider.
type ProviderOptions struct {
	// Issuer is the URL of the provider, ClientID and ClientSecret what it knows this server by. The secret is empty
	// for a public client.
	Issuer, ClientID, ClientSecret string
	// Redirect is the URL to which the provider returns the browser.
	Redirect string
	// Scopes are requested besides openid, profile and email.
	Scopes []string
	// Claim holds the groups of a person: a text or a list of texts. A dot leads into an object.
	Claim string
	// Rules map values of the claim to roles.
	Rules []Rule
	// HTTP is the client for the provider. Nil: one with a timeout.
	HTTP *http.Client
}

// Rule gives the people with a value of the claim a role.
type Rule struct {
	// Value is a value of the claim; * is everyone of the provider.
	Value string
	Role  Role
	// Labels limit the role to flows with one of them.
	Labels []string
}

// ParseRule reads VALUE=ROLE or VALUE=ROLE@LABEL+LABEL.
func ParseRule(text string) (Rule, error) {
	at := strings.LastIndex(text, "=")
	if at < 1 {
		return Rule{}, fmt.Errorf("%q is not a rule; write VALUE=ROLE or VALUE=ROLE@LABEL", shorten(text))
	}
	role, labels, limited := strings.Cut(text[at+1:], "@")
	rule := Rule{Value: text[:at], Role: Role(role)}
	if limited {
		rule.Labels = strings.Split(labels, "+")
	}
	if err := checkPersonRights(rule.Role, rule.Labels); err != nil {
		return Rule{}, fmt.Errorf("%q: %w", shorten(text), err)
	}
	return rule, nil
}

// Provider signs people in by OIDC: the authorization code flow with PKCE, state and nonce. It reads the settings of
// the provider at the first sign-in, so that a provider that is down does not keep the server from starting.
type Provider struct {
	ProviderOptions
	discovered atomic.Pointer[oidc.Provider]
	discovery  singleflight.Group
}

const (
	// providerTimeout bounds one call of the provider.
	providerTimeout = 10 * time.Second
	// maxSubject is the longest subject of a person that OpenID Connect allows.
	maxSubject = 255
	// maxCause bounds what an error repeats of an answer of the provider, in characters.
	maxCause = 300
)

// NewProvider checks the settings. It calls nothing.
func NewProvider(o ProviderOptions) (*Provider, error) {
	switch {
	case o.Issuer == "" || o.ClientID == "":
		return nil, errors.New("an OIDC provider needs an issuer and a client ID")
	case len(o.Rules) == 0:
		return nil, errors.New("no person could sign in: give a role to a value of the claim")
	}
	if o.HTTP == nil {
		o.HTTP = &http.Client{Timeout: providerTimeout}
	}
	return &Provider{ProviderOptions: o}, nil
}

// Errors of sign-ins by OIDC.
var (
	// ErrProvider is for a sign-in that the provider, or a check of its answer, refused.
	ErrProvider = errors.New("the sign-in at the provider did not succeed; try again")
	// ErrProviderAway is for a provider that does not answer.
	ErrProviderAway = errors.New("the provider does not answer; try again later")
	// ErrNoRole is for a person of the provider who matches no rule.
	ErrNoRole = errors.New("the provider knows you, but you have no role here; ask an admin")
)

// discover reads the settings of the provider, once. Sign-ins that begin meanwhile wait for the same answer.
func (p *Provider) discover(ctx context.Context) (*oidc.Provider, error) {
	if found := p.discovered.Load(); found != nil {
		return found, nil
	}
	result := p.discovery.DoChan("", func() (any, error) {
		// It is for other requests too: it must not end with this one.
		found, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), p.HTTP), p.Issuer)
		if err != nil {
			return nil, fmt.Errorf("%w (%s)", ErrProviderAway, everhook.Shorten(err.Error(), maxCause))
		}
		p.discovered.Store(found)
		return found, nil
	})
	select {
	case found := <-result:
		provider, _ := found.Val.(*oidc.Provider)
		return provider, found.Err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// config is what the provider knows this server by.
func (p *Provider) config(found *oidc.Provider) *oauth2.Config {
	scopes := append([]string{oidc.ScopeOpenID, "profile", "email"}, p.Scopes...)
	return &oauth2.Config{ClientID: p.ClientID, ClientSecret: p.ClientSecret, Endpoint: found.Endpoint(),
		RedirectURL: p.Redirect, Scopes: scopes}
}

// knows reports whether a person signs in at this provider.
func (p *Provider) knows(person Person) bool {
	return p != nil && strings.HasPrefix(person.Subject, p.Issuer+" ")
}

// refusal is the error for what the provider did not answer, or not rightly. The text of the library is bounded.
func refusal(err error) error {
	if _, answered := errors.AsType[*oauth2.RetrieveError](err); !answered {
		if _, away := errors.AsType[*url.Error](err); away {
			return fmt.Errorf("%w (%s)", ErrProviderAway, everhook.Shorten(err.Error(), maxCause))
		}
	}
	return fmt.Errorf("%w (%s)", ErrProvider, everhook.Shorten(err.Error(), maxCause))
}

// visit is what the browser keeps sealed while it is at the provider.
type visit struct {
	State, Nonce, Verifier string
	// Next is the path to open afterwards.
	Next    string
	Expires time.Time
}

const visitName = "oidc"

// BeginProvider returns the URL at the provider to which the browser goes, and what it must send back sealed. Next is
// the path to open afterwards.
func (s *Service) BeginProvider(ctx context.Context, next string) (address, sealed string, err error) {
	found, err := s.Provider.discover(ctx)
	if err != nil {
		return "", "", err
	}
	v := visit{State: random(secretLength), Nonce: random(secretLength), Verifier: oauth2.GenerateVerifier(),
		Next: next, Expires: s.Now().Add(ceremonyTime)}
	data, err := json.Marshal(v)
	if err != nil {
		return "", "", err
	}
	if sealed, err = s.sealed.Encode(visitName, data); err != nil {
		return "", "", err
	}
	return s.Provider.config(found).AuthCodeURL(v.State, oidc.Nonce(v.Nonce), oauth2.S256ChallengeOption(v.Verifier)),
		sealed, nil
}

// SignInByProvider makes a session for a person who comes back from the provider with a code and a state; without a
// code, the provider refused. A state is good for one sign-in. It returns the path to open.
func (s *Service) SignInByProvider(ctx context.Context, sealed, state, code string,
	from Client) (_ SignedIn, next string, err error) {
	var data []byte
	var v visit
	if s.sealed.Decode(visitName, sealed, &data) != nil || json.Unmarshal(data, &v) != nil ||
		!s.Now().Before(v.Expires) || subtle.ConstantTimeCompare([]byte(v.State), []byte(state)) != 1 {
		return SignedIn{}, "", fmt.Errorf("%w (it took too long, or began in another browser)", ErrProvider)
	}
	if code == "" {
		return SignedIn{}, "", fmt.Errorf("%w (the provider gave no code)", ErrProvider)
	}
	claims, err := s.exchange(ctx, v, code)
	if err != nil {
		return SignedIn{}, "", err
	}
	person, err := s.Provider.person(claims)
	if err != nil {
		return SignedIn{}, "", err
	}
	now := s.Now()
	person.ID, person.Created, person.Joined = random(idLength), now, now
	if person, err = s.Store.PutProviderPerson(from.with(ctx, person.actor()), person); err != nil {
		return SignedIn{}, "", err
	}
	signedIn, err := s.startPerson(ctx, person, methodOIDC, from, v.State)
	if errors.Is(err, ErrUsed) {
		err = fmt.Errorf("%w (it was completed before)", ErrProvider)
	}
	return signedIn, v.Next, err
}

// exchange gets the claims of a person for a code, and checks them.
func (s *Service) exchange(ctx context.Context, v visit, code string) (map[string]any, error) {
	p := s.Provider
	provider, err := p.discover(ctx)
	if err != nil {
		return nil, err
	}
	ctx = oidc.ClientContext(ctx, p.HTTP)
	config := p.config(provider)
	token, err := config.Exchange(ctx, code, oauth2.VerifierOption(v.Verifier))
	if err != nil {
		return nil, refusal(err)
	}
	raw, _ := token.Extra("id_token").(string)
	verified, err := provider.Verifier(&oidc.Config{ClientID: p.ClientID, Now: s.Now}).Verify(ctx, raw)
	if err != nil {
		return nil, refusal(err)
	}
	if subtle.ConstantTimeCompare([]byte(verified.Nonce), []byte(v.Nonce)) != 1 {
		return nil, fmt.Errorf("%w (its answer belongs to another sign-in)", ErrProvider)
	}
	claims := map[string]any{}
	// Many providers give the email address and groups only there.
	info, err := provider.UserInfo(ctx, config.TokenSource(ctx, token))
	switch {
	case err != nil && provider.UserInfoEndpoint() != "":
		return nil, refusal(err)
	case err == nil && info.Subject != verified.Subject:
		return nil, fmt.Errorf("%w (its answers name two people)", ErrProvider)
	case err == nil:
		if err := info.Claims(&claims); err != nil {
			return nil, refusal(err)
		}
	}
	return claims, verified.Claims(&claims) // those of the ID token are signed: they win
}

// person is the person with claims, with the role that the rules give.
func (p *Provider) person(claims map[string]any) (Person, error) {
	text := func(name string) string { text, _ := claims[name].(string); return strings.TrimSpace(text) }
	role, labels := p.rights(values(claims, p.Claim))
	subject, _ := claims["sub"].(string) // as it is: another one, even by a space, is another person
	switch {
	case role == "":
		return Person{}, ErrNoRole
	case subject == "" || len(subject) > maxSubject:
		return Person{}, fmt.Errorf("%w (it has no subject for you)", ErrProvider)
	}
	person := Person{Subject: p.Issuer + " " + subject, Provider: true, Role: role, Labels: labels}
	if email, err := normalEmail(text("email")); err == nil {
		person.Email = email
	}
	for _, name := range []string{text("name"), text("preferred_username"), person.Email, text("sub")} {
		if runes := []rune(name); len(runes) > maxName {
			name = string(runes[:maxName])
		}
		if checkName(name) == nil {
			person.Name = name
			return person, nil
		}
	}
	return Person{}, fmt.Errorf("%w (it has no name for you)", ErrProvider)
}

// values are the texts of a claim.
func values(claims map[string]any, path string) []string {
	value, found := claims[path]
	for rest := path; !found && rest != ""; {
		var name string
		name, rest, _ = strings.Cut(rest, ".")
		if value, found = claims[name]; !found {
			return nil
		}
		object, isObject := value.(map[string]any)
		if found = rest == ""; !found && !isObject {
			return nil
		}
		claims = object
	}
	switch value := value.(type) {
	case string:
		return []string{value}
	case []any:
		var texts []string
		for _, item := range value {
			if text, ok := item.(string); ok {
				texts = append(texts, text)
			}
		}
		return texts
	}
	return nil
}

// rights are the highest role of the matching rules. Its labels are those of all rules with that role, and none if one
// of them has none.
func (p *Provider) rights(groups []string) (role Role, labels []string) {
	limited := true
	for _, rule := range p.Rules {
		switch {
		case rule.Value != "*" && !slices.Contains(groups, rule.Value):
			continue
		case rank(rule.Role) > rank(role):
			role, labels, limited = rule.Role, nil, true
		case rule.Role != role:
			continue
		}
		limited = limited && len(rule.Labels) > 0
		labels = append(labels, rule.Labels...)
	}
	if !limited {
		return role, nil
	}
	slices.Sort(labels)
	return role, slices.Compact(labels)
}

func rank(role Role) int { return slices.Index(Roles, role) }
