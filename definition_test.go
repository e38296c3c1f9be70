package everhook_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/strict"
)

func TestRetryTakesStatusesAsNumbersAndText(t *testing.T) {
	t.Parallel()
	var retry everhook.Retry
	strict.Decode(map[string]any{"on": []any{"connect", 503, "5xx"}}, &retry, "", func(pointer, message, _ string) {
		require.Failf(t, "a problem", "%s: %s", pointer, message)
	})
	want := everhook.Retry{On: []everhook.RetryCause{"connect", "503", "5xx"}}
	require.Equal(t, want, retry)

	data, err := everhook.EncodeJSON(retry)
	require.NoError(t, err)
	require.JSONEq(t, `{"on": ["connect", "503", "5xx"]}`, string(data))
	var back everhook.Retry
	require.NoError(t, json.Unmarshal(data, &back))
	require.Equal(t, want, back)
}

const definition = `{"key":"order-intake","title":"Orders","mode":"sync","trigger":{"token":"abcdefgh",` +
	`"type":"webhook"},"options":{"wait":"PT30S"},"nodes":[{"key":"z","type":"condition","config":{"expression":"a ` +
	`< b"},"branches":{"then":[{"key":"y","type":"end"}],"else":[],"error":[{"key":"x","type":"end"}]},` +
	`"onError":"branch"},{"key":"call","type":"http-request","title":"Call","timeout":"PT5S",` +
	`"retry":{"maxAttempts":2,"backoff":1.5}}]}`

func TestADefinitionIsTheSameAfterAPayload(t *testing.T) {
	t.Parallel()
	var d everhook.Definition
	require.NoError(t, json.Unmarshal([]byte(definition), &d))
	require.Equal(t, everhook.Trigger{Type: "webhook", Config: everhook.Mapping{"token": "abcdefgh"}}, d.Trigger)
	var names []string
	for _, branch := range d.Nodes[0].Branches {
		names = append(names, branch.Name)
	}
	require.Equal(t, []string{"then", "else", "error"}, names, "in the order of the file")
	text, err := everhook.EncodeJSON(&d)
	require.NoError(t, err)
	require.Equal(t, definition, string(text))
}

func TestTheHashOfADefinitionDependsOnItsContentAlone(t *testing.T) {
	t.Parallel()
	hash := func(change func(*everhook.Definition)) string {
		var d everhook.Definition
		require.NoError(t, json.Unmarshal([]byte(definition), &d))
		change(&d)
		h, err := d.Hash()
		require.NoError(t, err)
		return h
	}
	same := hash(func(*everhook.Definition) {})
	require.Len(t, same, 64)
	require.Equal(t, same, hash(func(d *everhook.Definition) {
		d.Trigger.Config = everhook.Mapping{
			"token": "abcdefgh"}
	}))
	require.NotEqual(t, same, hash(func(d *everhook.Definition) { d.Title = "Other" }))
	require.NotEqual(t, same, hash(func(d *everhook.Definition) { d.Nodes[0].Branches[0].Name = "than" }))
	_, err := (&everhook.Definition{Nodes: []everhook.Node{{Config: everhook.Mapping{"f": func() {}}}}}).Hash()
	require.Error(t, err)
}

func TestADefinitionThatIsNoneIsRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{"trigger":5}`, `{"nodes":[{"branches":[]}]}`, `{"nodes":[{"branches":{"then":5}}]}`,
		`{"nodes":[{"branches":{"then":[]`, `{"options":{"wait":"soon"}}`, `{"nodes":[{"config":{"a":1,"a":2}}]}`,
	} {
		var d everhook.Definition
		require.Error(t, json.Unmarshal([]byte(text), &d), text)
	}
}

func TestNamesForPeopleFallBackToKeys(t *testing.T) {
	t.Parallel()
	require.Equal(t, "Title", (&everhook.Definition{Key: "key", Title: "Title"}).Name())
	require.Equal(t, "key", (&everhook.Definition{Key: "key"}).Name())
	require.Equal(t, "Title", (&everhook.Node{Key: "key", Title: "Title"}).Name())
	require.Equal(t, "key", (&everhook.Node{Key: "key"}).Name())
	_, ok := everhook.Branches{{Name: "then"}}.Get("else")
	require.False(t, ok)
}

func TestKeysAndTokens(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"a", "order-intake", "0", strings.Repeat("a", 63)} {
		require.True(t, everhook.IsFlowKey(key), key)
	}
	for _, key := range []string{"", "-a", "A", "a_b", "a b", "a\n", strings.Repeat("a", 64), "é"} {
		require.False(t, everhook.IsFlowKey(key), key)
	}
	for _, key := range []string{"a", "_a1", "camelCase", strings.Repeat("a", 64)} {
		require.True(t, everhook.IsNodeKey(key), key)
	}
	for _, key := range []string{"", "1a", "a-b", "a.b", "a\n", strings.Repeat("a", 65), "é"} {
		require.False(t, everhook.IsNodeKey(key), key)
	}
	for _, token := range []string{"abcdefgh", "A_-9bcde", strings.Repeat("a", 128)} {
		require.True(t, everhook.IsToken(token), token)
	}
	for _, token := range []string{"", "short", "abcdefg!", "abcdefgh\n", strings.Repeat("a", 129)} {
		require.False(t, everhook.IsToken(token), token)
	}
}
