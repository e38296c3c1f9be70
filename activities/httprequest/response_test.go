package httprequest

import (
	"encoding/base64"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
)

func TestAnAnswerIsDecodedByItsType(t *testing.T) {
	t.Parallel()
	h := local(t)
	for name, c := range map[string]struct {
		contentType, body string
		want              any
	}{
		"json": {"application/json; charset=utf-8", `{"a":1.0,"b":[null]}`,
			map[string]any{"a": 1, "b": []any{nil}}},
		"json by suffix":               {"application/problem+json", `[]`, []any{}},
		"no body":                      {"application/json", "", nil},
		"text":                         {"text/plain", "grüße", "grüße"},
		"white space as json":          {"application/json", " \r\n\t ", nil},
		"json with a byte order mark":  {"application/json", "\ufeff{\"a\": 1}\n", map[string]any{"a": 1}},
		"json in UTF-16":               {"application/json", "\xff\xfe1\x002\x00", 12},
		"json in another charset":      {"application/json; charset=iso-8859-1", "\"\xfc\"", "ü"},
		"json in UTF-16, unmarked":     {"application/json", "1\x002\x00", 12},
		"json that is UTF-8 after all": {"application/json; charset=latin1", `"ü"`, "ü"},
		"json by another name":         {"application/x-amz-json-1.1", `{"a":1}`, map[string]any{"a": 1}},
		"json named twice":             {"application/json, application/json;charset=utf-8", `7`, 7},
		"json on lines":                {"application/x-ndjson", "{\"a\":1}\n\n2\n", []any{map[string]any{"a": 1}, 2}},
		"no json on lines":             {"application/x-ndjson", "", []any{}},
		"xml in latin1, by its declaration": {"application/xml",
			"<?xml version='1.0' encoding='latin1'?><a>\xfc</a>", map[string]any{"a": "ü"}},
		"xml in UTF-16":               {"text/xml", "<\x00a\x00/\x00>\x00", map[string]any{"a": ""}},
		"text in gbk":                 {"text/plain; charset=gbk", "\xc4\xe3", "你"},
		"text with a wrong byte":      {"text/plain; charset=gbk", "a\xff", "a\ufffd"},
		"text with a byte order mark": {"text/plain", "\ufeffa", "a"},
		"text in latin1":              {"text/plain; charset=latin1", "gr\xfc\xdfe", "grüße"},
		"text in UTF-16 by its mark":  {"text/plain", "\xfe\xff\x00\xfc", "ü"},
		"text in shift-jis":           {"text/html; charset=Shift_JIS", "\x93\xfa", "日"},
		"text of an unknown charset":  {"text/plain; charset=x-unknown", "abc", "abc"},
		"text without its charset": {"text/plain", "gr\xfc\xdfe",
			base64.StdEncoding.EncodeToString([]byte("gr\xfc\xdfe"))},
		"xml":                        {"image/svg+xml", "<svg/>", "<svg/>"},
		"binary":                     {"application/octet-stream", "abc", "YWJj"},
		"a type that cannot be read": {"text/html; ;=", "<p>", "<p>"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			base := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", c.contentType)
				w.Header()["X-Many"] = []string{"a", "b\xff"}
				_, _ = io.WriteString(w, c.body)
			})
			result := succeed(t, h, activities.HTTPRequestInput{URL: plainValue(base)})
			require.Equal(t, c.want, result.Body.V)
			require.Equal(t, http.StatusOK, result.Status)
			require.Equal(t, "a, b\ufffd", result.Headers["x-many"])
			only := succeed(t, h, activities.HTTPRequestInput{URL: plainValue(base), OnlyBody: true})
			require.Equal(t, activities.HTTPRequestResult{Body: everhook.Value{V: c.want}, Attempts: 1}, only)
		})
	}
}

