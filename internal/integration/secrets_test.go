package integration

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/proxy"
	"google.golang.org/protobuf/proto"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/secrets/secretstest"
	"github.com/everhook/everhook/workflows"
)

// Secrets of the shared server. They need escaping in URLs, so that all their forms are different.
const (
	plantedPassword = "pl4nted/pass+word?&="
	plantedBearer   = "pl4nted-bearer/t0k+en="
	plantedInURL    = "pl4nted/in a+url&="
)

// plantedEnviron are the variables that set them.
func plantedEnviron() []string {
	return []string{
		"EVERHOOK_SECRET_PLANTED_PASSWORD=" + plantedPassword, "EVERHOOK_SECRET_PLANTED_BEARER=" + plantedBearer,
		"EVERHOOK_SECRET_PLANTED_URL=" + plantedInURL,
	}
}

// plantedForms returns all forms of the planted secrets, by a name.
func plantedForms() map[string]string {
	forms := map[string]string{}
	for name, secret := range map[string]string{"password": plantedPassword, "bearer": plantedBearer,
		"url": plantedInURL} {
		forms[name] = secret
		forms[name+" in a query"] = url.QueryEscape(secret)
		forms[name+" in a path"] = url.PathEscape(secret)
		forms[name+" in base64"] = strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(secret)), "=")
		forms[name+" in base64 for URLs"] = strings.TrimRight(base64.URLEncoding.EncodeToString([]byte(secret)), "=")
	}
	forms["credentials"] = base64.StdEncoding.EncodeToString([]byte("shop:" + plantedPassword))
	return forms
}

// requireNothingPlanted fails the test if a text contains a planted secret.
func requireNothingPlanted(t *testing.T, where string, written []byte) {
	t.Helper()
	for name, form := range plantedForms() {
		if at := bytes.Index(written, []byte(form)); at >= 0 {
			t.Errorf("%s holds the %s: …%s…", where, name, written[max(0, at-80):min(len(written), at+len(form)+40)])
		}
	}
}

// gossip answers with everything that it received, in many forms.
func gossip(w http.ResponseWriter, r *http.Request) {
	query := map[string]string{}
	for name := range r.URL.Query() {
		query[name] = r.URL.Query().Get(name)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Gossip", r.Header.Get("Authorization"))
	if strings.HasPrefix(r.URL.Path, "/fails") {
		w.WriteHeader(http.StatusTeapot)
	}
	_ = json.NewEncoder(w).Encode(map[string]any{
		"headers": r.Header, "url": r.URL.String(), "query": query,
		"encoded": base64.StdEncoding.EncodeToString([]byte(strings.TrimPrefix(r.Header.Get("Authorization"),
			"Bearer "))),
	})
}

// everyForm are all forms of the planted secrets, by a name, and those in JSON and HTML.
func everyForm() map[string]string {
	forms := plantedForms()
	for name, secret := range map[string]string{"password": plantedPassword, "bearer": plantedBearer,
		"url": plantedInURL} {
		for form, text := range secretstest.Forms(secret) {
			forms[name+" as "+form] = text
		}
	}
	return forms
}

func requireNoForm(t *testing.T, where string, written []byte) {
	t.Helper()
	for name, form := range everyForm() {
		quoted, err := everhook.EncodeJSON(form)
		require.NoError(t, err)
		for how, text := range map[string]string{"": form, " in JSON": strings.Trim(string(quoted), `"`),
			" in HTML": html.EscapeString(form)} {
			if at := bytes.Index(written, []byte(text)); at >= 0 {
				t.Errorf("%s holds the %s%s: …%q…", where, name, how,
					written[max(0, at-80):min(len(written), at+len(text)+40)])
			}
		}
	}
}

// TestSecretsInFormsOfOthersAreWrittenNowhere has a partner that writes the secrets that it is told in every form, as
// JSON, as text and in errors. It has a server of its own, whose files are few.
func TestSecretsInFormsOfOthersAreWrittenNowhere(t *testing.T) {
	t.Parallel()
	partner := newPartner(t, func(w http.ResponseWriter, r *http.Request) {
		switch forms := everyForm(); r.URL.Path {
		case "/json":
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(forms)
		case "/fails":
			w.WriteHeader(http.StatusTeapot)
			_ = json.NewEncoder(w).Encode(forms)
		default:
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			for _, name := range everhook.SortedKeys(forms) {
				_, _ = fmt.Fprintf(w, "%s: %s\n", name, forms[name])
			}
		}
	})
	p := start(t, config{environ: plantedEnviron()})
	secrets := `auth: { bearer: '{{ secret.PLANTED_BEARER }}' }, query: { key: '{{ secret.PLANTED_URL }}' }, ` +
		`headers: { X-Key: '{{ secret.PLANTED_PASSWORD }}' }`
	f := p.sync(t, "told-in-every-form", `nodes:
  - { key: json, type: http-request, config: { url: '`+partner.URL+`/json', `+secrets+` } }
  - { key: text, type: http-request, config: { url: '`+partner.URL+`/text', `+secrets+` } }
  - { key: fails, type: http-request, onError: continue, config: { url: '`+partner.URL+`/fails', `+secrets+` } }
  - key: a
    type: response
    config: { body: { json: '{{ nodes.json }}', text: '{{ nodes.text }}', fails: '{{ errors.fails }}' } }
`)
	got := f.post(t, "{}")
	require.Equal(t, 200, got.status, got.body)
	require.Len(t, partner.received(), 3)
	require.Contains(t, got.body, "password as hex of UTF-16", "the answers are kept, without the secrets")
	requireNoForm(t, "the answer", []byte(got.body))
	requireNoForm(t, "the history", payloads(t, f, got.run))
	for _, path := range []string{"/api/v1/runs/", "/runs/"} {
		requireNoForm(t, path, []byte(get(t, p.AdminURL()+path+string(got.run)).body))
	}
	requireNoForm(t, "the log", []byte(p.logs.String()))
	require.NoError(t, filepath.WalkDir(p.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		requireNoForm(t, entry.Name(), data)
		return err
	}))
}

