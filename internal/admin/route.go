package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"reflect"
	"strings"

	"github.com/everhook/everhook/internal/access"
)

// Route is one route of the admin address.
type Route struct {
	// Pattern is that of http.ServeMux.
	Pattern string
	// Public routes need no actor.
	Public bool
	// Needed is the role that the actor needs; empty for a route that asks for roles itself.
	Needed access.Role
	// Everywhere is set if the role is needed without a limit to some flows.
	Everywhere bool
}

// routes registers routes. Each says who may use it.
type routes struct {
	site *site
	mux  *http.ServeMux
	all  []Route
}

// public adds a route for everyone.
func (r *routes) public(pattern string, handler http.HandlerFunc) {
	r.all = append(r.all, Route{Pattern: pattern, Public: true})
	r.mux.Handle(pattern, handler)
}

// known adds a route for every actor; its handler asks for roles.
func (r *routes) known(pattern string, handler http.Handler) {
	r.all = append(r.all, Route{Pattern: pattern})
	r.mux.Handle(pattern, r.site.identified(handler))
}

// needs adds a route for actors with a role.
func (r *routes) needs(pattern string, needed access.Role, everywhere bool, handler http.Handler) {
	r.all = append(r.all, Route{Pattern: pattern, Needed: needed, Everywhere: everywhere})
	require := access.Require
	if everywhere {
		require = access.RequireEverywhere
	}
	r.mux.Handle(pattern, r.site.identified(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if err := require(req.Context(), needed); err != nil {
			refuse(w, denied, err.Error())
			return
		}
		handler.ServeHTTP(w, req)
	})))
}

// identified passes a request on with its actor, or turns it away. It removes the credentials: no handler needs them,
// and Temporal's UI would forward them.
func (s *site) identified(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		open, err := s.Access.IsOpen(r.Context())
		if err != nil {
			s.unavailable(w, r, err)
			return
		}
		actor := access.Local
		if open {
			if reason := s.notLocal(r); reason != "" {
				refuse(w, forbidden, reason)
				return
			}
		} else if actor, err = s.actorOf(r); err != nil {
			if reasonOf(err) != "" || errors.Is(err, errScheme) {
				s.wrong(r)
			}
			s.turnAway(w, r, err)
			return
		}
		again := s.lasting(r, open, actor)
		r = r.Clone(context.WithValue(access.With(r.Context(), actor), aliveKey{}, again))
		r.Header.Del("Authorization")
		removeCookie(r, sessionCookie)
		next.ServeHTTP(w, r)
	})
}

type aliveKey struct{}

// alive reports whether the actor of a context still has the rights that the request began with. Streams ask it.
func alive(ctx context.Context) bool {
	again, ok := ctx.Value(aliveKey{}).(func(context.Context) bool)
	return !ok || again(ctx)
}

// lasting returns what alive asks. A store that does not answer changes nothing.
func (s *site) lasting(r *http.Request, wasOpen bool, actor access.Actor) func(context.Context) bool {
	return func(ctx context.Context) bool {
		open, err := s.Access.IsOpen(ctx)
		if err != nil {
			return true
		}
		if wasOpen || open {
			return wasOpen && open
		}
		now, err := s.actorOf(r.WithContext(ctx))
		if err != nil {
			return reasonOf(err) == "" && !errors.Is(err, errNobody) && !errors.Is(err, access.ErrNoSession)
		}
		return reflect.DeepEqual(now, actor)
	}
}

func removeCookie(r *http.Request, name string) {
	cookies := r.Cookies()
	r.Header.Del("Cookie")
	for _, cookie := range cookies {
		if cookie.Name != name {
			r.AddCookie(cookie)
		}
	}
}

// errNobody is for a request with neither a token nor a session, errScheme for one with other credentials.
var (
	errNobody = errors.New("the request has no token")
	errScheme = fmt.Errorf("%w", errNobody)
)

// actorOf is the actor of a request with a token or a session.
func (s *site) actorOf(r *http.Request) (access.Actor, error) {
	if header := r.Header.Get("Authorization"); header != "" {
		scheme, token, _ := strings.Cut(header, " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return access.Actor{}, errScheme
		}
		return s.Access.ByToken(r.Context(), strings.TrimSpace(token))
	}
	cookie, err := r.Cookie(sessionCookie)
	if err != nil {
		return access.Actor{}, errNobody
	}
	return s.Access.BySession(r.Context(), cookie.Value)
}

// turnAway redirects browsers to the sign-in page, and answers other clients with 401.
func (s *site) turnAway(w http.ResponseWriter, r *http.Request, err error) {
	isNobody := errors.Is(err, errNobody) || errors.Is(err, access.ErrNoSession)
	if !isNobody && reasonOf(err) == "" {
		s.unavailable(w, r, err)
		return
	}
	if s.Console != nil && isRead(r) && !below(r, "/api") && strings.Contains(r.Header.Get("Accept"), "text/html") {
		http.Redirect(w, r, loginPath+"?"+url.Values{"next": {r.URL.RequestURI()}}.Encode(), http.StatusSeeOther)
		return
	}
	w.Header().Set("WWW-Authenticate", `Bearer realm="everhook admin"`)
	refuse(w, unauthorized, err.Error()+"; send one that is valid: Authorization: Bearer TOKEN")
}

// forwarding are headers that proxies add.
var forwarding = []string{"Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto",
	"X-Forwarded-Port", "X-Forwarded-Server", "X-Real-Ip", "X-Client-Ip", "True-Client-Ip", "Cf-Connecting-Ip",
	"X-Original-Host", "X-Envoy-External-Address"}

// notLocal says why a request may come from another machine or another site, although the address is a local one; empty
// if nothing says so.
func (s *site) notLocal(r *http.Request) string {
	const advice = "; without people and tokens the server serves only this machine, at http://127.0.0.1 or " +
		"http://localhost"
	remote, err := netip.ParseAddrPort(r.RemoteAddr)
	switch {
	case !s.Local || err != nil || !remote.Addr().Unmap().IsLoopback():
		return "the request comes from another machine" + advice
	case !namesLoopback(r.Host):
		return "the request names a host that is not this machine" + advice
	case !r.ProtoAtLeast(1, 1):
		return "the request comes through a proxy (HTTP/1.0)" + advice
	}
	for _, name := range forwarding {
		if len(r.Header[name]) > 0 {
			return "the request comes through a proxy (it has the header " + name + ")" + advice
		}
	}
	return ""
}

// addressOf is the address of the client: the last one in X-Forwarded-For that is no trusted proxy, if a trusted proxy
// calls.
func (s *site) addressOf(r *http.Request) netip.Addr {
	remote, _ := netip.ParseAddrPort(r.RemoteAddr)
	client := remote.Addr().Unmap()
	forwarded := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(forwarded) - 1; i >= 0 && s.isProxy(client); i-- {
		next, err := netip.ParseAddr(strings.TrimSpace(forwarded[i]))
		if err != nil {
			break
		}
		client = next.Unmap()
	}
	return client
}

func (s *site) isProxy(address netip.Addr) bool {
	for _, prefix := range s.TrustedProxies {
		if prefix.Contains(address) {
			return true
		}
	}
	return false
}

func (s *site) clientOf(r *http.Request) access.Client {
	return access.Client{Address: s.addressOf(r).String(), Agent: r.UserAgent()}
}

// everyAddress stands for all clients together.
var everyAddress = netip.Addr{}