func TestAnUnexpectedStatusFailsWithTheStartOfItsAnswer(t *testing.T) {
	t.Parallel()
	h := local(t, "PW=hunter2hunter2")
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusPaymentRequired)
		switch r.URL.Path {
		case "/long":
			_, _ = io.WriteString(w, strings.Repeat("x", activities.FailureBody-5)+"hunter2hunter2")
		case "/runes":
			_, _ = io.WriteString(w, strings.Repeat("€", 1000))
		case "/binary":
			_, _ = io.WriteString(w, strings.Repeat("\xff", 3000))
		default:
			_, _ = io.WriteString(w, `{"code":"declined"}`)
		}
	})
	for path, want := range map[string]any{
		"/?secret=1": map[string]any{"code": "declined"},
		"/long":      strings.Repeat("x", activities.FailureBody-5) + "[secr",
		"/runes":     strings.Repeat("€", 682),
		"/binary":    base64.StdEncoding.EncodeToString([]byte(strings.Repeat("\xff", 2048))),
	} {
		failed, application := fail(t, h, activities.HTTPRequestInput{URL: plainValue(base + path)})
		require.Equal(t, everhook.Failed, failed.Status)
		require.Equal(t, everhook.TypeStatus, failed.Type)
		require.Equal(t, "GET "+base+strings.TrimSuffix(path, "?secret=1")+" answered 402 Payment Required",
			failed.Message)
		response := failed.Response.V.(map[string]any)
		require.Equal(t, 402, response["status"])
		require.Equal(t, "application/json", response["headers"].(map[string]any)["content-type"])
		require.Equal(t, want, response["body"])
		require.True(t, application.NonRetryable())
		require.Equal(t, temporal.ApplicationErrorCategoryBenign, application.Category())
	}
	expected := activities.HTTPRequestInput{URL: plainValue(base),
		Expect: []activities.StatusRange{{From: 200, To: 299}, {From: 402, To: 402}}}
	require.Equal(t, 402, succeed(t, h, expected).Status)
}

func TestABodyThatIsTooLargeIsAnErrorAndIsNotReadToItsEnd(t *testing.T) {
	t.Parallel()
	h := local(t)
	var written atomic.Int64
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/announced":
			w.Header().Set("Content-Length", "2000")
			_, _ = w.Write(make([]byte, 2000))
		case "/exact":
			_, _ = w.Write([]byte(strings.Repeat("x", 1000)))
		case "/escapes":
			w.Header().Set("Content-Type", "text/plain")
			_, _ = w.Write([]byte(strings.Repeat("\x01", 400<<10)))
		default:
			for r.Context().Err() == nil {
				n, _ := w.Write(make([]byte, 4096))
				written.Add(int64(n))
			}
		}
	})
	for _, path := range []string{"/endless", "/announced"} {
		failed, application := fail(t, h, activities.HTTPRequestInput{URL: plainValue(base + path), MaxResponse: 1000})
		require.Equal(t, everhook.TypeResponse, failed.Type)
		require.Contains(t, failed.Message, "larger than 1000 bytes; raise the node's maxResponse")
		require.True(t, application.NonRetryable())
	}
	require.Less(t, written.Load(), int64(64<<20))
	require.Len(t, succeed(t, h, activities.HTTPRequestInput{URL: plainValue(base + "/exact"),
		MaxResponse: 1000}).Body.V, 1000)
	failed, _ := fail(t, h, activities.HTTPRequestInput{URL: plainValue(base + "/escapes")})
	require.Contains(t, failed.Message, "as the result of a node")
}

func TestHugeHeadersAreAnError(t *testing.T) {
	t.Parallel()
	base := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Huge",
			strings.Repeat("x", 1<<20))
	})
	failed, _ := fail(t, local(t), activities.HTTPRequestInput{URL: plainValue(base)})
	require.Equal(t, everhook.TypeConnection, failed.Type)
	require.Contains(t, failed.Message, "headers exceeded")
}

func TestAHeadRequestHasNoBodyWhateverItsLength(t *testing.T) {
	t.Parallel()
	base := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "99999999") })
	require.Nil(t, succeed(t, local(t), activities.HTTPRequestInput{Method: "HEAD", URL: plainValue(base)}).Body.V)
}