func TestSecretsAreWrittenNowhere(t *testing.T) {
	t.Parallel()
	partner := newPartner(t, gossip)
	nodes := `nodes:
  - key: tells
    type: http-request
    timeout: 5s
    config: { method: POST, url: '` + partner.URL + `/{{ secret.PLANTED_URL }}', auth: { bearer: '{{ secret.PLANTED_BEARER }}' }, query: { key: '{{ secret.PLANTED_URL }}' }, headers: { X-Key: 'k {{ secret.PLANTED_PASSWORD }}' }, body: { key: '{{ secret.PLANTED_BEARER }}' } }
  - key: fails
    type: http-request
    timeout: 5s
    onError: continue
    config: { url: '` + partner.URL + `/fails', auth: { basic: { username: shop, password: '{{ secret.PLANTED_PASSWORD }}' } }, query: { key: '{{ secret.PLANTED_URL }}' } }
  - key: away
    type: http-request
    timeout: 2s
    retry: { maxAttempts: 1 }
    onError: continue
    config: { url: 'http://127.0.0.1:1/{{ secret.PLANTED_URL }}', auth: { bearer: '{{ secret.PLANTED_BEARER }}' } }
`
	answer := `  - { key: a, type: response, config: { headers: { X-Gossip: '{{ nodes.tells.headers["x-gossip"] }}' }, body: { tells: '{{ nodes.tells }}', fails: '{{ errors.fails }}', away: '{{ errors.away }}' } } }
`
	f := shared.apply(t, "key: secrets\nmode: sync\ntrigger: { type: webhook, auth: { basic: { username: shop, "+
		"password: { secret: PLANTED_PASSWORD } } } }\n"+nodes+answer)
	f.post(t, "{}", user("shop", "wrong")).problem(t, 401, everhook.ProblemUnauthorized)
	got := f.post(t, "{}", user("shop", plantedPassword))
	require.Equal(t, 200, got.status, got.body)
	failing := shared.apply(t, "key: secrets-failing\nmode: sync\ntrigger: { type: webhook }\n"+
		strings.ReplaceAll(nodes, "    onError: continue\n", ""))
	failed := failing.post(t, "{}")
	failed.problem(t, 500, everhook.ProblemRunFailed)

	told := partner.received()
	require.Len(t, told, 4)
	require.Equal(t, "Bearer "+plantedBearer, told[0].header.Get("Authorization"), "the partner is told the secrets")
	require.Contains(t, told[0].body, plantedBearer)

	for _, one := range []struct {
		flow flow
		got  reply
	}{{f, got}, {failing, failed}} {
		f, run := one.flow, one.got.run
		f.ended(t, run)
		var headers bytes.Buffer
		require.NoError(t, one.got.header.Write(&headers))
		requireNothingPlanted(t, "the answer", []byte(one.got.body))
		requireNothingPlanted(t, "the headers of the answer", headers.Bytes())
		requireNothingPlanted(t, "the history", payloads(t, f, run))
		requireNothingPlanted(t, "the answer endpoint",
			[]byte(f.answer(t, run, "", user("shop", plantedPassword)).body))
		for _, path := range []string{"/api/v1/runs/" + string(run), "/runs/" + string(run), "/api/v1/runs?flow=" +
			f.key, "/api/v1/flows", "/", "/runs?flow=" + f.key} {
			page := get(t, shared.AdminURL()+path)
			require.Equal(t, 200, page.status, path)
			requireNothingPlanted(t, path, []byte(page.body))
		}
		replay(t, f, run)
	}
	record(t, f, got.run, "secrets")
	requireNothingPlanted(t, "the log", []byte(shared.logs.String()))
	require.NoError(t, filepath.WalkDir(shared.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		requireNothingPlanted(t, entry.Name(), data)
		return err
	}))
}

// payloads returns the whole history of a run: as it is stored, and each payload decoded.
func payloads(t *testing.T, f flow, run everhook.RunID) []byte {
	t.Helper()
	history, err := f.product.history(t.Context(), everhook.WorkflowID(f.key, run), "")
	require.NoError(t, err)
	all, err := proto.Marshal(history)
	require.NoError(t, err)
	decoded := 0
	require.NoError(t, proxy.VisitPayloads(t.Context(), history, proxy.VisitPayloadsOptions{
		Visitor: func(_ *proxy.VisitPayloadsContext, found []*commonpb.Payload) ([]*commonpb.Payload, error) {
			plain, err := workflows.PayloadCodec().Decode(found)
			for _, payload := range plain {
				all = append(append(all, '\n'), payload.GetData()...)
				decoded++
			}
			return found, err
		},
	}))
	require.Greater(t, decoded, 5)
	return all
}
