package integration

import (
	"bytes"
	"mime/multipart"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const echoOfEveryFormat = `key: every-format
mode: sync
trigger: { type: webhook, accept: [json, form, multipart, xml, text] }
nodes:
  - { key: echo, type: response, config: { body: { got: '{{ trigger.body }}' } } }
`

func TestBodiesOfEveryFormatReachTheirRun(t *testing.T) {
	t.Parallel()
	f := shared.apply(t, echoOfEveryFormat)
	var files bytes.Buffer
	writer := multipart.NewWriter(&files)
	require.NoError(t, writer.WriteField("order[id]", "7"))
	file, err := writer.CreateFormFile("photo", "a.png")
	require.NoError(t, err)
	_, err = file.Write([]byte{0, 0xff})
	require.NoError(t, err)
	require.NoError(t, writer.Close())

	for name, test := range map[string]struct{ mediaType, body, want string }{
		"JSON": {"application/json", `{"order":{"id":7}}`, `{"order":{"id":7}}`},
		"form": {"application/x-www-form-urlencoded",
			url.Values{"order[id]": {"7"}, "tags[]": {"a", "b"}}.Encode(), `{"order":{"id":"7"},"tags":["a","b"]}`},
		"multipart": {writer.FormDataContentType(), files.String(),
			`{"order":{"id":"7"},"photo":{"name":"photo","filename":"a.png",` +
				`"contentType":"application/octet-stream","size":2,"base64":"AP8="}}`},
		"XML": {"application/xml", `<order id="7"><item>a</item><item>b</item></order>`,
			`{"order":{"@id":"7","item":["a","b"]}}`},
		"text": {"text/plain", "order {{ 7 }}", `"order {{ 7 }}"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := f.post(t, test.body, header("Content-Type", test.mediaType))
			require.Equal(t, 200, got.status, got.body)
			require.JSONEq(t, `{"got":`+test.want+`}`, got.body)
		})
	}
}

func TestARunReadsABodyThatIsAsDeepAsIsAccepted(t *testing.T) {
	t.Parallel()
	f := shared.sync(t, "deep-body", "nodes:\n  - { key: taken, type: response, config: { body: { kind: '{{ "+
		"trigger.body[0][0] != nil }}' } } }\n")
	got := f.post(t, strings.Repeat("[", 100)+strings.Repeat("]", 100))
	require.Equal(t, 200, got.status, got.body)
	require.JSONEq(t, `{"kind":true}`, got.body)
	require.Equal(t, 400, f.post(t, strings.Repeat("[", 101)+strings.Repeat("]", 101)).status)
}
