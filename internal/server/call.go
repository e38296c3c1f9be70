package server

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/api"
)

// maxHookAnswer bounds the shown part of an answer.
const maxHookAnswer = 64 << 10

// callHook calls the webhook with a token at the own receiver, as a caller would. Redirects are not followed.
func (s *Server) callHook(ctx context.Context, token string, call api.HookCall) (api.HookAnswer, error) {
	target, err := url.Parse(s.HookURL(token))
	if err != nil {
		return api.HookAnswer{}, err
	}
	// A proxy in front may have another scheme.
	target.Scheme, target.RawQuery = "http", call.Query
	if s.options.TLSCert != "" {
		target.Scheme = "https"
	}
	if call.Method == "" {
		call.Method = http.MethodPost
	}
	r, err := http.NewRequestWithContext(ctx, call.Method, target.String(), strings.NewReader(call.Body))
	if err != nil {
		return api.HookAnswer{}, err
	}
	r.Header.Set("Content-Type", "application/json")
	for _, header := range call.Headers {
		r.Header.Set(header.Name, header.Value)
	}
	began := time.Now()
	answer, err := s.hookClient().Do(r)
	if err != nil {
		return api.HookAnswer{}, err
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxHookAnswer))
	if err != nil {
		return api.HookAnswer{}, err
	}
	shown := api.HookAnswer{Status: answer.StatusCode, Headers: []api.HookHeader{},
		Body: strings.ToValidUTF8(string(body), "\uFFFD"), Milliseconds: time.Since(began).Milliseconds(),
		Run: answer.Header.Get("Everhook-Run-Id")}
	for _, name := range everhook.SortedKeys(answer.Header) {
		shown.Headers = append(shown.Headers, api.HookHeader{Name: name, Value: answer.Header.Get(name)})
	}
	return shown, nil
}

// hookClient connects to the own receiver, whatever the host of the URL is.
func (s *Server) hookClient() *http.Client {
	at := s.hooks.Addr()
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{DisableKeepAlives: true,
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				var d net.Dialer
				return d.DialContext(ctx, at.Network(), at.String())
			}},
	}
}
