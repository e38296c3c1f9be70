package receiver_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/receiver"
)

func listed(values []receiver.SampleValue) string {
	var all []string
	for _, v := range values {
		text := v.Path + ":" + v.Type + "=" + v.Example
		if v.Secret {
			text += "!"
		}
		all = append(all, text)
	}
	return strings.Join(all, " ")
}

func TestReadSampleListsWhatAFlowCanKeep(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ text, form, query, body string }{
		"JSON": {`{"order":{"id":7,"card_token":"x","items":[{"sku":"tea"},{"sku":"mug","price":4.5}]}}`, "json", "",
			`order:mapping=3 fields order.card_token:text="x"! order.id:int=7 order.items:list=2 elements ` +
				`order.items.sku:text="tea" order.items.price:float=4.5`},
		"a URL":   {"https://h.example/a?x[y]=1&z=2#f", "url", `x:mapping=1 field x.y:text="1" z:text="2"`, ""},
		"a query": {"?a=1", "url", `a:text="1"`, ""},
		"a form":  {"a=1&b=two", "form", "", `a:text="1" b:text="two"`},
		"a curl command": {"curl -sS -X POST 'https://h.example/a?q=1' \\\n -H \"Content-Type: application/json\" \\\n" +
			` -d '{"a": "it'\''s"}'`, "curl", `q:text="1"`, `a:text="it's"`},
		"a curl command with a form": {"curl https://h.example -d a=1 --data-urlencode 'b=c d'", "curl", "",
			`a:text="1" b:text="c d"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sample, err := receiver.ReadSample(test.text)
			require.NoError(t, err)
			require.Equal(t, test.form, sample.Form)
			require.Equal(t, test.query, listed(sample.Query))
			require.Equal(t, test.body, listed(sample.Body))
		})
	}
}

func TestReadSampleKnowsTheSenderByItsHeaders(t *testing.T) {
	t.Parallel()
	sample, err := receiver.ReadSample(`curl https://h/ -H 'X-Hub-Signature-256: sha256=1' ` +
		`-H 'Authorization: Basic x' -H 'X-Github-Delivery: 7' --unheard-of -u a:b -d @file`)
	require.NoError(t, err)
	require.Equal(t, "github", sample.Preset)
	require.Equal(t, "preset", sample.Dedupe)
	require.Equal(t, []string{"X-Hub-Signature-256", "X-Github-Delivery"}, sample.Headers)
	require.Len(t, sample.Notes, 3)
	sample, err = receiver.ReadSample(`curl https://h/ -H 'Idempotency-Key: 1'`)
	require.NoError(t, err)
	require.Equal(t, "idempotency-key", sample.Dedupe)
	require.Equal(t, "GET", sample.Method)
}

func TestReadSampleRefusesWhatItCannotRead(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "  ", "hello", `{"a":`, "curl 'x"} {
		_, err := receiver.ReadSample(text)
		require.Error(t, err, text)
	}
}

func TestReadSampleBoundsWhatItLists(t *testing.T) {
	t.Parallel()
	large := `{"a":[` + strings.Repeat(`{"b":1},`, 100_000) + `{}],` + `"c":` + strings.Repeat(`{"d":`, 50) + "1" +
		strings.Repeat("}", 50) + "}"
	sample, err := receiver.ReadSample(large)
	require.NoError(t, err)
	require.LessOrEqual(t, len(sample.Body), 25)
	sample, err = receiver.ReadSample("a=1&" + strings.Repeat("b[]=2&", 900))
	require.NoError(t, err)
	require.NotEmpty(t, sample.Body)
}
