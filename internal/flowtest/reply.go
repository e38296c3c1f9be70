package flowtest

import (
	"encoding/base64"
	"mime"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/everhook/everhook"
)

// reply is the answer to the caller.
type reply struct {
	status int
	// headers have canonical names.
	headers map[string]everhook.HeaderValue
	// body is a value if it is JSON, else text, in base64 if it is not UTF-8; nil if it is empty.
	body any
}

func newReply(response *http.Response, body []byte) *reply {
	r := &reply{status: response.StatusCode, headers: map[string]everhook.HeaderValue{}}
	for name, values := range response.Header {
		r.headers[name] = values
	}
	if len(body) == 0 {
		return r
	}
	if r.body = string(body); !utf8.Valid(body) {
		r.body = base64.StdEncoding.EncodeToString(body)
	}
	media, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if media == "application/json" || strings.HasSuffix(media, "+json") {
		if v, err := everhook.ParseJSON(body); err == nil {
			r.body = v
		}
	}
	return r
}

// replyOf is the answer of a run without a webhook; nil if it has none.
func replyOf(answer *everhook.Answer) *reply {
	if answer == nil {
		return nil
	}
	r := &reply{status: answer.Status, headers: map[string]everhook.HeaderValue{}}
	for name, value := range answer.Headers {
		r.headers[http.CanonicalHeaderKey(name)] = value
	}
	switch {
	case answer.Problem != nil:
		r.body, _ = everhook.Canonical(*answer.Problem)
	case answer.Body != nil:
		r.body = answer.Body.V
	}
	return r
}

// header returns a value by its name in any case.
func (r *reply) header(name string) (everhook.HeaderValue, bool) {
	value, ok := r.headers[http.CanonicalHeaderKey(name)]
	return value, ok
}
