package httprequest

import (
	"context"
	"encoding/base64"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
	"github.com/everhook/everhook/internal/secrets"
)

const (
	// defaultMaxResult is how many bytes a result may have as JSON unless Options say more: Temporal refuses 2 MiB.
	defaultMaxResult = 1900 << 10
	// failureRead is how much of an unexpected answer is read: enough that no secret, however it is encoded, is cut in
	// two where it matters.
	failureRead = activities.FailureBody + 3*secrets.MaxSize
)

// reader makes values of an answer, with no secret in them.
type reader struct {
	exchange *exchange
	redactor *secrets.Redactor
	max      int64
	// maxResult bounds the result as JSON.
	maxResult int
}

// read takes an expected answer.
func (r *reader) read(ctx context.Context, response *http.Response) (activities.HTTPRequestResult, *failure) {
	if response.ContentLength > r.max && response.Request.Method != http.MethodHead {
		return activities.HTTPRequestResult{}, r.tooLarge()
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, r.max+1))
	if err != nil {
		return activities.HTTPRequestResult{}, r.exchange.lost(ctx, err)
	}
	if int64(len(body)) > r.max {
		return activities.HTTPRequestResult{}, r.tooLarge()
	}
	result := activities.HTTPRequestResult{
		Status:  response.StatusCode,
		Headers: r.headers(response.Header),
		Body:    everhook.Value{V: r.body(response.Header.Get("Content-Type"), body)},
	}
	if len(body) < r.maxResult/8 { // JSON writes a byte as six at worst
		return result, nil
	}
	if encoded, err := everhook.EncodeJSON(result); err != nil || len(encoded) > r.maxResult {
		return activities.HTTPRequestResult{},
			permanent(everhook.Errorf(everhook.TypeResponse, "%s: the answer, as the result of a node, is larger "+
				"than %d bytes; ask for less", r.exchange.request, r.maxResult))
	}
	return result, nil
}

func (r *reader) tooLarge() *failure {
	return permanent(everhook.Errorf(everhook.TypeResponse, "%s: the body of the answer is larger than %d bytes; "+
		"raise the node's maxResponse or ask for less", r.exchange.request, r.max))
}

// unexpected takes an answer with a status of failure. Its body tells more, but what cannot be read of it does not
// change what happened.
func (r *reader) unexpected(response *http.Response) *failure {
	body, _ := io.ReadAll(io.LimitReader(response.Body, failureRead))
	status := response.StatusCode
	err := everhook.Failuref(everhook.TypeStatus, "%s answered %d %s", r.exchange.request, status,
		http.StatusText(status))
	err.Message = strings.TrimSpace(err.Message)
	headers := map[string]any{}
	for name, value := range r.headers(response.Header) {
		headers[name] = value
	}
	err.Response = everhook.Of(map[string]any{
		"status": status, "headers": headers, "body": r.start(response.Header.Get("Content-Type"), body),
	})
	return &failure{err: err, cause: strconv.Itoa(status), after: retryAfter(response.Header.Get("Retry-After"),
		time.Now())}
}

func (r *reader) headers(header http.Header) map[string]string {
	headers := make(map[string]string, len(header))
	for name, values := range header {
		headers[strings.ToLower(name)] = r.redactor.Text(utf8Text(strings.Join(values, ", ")))
	}
	return headers
}

// body decodes a whole body.
func (r *reader) body(contentType string, body []byte) any {
	if len(body) == 0 {
		return nil
	}
	media := mediaType(contentType)
	if isJSON(media) {
		if v, err := everhook.ParseJSON(body); err == nil {
			return r.redactor.Value(v)
		}
	}
	text := r.redactor.Text(string(body))
	if isText(media) && utf8.ValidString(text) {
		return text
	}
	return base64.StdEncoding.EncodeToString([]byte(text))
}

// start decodes a body, or the first bytes of one that is longer than activities.FailureBody.
func (r *reader) start(contentType string, body []byte) any {
	if len(body) <= activities.FailureBody {
		return r.body(contentType, body)
	}
	text := r.redactor.Text(string(body))
	cut := min(len(text), activities.FailureBody)
	if isText(mediaType(contentType)) {
		for cut > activities.FailureBody-utf8.UTFMax && cut < len(text) && !utf8.RuneStart(text[cut]) {
			cut--
		}
		if utf8.ValidString(text[:cut]) {
			return text[:cut]
		}
	}
	return base64.StdEncoding.EncodeToString([]byte(text[:cut]))
}

// mediaType gives type and subtype in lower case, and "" for none or one that cannot be read.
func mediaType(contentType string) string {
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil && media == "" {
		media, _, _ = strings.Cut(contentType, ";")
	}
	return strings.ToLower(strings.TrimSpace(media))
}

func isJSON(media string) bool {
	return media == "application/json" || strings.HasSuffix(media, "+json")
}

func isText(media string) bool {
	switch media {
	case "", "application/xml", "application/javascript", "application/x-www-form-urlencoded", "application/x-ndjson",
		"application/yaml":
		return true
	default:
		return isJSON(media) || strings.HasPrefix(media, "text/") || strings.HasSuffix(media, "+xml") ||
			strings.HasSuffix(media, "+yaml")
	}
}
