//go:build !noembedded

package embedded

import (
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
)

func TestTheUIWorksBelowItsPath(t *testing.T) {
	t.Parallel()
	web := httptest.NewServer(shared.Load().server.UI())
	t.Cleanup(web.Close)
	for path, want := range map[string]string{
		"/temporal":                                       `base: "/temporal"`,
		"/temporal/":                                      `import("/temporal/_app/immutable/entry/start.`,
		"/temporal/namespaces/default/workflows":          `<div id="svelte">`,
		"/temporal/api/v1/settings":                       `"DefaultNamespace":"default"`,
		"/temporal/api/v1/namespaces":                     `"name": "default"`,
		"/temporal/api/v1/cluster-info":                   `"serverVersion"`,
		"/temporal/render?content=**hi**&theme=dark":      "<strong>hi</strong>",
		"/temporal/api/v1/namespaces/default/workflows/x": "workflow not found for ID: x",
	} {
		response := fetch(t, web, path)
		require.Contains(t, response, want, path)
	}
}

func TestTheUISendsEveryAssetThatItsPageNames(t *testing.T) {
	t.Parallel()
	web := httptest.NewServer(shared.Load().server.UI())
	t.Cleanup(web.Close)
	assets := regexp.MustCompile(`"(/temporal/_app/[^"]+)"`).FindAllStringSubmatch(fetch(t, web, "/temporal/"), -1)
	require.Greater(t, len(assets), 10)
	for _, asset := range assets {
		response, err := http.Get(web.URL + asset[1])
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, http.StatusOK, response.StatusCode, asset[1])
		require.Contains(t, response.Header.Get("Content-Type"), "javascript", asset[1])
	}
}

func TestThePageAllowsItsOwnScriptOnly(t *testing.T) {
	t.Parallel()
	web := httptest.NewServer(shared.Load().server.UI())
	t.Cleanup(web.Close)
	page := fetch(t, web, "/temporal/")
	script := inlineScript.FindStringSubmatch(page)
	require.NotNil(t, script)
	sum := sha256.Sum256([]byte(script[1]))
	require.Contains(t, page, "script-src 'strict-dynamic' 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'")
}

func TestTheUIListsRuns(t *testing.T) {
	t.Parallel()
	web := httptest.NewServer(shared.Load().server.UI())
	t.Cleanup(web.Close)
	_, err := shared.Load().client.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "listed",
		TaskQueue: answerQueue}, sleepWorkflow, time.Millisecond)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		return strings.Contains(fetch(t, web, "/temporal/api/v1/namespaces/default/workflows"),
			`"workflowId": "listed"`)
	}, time.Minute, 20*time.Millisecond, "visibility is written after the run has begun")
}

func TestTheUIFindsARunWhoseIDHasASlash(t *testing.T) {
	t.Parallel()
	web := httptest.NewServer(shared.Load().server.UI())
	t.Cleanup(web.Close)
	_, err := shared.Load().client.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "orders/17",
		TaskQueue: answerQueue}, sleepWorkflow, time.Millisecond)
	require.NoError(t, err)
	require.Contains(t, fetch(t, web, "/temporal/api/v1/namespaces/default/workflows/orders%2F17"),
		`"workflowId": "orders/17"`)
}

func TestTheUIRefusesRequestsOfOtherSites(t *testing.T) {
	t.Parallel()
	for site, want := range map[string]int{"same-origin": http.StatusNotFound, "cross-site": http.StatusForbidden} {
		request := httptest.NewRequest(http.MethodPost,
			"/temporal/api/v1/namespaces/default/workflows/nobody/terminate", strings.NewReader("{}"))
		request.Header.Set("Sec-Fetch-Site", site)
		recorder := httptest.NewRecorder()
		shared.Load().server.UI().ServeHTTP(recorder, request)
		require.Equal(t, want, recorder.Code, site)
	}
}

func TestAPageWithoutScriptStaysAsItIs(t *testing.T) {
	t.Parallel()
	require.Equal(t, `<p>"/ui/_app/x"</p>`, string(rebase([]byte(`<p>"/_app/x"</p>`), "/ui")))
}

func fetch(t *testing.T, web *httptest.Server, path string) string {
	t.Helper()
	response, err := http.Get(web.URL + path)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return string(body)
}
