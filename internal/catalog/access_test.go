package catalog_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/catalog"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/internal/flowfile"
	"github.com/everhook/everhook/internal/secrets"
	"github.com/everhook/everhook/internal/signature"
	"github.com/everhook/everhook/internal/store"
	"github.com/everhook/everhook/nodes"
	"github.com/everhook/everhook/receiver"
)

// place is a catalog with its own store and directory of secrets, with a real receiver.
type place struct {
	*catalog.Catalog
	t       *testing.T
	secrets string
	url     string
	starts  chan everhook.Delivery
}

func newPlace(t *testing.T) *place {
	t.Helper()
	p := &place{t: t, secrets: t.TempDir(), starts: make(chan everhook.Delivery, 10)}
	flows, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "everhook.db"))
	require.NoError(t, err)
	t.Cleanup(func() { flows.Close() })
	provider, err := secrets.New(secrets.Options{Dir: p.secrets})
	require.NoError(t, err)
	quiet := slog.New(slog.DiscardHandler)
	p.Catalog = catalog.New(catalog.Options{Store: flows, Versions: compile.NewVersions(nodes.Standard()),
		Secrets: provider,
		Env:     func() map[string]string { return nil }, Logger: quiet})

	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	r := receiver.New(receiver.Options{Logger: quiet}, p, starter{p.starts})
	served := make(chan error, 1)
	go func() { served <- r.Serve(l) }()
	t.Cleanup(func() {
		require.NoError(t, r.Shutdown(context.Background()))
		require.NoError(t, <-served)
	})
	p.url = "http://" + l.Addr().String()
	return p
}

// starter accepts deliveries; its runs have no answer.
type starter struct{ starts chan everhook.Delivery }

func (s starter) Prepare(_ *everhook.Version, d everhook.Delivery) (receiver.Prepared, error) {
	return prepared{s, d}, nil
}

type prepared struct {
	starter
	delivery everhook.Delivery
}

func (prepared) Size() int { return 0 }

func (p prepared) Start(context.Context) (everhook.Started, error) {
	p.starts <- p.delivery
	return everhook.Started{}, nil
}

func (p prepared) Run(ctx context.Context, _ time.Duration) (everhook.Started, error) {
	return p.Start(ctx)
}

func (s starter) Outcome(context.Context, string, everhook.RunID, time.Duration) (*everhook.Outcome, error) {
	return nil, everhook.ErrNoRun
}

func (s starter) RunVersion(context.Context, string, everhook.RunID) (int, error) {
	return 0, everhook.ErrNoRun
}

func (s starter) PrepareCall(string, everhook.RunID, everhook.ResumeCall) (receiver.PreparedCall, error) {
	return nil, everhook.ErrNoRun
}

// secret writes the file of a secret while everything runs, as Kubernetes does.
func (p *place) secret(name, value string) {
	p.t.Helper()
	require.NoError(p.t, os.WriteFile(filepath.Join(p.secrets, name), []byte(value+"\n"), 0o600))
}

// apply applies a flow file and returns the flow.
func (p *place) apply(file string) catalog.Flow {
	p.t.Helper()
	flow, problems := flowfile.Load("f.yaml", []byte(file), nodes.Standard())
	require.Empty(p.t, problems)
	_, err := p.Apply(p.t.Context(), flow.Definition, "f.yaml")
	require.NoError(p.t, err)
	return p.Flows()[0]
}