func TestCookiesAreKeptApart(t *testing.T) {
	t.Parallel()
	h := local(t, "PW=s3cret")
	for _, status := range []int{http.StatusOK, http.StatusTeapot} {
		base := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Add("Set-Cookie", "sid=s3cret; Expires=Wed, 21 Oct 2026 07:28:00 GMT")
			w.Header().Add("set-cookie", "lang=de")
			w.Header().Add("X-A", "1")
			w.Header().Add("X-A", "2")
			w.WriteHeader(status)
		})
		cookies := []any{"sid=[secret PW]; Expires=Wed, 21 Oct 2026 07:28:00 GMT", "lang=de"}
		var headers map[string]any
		if status == http.StatusOK {
			result := succeed(t, h, activities.HTTPRequestInput{URL: plainValue(base)})
			require.NotContains(t, result.Headers, "set-cookie")
			headers = result.HeaderValues()
		} else {
			failed, _ := fail(t, h, activities.HTTPRequestInput{URL: plainValue(base)})
			headers = failed.Response.V.(map[string]any)["headers"].(map[string]any)
		}
		require.Equal(t, cookies, headers["set-cookie"])
		require.Equal(t, "1, 2", headers["x-a"])
	}
}

func TestXMLOfPartnersIsAValue(t *testing.T) {
	t.Parallel()
	h := local(t, "PW=s3cret&x")
	for name, test := range map[string]struct {
		contentType, body string
		lenient           bool
		want              any
	}{
		"XML": {"text/xml; charset=utf-8",
			`<?xml version="1.0"?><order id="7"><line>a</line><line>b</line></order>`, false,
			map[string]any{"order": map[string]any{"@id": "7", "line": []any{"a", "b"}}}},
		"SOAP": {"application/soap+xml", `<s:Envelope xmlns:s="u"><s:Body><Ok>true</Ok></s:Body></s:Envelope>`, false,
			map[string]any{"Envelope": map[string]any{"Body": map[string]any{"Ok": "true"}}}},
		"another charset": {"application/xml", "<?xml version='1.0' encoding='iso-8859-1'?><a>gr\xfcn</a>", false,
			map[string]any{"a": "grün"}},
		"a secret":           {"application/xml", "<a>s3cret&amp;x</a>", false, map[string]any{"a": "[secret PW]"}},
		"nothing":            {"application/xml", "", false, nil},
		"a page":             {"application/xhtml+xml", "<html/>", false, "<html/>"},
		"a picture":          {"image/svg+xml", "<svg/>", false, "<svg/>"},
		"lenient, but right": {"text/xml", "<a/>", true, map[string]any{"a": ""}},
		"lenient":            {"text/xml", "<a>&nbsp;</a>", true, "<a>&nbsp;</a>"},
		"lenient, not XML":   {"text/xml", "sorry", true, "sorry"},
		"without a type":     {"", "<a/>", false, "<a/>"},
	} {
		base := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = []string{test.contentType}
			_, _ = io.WriteString(w, test.body)
		})
		result := succeed(t, h, activities.HTTPRequestInput{URL: plainValue(base), Lenient: test.lenient})
		require.Equal(t, test.want, result.Body.V, name)
		_, isText := test.want.(string)
		require.Equal(t, test.lenient && isText, result.Note != "", name)
	}
	for body, want := range map[string]string{
		"<a>&nbsp;</a>": "its XML has an error at line 1, column",
		"<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>": "its XML has an error at line 1, column",
		strings.Repeat("<a>", 101) + strings.Repeat("</a>", 101):           "nested deeper than 100",
		"<a>" + strings.Repeat("<b/>", everhook.DefaultMaxValues) + "</a>": "more than the 100000 values",
	} {
		base := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/xml")
			_, _ = io.WriteString(w, body)
		})
		failed, application := fail(t, h, activities.HTTPRequestInput{URL: plainValue(base)})
		require.Contains(t, failed.Message, want)
		require.True(t, application.NonRetryable())
	}
}
