package httprequest

import (
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/activities"
)

func TestWhatARequestLineCannotCarryIsEncoded(t *testing.T) {
	t.Parallel()
	target := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, r.RequestURI)
	}
	base := serve(t, target)
	for text, want := range map[string]string{
		"/r?name=My File.pdf&x=ü":    "/r?name=My%20File.pdf&x=%C3%BC",
		"/My File.pdf":               "/My%20File.pdf",
		"/a%20b?x=%C3%BC&y=100%&z=%": "/a%20b?x=%C3%BC&y=100%25&z=%25",
		"/100%/x":                    "/100%25/x",
		"?a=1\n&b=\t2":               "/?a=1%0A&b=%092",
		`/r?q={"a":[1]}|\^`:          "/r?q=%7B%22a%22:[1]%7D%7C%5C%5E",
		"/r?a=1?b=2&c=a/b:@!$'()*,;": "/r?a=1?b=2&c=a/b:@!$'()*,;",
		"/r?x=a+b":                   "/r?x=a+b",
		"/r?x=1#ä b":                 "/r?x=1",
		"/r?u=http://h/ a":           "/r?u=http://h/%20a",
		"/%2Fa":                      "/%2Fa",
	} {
		got := succeed(t, local(t), activities.HTTPRequestInput{URL: plainValue(base + text)})
		require.Equal(t, want, got.Body.V, "%q", text)
	}
	for location, want := range map[string]string{
		"echo?x=ä b": "/echo?x=%C3%A4%20b", "/echo?x=\xe4": "/echo?x=%E4", base + "/a b?c=d e": "/a%20b?c=d%20e",
		"?only=a b": "/from?only=a%20b", "/%41?x=%zz": "/%41?x=%25zz", "//" + base[len("http://"):] + "/ x": "/%20x",
	} {
		from := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.RequestURI != "/from" {
				target(w, r)
				return
			}
			w.Header()["Location"] = []string{location}
			w.WriteHeader(http.StatusFound)
		})
		got := succeed(t, local(t), activities.HTTPRequestInput{URL: plainValue(from + "/from"), Redirects: 1})
		require.Equal(t, want, got.Body.V, "%q", location)
	}
}
