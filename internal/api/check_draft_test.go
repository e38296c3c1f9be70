package api

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/internal/assist"
)

// drafted keeps a draft and returns its ETag.
func (s *service) drafted(t *testing.T, key, text string) string {
	t.Helper()
	body, err := json.Marshal(DraftText{Text: text})
	require.NoError(t, err)
	w := s.call(t, "PUT", "/api/v1/flows/"+key+"/draft", string(body))
	require.Equal(t, 200, w.Code, w.Body)
	return w.Header().Get("ETag")
}

func TestADraftIsCheckedAndDrawn(t *testing.T) {
	t.Parallel()
	s, _ := onStore(t)
	tag := s.drafted(t, "orders", edited+"  - { key: odd, type: condition }\n")
	w := s.call(t, "GET", "/api/v1/flows/orders/draft/check", "")
	checked := decode[CheckedDraft](t, w)
	require.Equal(t, tag, w.Header().Get("ETag"))
	require.Len(t, checked.Outline.Steps, 3)
	require.Equal(t, "odd", checked.Problems[0].Node)
	require.Equal(t, "orders", checked.Value.V.(map[string]any)["key"])

	s.drafted(t, "broken", "key: {")
	checked = decode[CheckedDraft](t, s.call(t, "GET", "/api/v1/flows/broken/draft/check", ""))
	require.Nil(t, checked.Outline)
	require.Nil(t, checked.Value)
	require.NotEmpty(t, checked.Problems)
	require.Equal(t, 404, s.call(t, "GET", "/api/v1/flows/none/draft/check", "").Code)
}

func TestAnExpressionOfADraftIsCompleted(t *testing.T) {
	t.Parallel()
	s, _ := onStore(t)
	s.Settings = func() []string { return []string{"REGION"} }
	s.drafted(t, "orders", edited)
	complete := func(text string) CompletedExpression {
		body, err := json.Marshal(ExpressionAt{Pointer: "/nodes/1/config/value", Text: text, Offset: len(text)})
		require.NoError(t, err)
		return decode[CompletedExpression](t, s.call(t, "POST", "/api/v1/flows/orders/draft/complete", string(body)))
	}
	require.Equal(t, "got", complete("{{ nodes.").Proposals[0].Name)
	require.Equal(t, "REGION", complete("{{ env.R").Proposals[0].Name)
	require.Equal(t, assist.Function, complete("{{ upper").About.Sort)
	require.Empty(t, complete("nodes.").Proposals)

	names := decode[NameList](t, s.call(t, "GET", "/api/v1/flows/orders/draft/names?pointer=/nodes/0/config/value", ""))
	group := names.Groups[slices.IndexFunc(names.Groups, func(g assist.NameGroup) bool { return g.Name == "results" })]
	require.Equal(t, "nodes.used", group.Names[0].Text)
	require.Equal(t, "it runs later", group.Names[0].Hidden)

	s.drafted(t, "broken", "key: {")
	names = decode[NameList](t, s.call(t, "GET", "/api/v1/flows/broken/draft/names?pointer=/nodes/0", ""))
	require.Empty(t, names.Groups)
}

func TestADraftHasTheURLThatTheFlowWillHave(t *testing.T) {
	t.Parallel()
	s, _ := onStore(t)
	tag := s.drafted(t, "orders", flowText("orders", "200"))
	url := decode[Draft](t, s.call(t, "GET", "/api/v1/flows/orders/draft", "")).URL
	require.Greater(t, len(url), len("http://h/")+20)
	require.Equal(t, 200, s.call(t, "POST", "/api/v1/flows/orders/draft/publish", "", "If-Match", tag).Code)
	require.Equal(t, url, decode[Flow](t, s.call(t, "GET", "/api/v1/flows/orders", "")).URL)
	s.drafted(t, "orders", flowText("orders", "201"))
	require.Equal(t, url, decode[Draft](t, s.call(t, "GET", "/api/v1/flows/orders/draft", "")).URL)
}

func TestKindsHaveForms(t *testing.T) {
	t.Parallel()
	s, _ := onStore(t)
	list := decode[KindList](t, s.call(t, "GET", "/api/v1/kinds", ""))
	require.Equal(t, "condition", list.Kinds[0].Kind)
	require.NotEmpty(t, list.Presets)
	require.NotEmpty(t, list.Triggers)
}

func TestASampleIsParsed(t *testing.T) {
	t.Parallel()
	s, _ := onStore(t)
	parsed := decode[ParsedSample](t, s.call(t, "POST", "/api/v1/parse", `{"a":[{"b":1}]}`))
	require.Equal(t, []string{"a", "a[0]", "a[0].b"}, parsed.Paths)
	require.Equal(t, "a.b", parsed.Body[1].Path)
	parsed = decode[ParsedSample](t, s.call(t, "POST", "/api/v1/parse", `curl http://h/?x=1 -H 'X-A: 1'`))
	require.Equal(t, "x", parsed.Query[0].Path)
	require.Equal(t, []string{"X-A"}, parsed.Headers)
	require.Equal(t, 400, s.call(t, "POST", "/api/v1/parse", `{"a":`).Code)
}
