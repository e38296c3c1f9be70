package api

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/internal/flowedit"
)

const edited = `# the orders
key: orders
mode: async
trigger: { type: webhook }
nodes:
  # what came
  - { key: got, type: variable, config: { value: '{{ trigger.body }}' } }
  - key: used
    type: variable
    config:
      value: '{{ nodes.got.id }}' # its number
`

func edits(t *testing.T, e DraftEdits) string {
	t.Helper()
	body, err := json.Marshal(e)
	require.NoError(t, err)
	return string(body)
}

func TestADraftIsEdited(t *testing.T) {
	t.Parallel()
	s, _ := onStore(t)
	body, err := json.Marshal(DraftText{Text: edited})
	require.NoError(t, err)
	tag := s.call(t, "PUT", "/api/v1/flows/orders/draft", string(body)).Header().Get("ETag")
	const path = "/api/v1/flows/orders/draft/edit"

	remove := DraftEdits{Operations: []flowedit.Operation{{Op: flowedit.Remove, Pointer: "/nodes/0"}}, DryRun: true}
	w := s.call(t, "POST", path, edits(t, remove), "If-Match", tag)
	asked := decode[EditedDraft](t, w)
	require.Equal(t, tag, w.Header().Get("ETag"))
	require.Len(t, asked.Broke, 1)
	require.Equal(t, "used", asked.Broke[0].Node)
	require.NotContains(t, asked.Draft.Text, "what came")
	require.Equal(t, edited, decode[Draft](t, s.call(t, "GET", "/api/v1/flows/orders/draft", "")).Text)

	rename := DraftEdits{Operations: []flowedit.Operation{{Op: flowedit.Rename, Pointer: "/nodes/0", Key: "order"}}}
	w = s.call(t, "POST", path, edits(t, rename), "If-Match", tag)
	done := decode[EditedDraft](t, w)
	require.Empty(t, done.Broke)
	require.Contains(t, done.Draft.Text, "'{{ nodes.order.id }}' # its number")
	require.Equal(t, "rename /nodes/0", done.Draft.Operation)
	require.NotZero(t, done.Draft.Undo)

	require.Equal(t, 412, s.call(t, "POST", path, edits(t, rename), "If-Match", tag).Code)
	tag = w.Header().Get("ETag")
	undone := s.call(t, "POST", "/api/v1/flows/orders/draft/undo", "", "If-Match", tag)
	require.Equal(t, edited, decode[Draft](t, undone).Text)

	requireProblemAt(t, s, path, `{"operations":[{"op":"remove","pointer":"/nodes/9"}]}`, undone.Header().Get("ETag"))
	requireProblemAt(t, s, path, `{"operations":[]}`, undone.Header().Get("ETag"))
	require.Equal(t, edited, decode[Draft](t, s.call(t, "GET", "/api/v1/flows/orders/draft", "")).Text)
}

func requireProblemAt(t *testing.T, s *service, path, body, tag string) {
	t.Helper()
	w := s.call(t, "POST", path, body, "If-Match", tag)
	require.Equal(t, 400, w.Code, w.Body)
	require.Contains(t, w.Body.String(), `"pointer":"/body/operations`)
}

func TestAnEditOfABrokenDraftIsRefused(t *testing.T) {
	t.Parallel()
	s, _ := onStore(t)
	w := s.call(t, "PUT", "/api/v1/flows/orders/draft", `{"text":"key: {"}`)
	requireProblemAt(t, s, "/api/v1/flows/orders/draft/edit",
		`{"operations":[{"op":"set","pointer":"/key","value":"a"}]}`, w.Header().Get("ETag"))
}