// call sends a delivery and returns status and body of the reply.
func (p *place) call(flow catalog.Flow, method, body string, headers map[string]string) (int, string) {
	p.t.Helper()
	address, query, _ := strings.Cut(method, "?")
	request, err := http.NewRequestWithContext(p.t.Context(), address, p.url+"/api/webhook:trigger/"+flow.Token+"?"+
		query, strings.NewReader(body))
	require.NoError(p.t, err)
	for name, value := range headers {
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	require.NoError(p.t, err)
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	require.NoError(p.t, err)
	return response.StatusCode, string(data)
}

func sign(t *testing.T, preset, body, secret string) map[string]string {
	t.Helper()
	known, _ := signature.Find(preset)
	signed, err := known.Sign(signature.Delivery{ID: "delivery-1", SentAt: time.Now(), Body: []byte(body)}, secret)
	require.NoError(t, err)
	return signed.Headers
}

func TestASignedFlowFromItsFileToItsRun(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	const file = `
key: shop
mode: async
trigger:
  type: webhook
  auth: { apiKey: { header: X-Api-Key, values: { secret: KEY } } }
  signature: { preset: github, secrets: [ { secret: OLD }, { secret: NEW } ] }
  rateLimit: { rate: 0.01, burst: 4 }
  schema: { type: object, required: [order] }
  request: { headers: [X-GitHub-Delivery], body: [] }
`
	p.secret("KEY", "the key")
	p.secret("OLD", "the old secret")
	flow := p.apply(file)
	require.False(t, flow.Served)
	require.Contains(t, flow.Note, "the secret NEW is not set")
	status, _ := p.call(flow, "POST", "{}", nil)
	require.Equal(t, 404, status)

	p.secret("NEW", "the new secret")
	require.NoError(t, p.Refresh(t.Context()))
	const body = `{"order":1}`
	signed := func(body, secret string) map[string]string {
		headers := sign(t, "github", body, secret)
		headers["X-Api-Key"] = "the key"
		return headers
	}
	status, _ = p.call(flow, "POST", body, sign(t, "github", body, "the new secret"))
	require.Equal(t, 401, status, "no key")
	for _, secret := range []string{"the old secret", "the new secret"} {
		status, _ = p.call(flow, "POST", body, signed(body, secret))
		require.Equal(t, 200, status)
		require.Equal(t, map[string]any{"x-github-delivery": "delivery-1"}, (<-p.starts).Trigger["headers"])
	}
	p.secret("OLD", "another secret")
	status, _ = p.call(flow, "POST", body, signed(body, "the old secret"))
	require.Equal(t, 401, status, "a secret that is replaced counts no longer, without a refresh")
	status, reply := p.call(flow, "POST", `{}`, signed(`{}`, "another secret"))
	require.Equal(t, 422, status)
	require.Contains(t, reply, `"errors":[{"pointer":"","detail":"missing property 'order'"}]`)
	status, _ = p.call(flow, "POST", body, signed(body, "the new secret"))
	require.Equal(t, 200, status)
	<-p.starts

	// The rate limit outlives the route.
	require.NoError(t, p.Refresh(t.Context()))
	status, _ = p.call(flow, "POST", body, signed(body, "the new secret"))
	require.Equal(t, 429, status)
	require.Empty(t, p.starts)
}

func TestARouteSaysWhatTheTriggerBlockSays(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	for _, name := range []string{"A", "B", "C", "D"} {
		p.secret(name, "value of "+name)
	}
	flow := p.apply(`
key: all
mode: sync
options: { onWait: 504 }
trigger:
  type: webhook
  allow: [203.0.113.0/24, "::1"]
  auth: { bearer: { tokens: [ { secret: A }, { secret: B } ] } }
  signature: { preset: meta, secrets: { secret: C }, verifyToken: { secret: D } }
  rateLimit: { rate: 2.5 }
nodes: [ { key: answer, type: response, config: { body: 1 } } ]
`)
	require.True(t, flow.Served, flow.Note)
	route, ok := p.Route(flow.Token)
	require.True(t, ok)
	require.Equal(t, "203.0.113.0/24", route.Allow[0].String())
	require.Equal(t, "::1/128", route.Allow[1].String())
	require.Equal(t, &receiver.Rate{PerSecond: 2.5, Burst: 2}, route.Rate)
	require.Equal(t, 5*time.Second, route.Wait, "as the provider's patience asks")
	require.Equal(t, 504, route.OnWait)
	require.Nil(t, route.Schema)
	require.Contains(t, route.NeverKept, "x-hub-signature-256")
	for i, credential := range []receiver.Credential{route.Bearer[0].Value, route.Bearer[1].Value,
		route.Signature.Secrets[0], route.Handshakes[0].Tokens[0]} {
		value, err := credential()
		require.NoError(t, err)
		require.Equal(t, "value of "+string("ABCD"[i]), value)
	}
	status, _ := p.call(flow, "POST", "{}", map[string]string{"Authorization": "Bearer value of A"})
	require.Equal(t, 403, status)
}

func TestMetasSubscriptionOfAFlow(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.secret("APP", "app secret")
	p.secret("VERIFY", "meatyhamhock")
	flow := p.apply("key: m\nmode: async\ntrigger: { type: webhook, signature: { preset: meta, secrets: { secret: " +
		"APP }, verifyToken: { secret: VERIFY } } }\n")
	status, reply := p.call(flow, "GET?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=meatyhamhock", "",
		nil)
	require.Equal(t, 200, status)
	require.Equal(t, "1158201444", reply)
	status, _ = p.call(flow, "GET?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=x", "", nil)
	require.Equal(t, 401, status)
	status, _ = p.call(flow, "POST", "{}", sign(t, "meta", "{}", "app secret"))
	require.Equal(t, 200, status)
}

func TestAFlowWhoseSecretCannotSignIsNotServed(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.secret("S", "whsec_not/base64/planted")
	flow := p.apply("key: s\nmode: async\ntrigger: { type: webhook, signature: { preset: standard-webhooks, secrets: " +
		"{ secret: S } } }\n")
	require.False(t, flow.Served)
	require.Contains(t, flow.Note, "the secret S cannot be used for standard-webhooks")
	require.NotContains(t, flow.Note, "planted")

	p.secret("S", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	require.NoError(t, p.Refresh(t.Context()))
	require.True(t, p.Flows()[0].Served)
	status, _ := p.call(flow, "POST", "{}",
		sign(t, "standard-webhooks", "{}", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
	require.Equal(t, 200, status)
}
