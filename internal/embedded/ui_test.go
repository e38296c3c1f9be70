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
	enumspb "go.temporal.io/api/enums/v1"
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

func TestTheReadOnlyUIChangesNothing(t *testing.T) {
	t.Parallel()
	reads, acts := shared.Load().server.ReadOnlyUI(), shared.Load().server.UI()
	ask := func(ui http.Handler, method, path string) int {
		request := httptest.NewRequest(method, "/temporal/api/v1/namespaces/default/"+path, strings.NewReader("{}"))
		request.Header.Set("Sec-Fetch-Site", "same-origin")
		recorder := httptest.NewRecorder()
		ui.ServeHTTP(recorder, request)
		return recorder.Code
	}
	run, err := shared.Load().client.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "query/17",
		TaskQueue: answerQueue}, sleepWorkflow, time.Hour)
	require.NoError(t, err)
	for _, change := range []string{"POST workflows/query%2F17/terminate", "POST workflows/query%2F17/cancel",
		"POST workflows/query%2F17/signal/x", "POST workflows/query%2F17/reset", "POST workflows/query/17/terminate",
		"POST workflows/query%2F17/query/x/terminate", "POST workflows", "POST schedules/x", "PATCH schedules/x",
		"DELETE schedules/x", "PUT schedules/query%2F17", "POST batch-operations/x", "POST update"} {
		method, path, _ := strings.Cut(change, " ")
		require.Equal(t, http.StatusMethodNotAllowed, ask(reads, method, path), change)
	}
	require.Equal(t, http.StatusOK, ask(reads, "GET", "workflows/query%2F17"))
	require.NotEqual(t, http.StatusMethodNotAllowed, ask(reads, "POST", "workflows/query%2F17/query/__stack_trace"))
	web := httptest.NewServer(reads)
	t.Cleanup(web.Close)
	require.Contains(t, fetch(t, web, "/temporal/api/v1/settings"), `"DisableWriteActions":true`)

	described, err := shared.Load().client.DescribeWorkflowExecution(t.Context(), "query/17", run.GetRunID())
	require.NoError(t, err)
	require.Equal(t, enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, described.WorkflowExecutionInfo.GetStatus())
	require.Equal(t, http.StatusOK, ask(acts, "POST", "workflows/query%2F17/terminate"), "that of admins acts")
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
