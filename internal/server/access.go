package server

import (
	"context"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/admin"
)

// checkAccess checks the settings of people and their rights.
func (o *Options) checkAccess() error {
	if o.AdminURL != "" {
		parsed, err := url.Parse(o.AdminURL)
		if err != nil || parsed.Scheme != "http" && parsed.Scheme != "https" || parsed.Host == "" ||
			strings.Trim(parsed.Path, "/") != "" || parsed.RawQuery != "" || parsed.Fragment != "" {
			return fmt.Errorf("--admin-url %q is not the address of the pages; write for example "+
				"https://everhook.example.com", o.AdminURL)
		}
		o.AdminURL = strings.TrimRight(o.AdminURL, "/")
	}
	if (o.TLSCert == "") != (o.TLSKey == "") {
		return fmt.Errorf("--tls-cert and --tls-key belong together")
	}
	_, err := o.provider()
	return err
}

// provider returns the OIDC provider; nil without one.
func (o *Options) provider() (*access.Provider, error) {
	if o.OIDCIssuer == "" {
		if o.OIDCClientID != "" || o.OIDCClientSecret != "" || len(o.OIDCRole) > 0 {
			return nil, fmt.Errorf("the settings of OIDC need --oidc-issuer")
		}
		return nil, nil
	}
	if o.AdminURL == "" {
		return nil, fmt.Errorf("--oidc-issuer needs --admin-url, to which the provider sends people back")
	}
	var rules []access.Rule
	for _, text := range o.OIDCRole {
		rule, err := access.ParseRule(text)
		if err != nil {
			return nil, fmt.Errorf("--oidc-role %w", err)
		}
		rules = append(rules, rule)
	}
	provider, err := access.NewProvider(access.ProviderOptions{Issuer: o.OIDCIssuer, ClientID: o.OIDCClientID,
		ClientSecret: o.OIDCClientSecret, Redirect: o.AdminURL + admin.ProviderReturnPath, Scopes: o.OIDCScopes,
		Claim: o.OIDCClaim, Rules: rules})
	if err != nil {
		return nil, fmt.Errorf("--oidc-issuer: %w", err)
	}
	return provider, nil
}

// startAccess starts the part that knows people, tokens and sessions.
func (s *Server) startAccess(ctx context.Context) error {
	provider, err := s.options.provider()
	if err != nil {
		return err
	}
	s.access, err = access.New(ctx, access.Options{Store: s.store, AdminToken: s.options.AdminToken,
		MayOpen: s.with.MayOpen && isLoopback(s.options.Admin), AdminURL: s.options.AdminURL,
		HideValues: s.options.HideValues, Provider: provider, Logger: s.logger})
	return err
}

// Access knows people, tokens and sessions.
func (s *Server) Access() *access.Service { return s.access }

// FirstLink returns the link by which the first person of a server becomes its admin, and its end; empty if there is
// another way in.
func (s *Server) FirstLink(ctx context.Context) (link string, expires time.Time, err error) {
	if s.admin == nil {
		return "", time.Time{}, nil
	}
	path, expires, err := s.access.FirstLink(ctx)
	if err != nil || path == "" {
		return "", time.Time{}, err
	}
	return s.PeopleURL() + path, expires, nil
}

// PeopleURL returns the base of the pages for people.
func (s *Server) PeopleURL() string {
	if s.options.AdminURL != "" {
		return s.options.AdminURL
	}
	return s.AdminURL()
}

// limits keep people and tokens to the flows that they may see.
func (s *Server) limits() admin.Limits {
	return admin.Limits{Labels: func(ctx context.Context) (map[string][]string, error) {
		flows, err := s.store.Flows(ctx)
		if err != nil {
			return nil, err
		}
		labels := make(map[string][]string, len(flows))
		for _, flow := range flows {
			labels[flow.Key] = flow.Labels
		}
		return labels, nil
	}}
}

// trustedProxies are the proxies in front of this server.
func (s *Server) trustedProxies() []netip.Prefix {
	var proxies []netip.Prefix
	for _, proxy := range s.options.TrustedProxies {
		proxies = append(proxies, proxy.Prefix())
	}
	return proxies
}
