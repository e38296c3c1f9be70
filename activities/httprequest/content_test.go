package httprequest

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
	"github.com/everhook/everhook/internal/content"
)

// encoded returns text in a content encoding.
func encoded(t testing.TB, name, text string) string {
	t.Helper()
	var out bytes.Buffer
	var w io.WriteCloser
	switch name {
	case "gzip", "x-gzip":
		w = gzip.NewWriter(&out)
	case "deflate":
		w = zlib.NewWriter(&out)
	case "bare deflate":
		w, _ = flate.NewWriter(&out, -1)
	case "br":
		w = brotli.NewWriter(&out)
	case "zstd":
		w, _ = zstd.NewWriter(&out)
	default:
		return text
	}
	_, err := io.WriteString(w, text)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.String()
}

func TestEveryContentEncodingIsDecoded(t *testing.T) {
	t.Parallel()
	const text = `{"a":[1]}`
	for name, c := range map[string]struct {
		header, body string
		want         any
	}{
		"gzip":             {"gzip", encoded(t, "gzip", text), map[string]any{"a": []any{1}}},
		"x-gzip":           {"X-GZip", encoded(t, "gzip", text), map[string]any{"a": []any{1}}},
		"deflate":          {"deflate", encoded(t, "deflate", text), map[string]any{"a": []any{1}}},
		"bare deflate":     {"deflate", encoded(t, "bare deflate", text), map[string]any{"a": []any{1}}},
		"br":               {"br", encoded(t, "br", text), map[string]any{"a": []any{1}}},
		"zstd":             {"zstd", encoded(t, "zstd", text), map[string]any{"a": []any{1}}},
		"identity":         {"identity", text, map[string]any{"a": []any{1}}},
		"several":          {"br, gzip", encoded(t, "gzip", encoded(t, "br", text)), map[string]any{"a": []any{1}}},
		"an empty body":    {"gzip", "", nil},
		"nothing, encoded": {"br", encoded(t, "br", ""), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			base := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.Header().Set("Content-Encoding", c.header)
				_, _ = io.WriteString(w, c.body)
			})
			for _, accept := range []map[string]any{nil, {"Accept-Encoding": "br"}, {"accept-encoding": "identity"}} {
				result := succeed(t, local(t), activities.HTTPRequestInput{URL: plainValue(base),
					Headers: plainValue(accept)})
				require.Equal(t, c.want, result.Body.V)
				require.NotContains(t, result.Headers, "content-encoding")
			}
		})
	}
}

func TestAFlowMaySetAcceptEncoding(t *testing.T) {
	t.Parallel()
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, strings.Join(r.Header.Values("Accept-Encoding"), "|"))
	})
	for _, c := range []struct {
		headers map[string]any
		want    string
	}{{nil, content.Encodings}, {map[string]any{"accept-encoding": "gzip;q=0.5"}, "gzip;q=0.5"}} {
		require.Equal(t, c.want, succeed(t, local(t), activities.HTTPRequestInput{URL: plainValue(base),
			Headers: plainValue(c.headers)}).Body.V)
	}
}

func TestABodyThatIsNotEncodedAsItSaysIsAnError(t *testing.T) {
	t.Parallel()
	for header, body := range map[string]string{
		"gzip": "plain text", "deflate": "\xff\xff\xff\xff", "br": "\xff\xff\xff", "zstd": "plain text",
		"gzip, gzip, gzip, gzip": "x",
	} {
		base := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", header)
			_, _ = io.WriteString(w, body)
		})
		failed, application := fail(t, local(t), activities.HTTPRequestInput{URL: plainValue(base)})
		require.Equal(t, everhook.TypeUnreadable, failed.Type, header)
		require.Contains(t, failed.Message, "the answer cannot be read", header)
		require.True(t, application.NonRetryable(), header)
	}
	for _, name := range []string{"gzip", "deflate", "br", "zstd"} {
		cut := encoded(t, name, strings.Repeat("abc", 100))
		base := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", name)
			_, _ = io.WriteString(w, cut[:len(cut)-1])
		})
		failed, _ := fail(t, local(t), activities.HTTPRequestInput{URL: plainValue(base)})
		require.Equal(t, everhook.TypeUnreadable, failed.Type, name)
	}
	base := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-ndjson")
		_, _ = io.WriteString(w, "1\n{")
	})
	failed, _ := fail(t, local(t), activities.HTTPRequestInput{URL: plainValue(base)})
	require.Equal(t, everhook.TypeUnreadable, failed.Type)
	require.Contains(t, failed.Message, "its JSON has an error at line 2, column 2")
}

func TestAConnectionThatBreaksWithinAnEncodingIsTriedAgain(t *testing.T) {
	t.Parallel()
	base := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, encoded(t, "gzip", "abc")[:12])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	failed, application := fail(t, local(t), activities.HTTPRequestInput{URL: plainValue(base)})
	require.Equal(t, everhook.TypeConnection, failed.Type)
	require.False(t, application.NonRetryable())
}

func TestAnUnknownEncodingStaysAsItIs(t *testing.T) {
	t.Parallel()
	base := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "compress")
		w.Header().Set("Content-Type", "application/octet-stream")
		_, _ = io.WriteString(w, "abc")
	})
	result := succeed(t, local(t), activities.HTTPRequestInput{URL: plainValue(base)})
	require.Equal(t, "YWJj", result.Body.V)
	require.Equal(t, "compress", result.Headers["content-encoding"])
}

func TestTheCapCountsDecodedBytes(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"gzip", "deflate", "br", "zstd"} {
		body := encoded(t, name, strings.Repeat("a", 50<<20))
		require.Less(t, len(body), 100<<10)
		base := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", name)
			_, _ = io.WriteString(w, body)
		})
		failed, application := fail(t, local(t), activities.HTTPRequestInput{URL: plainValue(base)})
		require.Equal(t, everhook.TypeResponse, failed.Type, name)
		require.True(t, application.NonRetryable())
	}
}

func TestAFailuresAnswerIsDecodedToo(t *testing.T) {
	t.Parallel()
	h := local(t, "PW=s3cret/in-gzip")
	base := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("Content-Type", "application/json; charset=utf-16")
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, encoded(t, "gzip", "\ufeff"))
		_, _ = io.WriteString(w, encoded(t, "gzip", `{"a":"s3cret\/in-gzip","a":2,"b":"s3cret\u002fin-gzip"}`))
	})
	failed, _ := fail(t, h, activities.HTTPRequestInput{URL: plainValue(base)})
	require.Equal(t, map[string]any{"a": 2, "b": "[secret PW]"}, failed.Response.V.(map[string]any)["body"])
}
