package httprequest

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
	"github.com/everhook/everhook/internal/content"
	"github.com/everhook/everhook/internal/secrets"
)

const (
	// defaultMaxResult is how many bytes a result may have as JSON unless Options say more: Temporal refuses 2 MiB.
	defaultMaxResult = 1900 << 10
	// failureRead is how much of an unexpected answer is read: enough that no secret is cut in two where it matters,
	// however it is encoded.
	failureRead = activities.FailureBody + 3*secrets.MaxSize
)

// reader makes values of an answer, without secrets.
type reader struct {
	exchange *exchange
	redactor redactor
	lenient  bool
	max      int64
	// maxResult bounds the result as JSON.
	maxResult int
	// maxValues bounds the values in JSON.
	maxValues int
}

// read reads an expected answer.
func (r *reader) read(ctx context.Context, response *http.Response) (result activities.HTTPRequestResult, _ *failure) {
	if response.ContentLength > r.max && response.Request.Method != http.MethodHead {
		return result, r.tooLarge()
	}
	body, err := bodyOf(response)
	if err != nil {
		return result, r.unreadable(response, nil, err.Error())
	}
	data, err := body.read(r.max + 1)
	switch {
	case errors.Is(err, content.ErrTooLarge) && !expired(ctx):
		return result, r.tooLarge()
	case errors.Is(err, content.ErrInvalid) && !expired(ctx):
		return result, r.unreadable(response, nil, utf8Text(err.Error()))
	case err != nil:
		return result, r.exchange.lost(ctx, err)
	case int64(len(data)) > r.max:
		return result, r.tooLarge()
	}
	result = activities.HTTPRequestResult{Status: response.StatusCode}
	r.headers(&result, response.Header)
	v, note, err := r.body(response.Header.Get("Content-Type"), data)
	if tooMany, ok := errors.AsType[*everhook.ValuesError](err); ok {
		return result, permanent(everhook.Errorf(everhook.TypeResponse, "%s: the answer has more than the %d values "+
			"that are taken; ask for less, or start the server with a higher --max-values", r.exchange.request,
			tooMany.Max))
	}
	if err != nil {
		return result, r.unreadable(response, data, err.Error())
	}
	result.Body, result.Note = everhook.Value{V: v}, note
	if len(data) < r.maxResult/8 { // JSON writes a byte as six at worst
		return result, nil
	}
	if encoded, err := everhook.EncodeJSON(result); err != nil || len(encoded) > r.maxResult {
		return result, permanent(everhook.Errorf(everhook.TypeResponse, "%s: the answer, as the result of a node, is "+
			"larger than %d bytes; ask for less", r.exchange.request, r.maxResult))
	}
	return result, nil
}

func (r *reader) tooLarge() *failure {
	return permanent(everhook.Errorf(everhook.TypeResponse, "%s: the body of the answer is larger than %d bytes; "+
		"raise the node's maxResponse or ask for less", r.exchange.request, r.max))
}

// unreadable is the failure of an expected answer whose body cannot be decoded. The error has the answer with the start
// of its body as text.
func (r *reader) unreadable(response *http.Response, data []byte, reason string) *failure {
	err := everhook.Errorf(everhook.TypeUnreadable, "%s: the answer cannot be read: %s", r.exchange.request, reason)
	err.Response = r.answer(response, r.start("text/plain", data))
	return permanent(err)
}

// unexpected is the failure of an answer with a status that is not expected. Its body is decoded as far as possible.
func (r *reader) unexpected(response *http.Response, now time.Time) *failure {
	var data []byte
	if body, err := bodyOf(response); err == nil {
		data, _ = body.read(failureRead)
	}
	status := response.StatusCode
	err := everhook.Failuref(everhook.TypeStatus, "%s answered %d %s", r.exchange.request, status,
		http.StatusText(status))
	err.Message = strings.TrimSpace(err.Message)
	err.Response = r.answer(response, r.start(response.Header.Get("Content-Type"), data))
	return &failure{err: err, cause: strconv.Itoa(status),
		after: retryAfter(response.Header.Get("Retry-After"), now)}
}

// answer is the value of an answer in an error.
func (r *reader) answer(response *http.Response, body any) *everhook.Value {
	var result activities.HTTPRequestResult
	r.headers(&result, response.Header)
	return everhook.Of(map[string]any{"status": response.StatusCode, "headers": result.HeaderValues(), "body": body})
}

// headers sets the headers of a result.
func (r *reader) headers(result *activities.HTTPRequestResult, header http.Header) {
	result.Headers = make(map[string]string, len(header))
	for name, values := range header {
		if name == "Set-Cookie" {
			for _, value := range values {
				result.SetCookie = append(result.SetCookie, r.redactor.text(utf8Text(value)))
			}
			continue
		}
		result.Headers[strings.ToLower(name)] = r.redactor.text(utf8Text(strings.Join(values, ", ")))
	}
}

// body decodes a whole body. Note says what was read in another way than it was written. The error is for JSON and
// XML that cannot be read.
func (r *reader) body(contentType string, data []byte) (v any, note string, _ error) {
	media := mediaType(contentType)
	if !isText(media) {
		return r.binary(data), "", nil
	}
	data = inUTF8(contentType, data)
	if content.IsJSONLines(media) {
		list, err := everhook.ParseJSONLines(data, r.maxValues)
		if _, tooMany := errors.AsType[*everhook.ValuesError](err); tooMany {
			return nil, "", err
		}
		if err != nil {
			return nil, "", fmt.Errorf("its JSON has an error at %w", err)
		}
		return r.redactor.value(list), "", nil
	}
	if isJSON(media) {
		v, note, err := readJSON(data, r.lenient, r.maxValues)
		if err != nil {
			return nil, "", err
		}
		return r.redactor.value(v), note, nil
	}
	if len(data) == 0 {
		return nil, "", nil
	}
	if isXMLData(media) && len(bytes.TrimSpace(data)) > 0 {
		if v, note, err := readXML(data, r.lenient, r.maxValues); v != nil || err != nil {
			return r.redactor.value(v), note, err
		} else if note != "" {
			return r.redactor.text(utf8Text(string(data))), note, nil
		}
	}
	if text := r.redactor.text(string(data)); utf8.ValidString(text) {
		return text, "", nil
	}
	return r.binary(data), "", nil
}

func (r *reader) binary(data []byte) any {
	if len(data) == 0 {
		return nil
	}
	return base64.StdEncoding.EncodeToString([]byte(r.redactor.text(string(data))))
}

// start decodes a body, or the first bytes of one that is longer than activities.FailureBody. JSON that cannot be read
// is text.
func (r *reader) start(contentType string, data []byte) any {
	if len(data) <= activities.FailureBody {
		v, _, err := (&reader{redactor: r.redactor, lenient: true, maxValues: len(data) + 1}).body(contentType, data)
		if err == nil {
			return v
		}
		v, _, _ = r.body("text/plain", inUTF8(contentType, data))
		return v
	}
	text := isText(mediaType(contentType))
	if text {
		data = inUTF8(contentType, data)
	}
	redacted := r.redactor.text(string(data))
	cut := min(len(redacted), activities.FailureBody)
	if text {
		for cut > activities.FailureBody-utf8.UTFMax && cut < len(redacted) && !utf8.RuneStart(redacted[cut]) {
			cut--
		}
		if utf8.ValidString(redacted[:cut]) {
			return redacted[:cut]
		}
	}
	return base64.StdEncoding.EncodeToString([]byte(redacted[:cut]))
}

// mediaType gives type and subtype in lower case, and "" if there are none.
func mediaType(contentType string) string {
	media, _ := content.TypeOf(contentType)
	return media
}

func isJSON(media string) bool { return content.IsJSON(media) || content.IsJSONLines(media) }

func isXML(media string) bool {
	return media == "application/xml" || media == "text/xml" || strings.HasSuffix(media, "+xml")
}

func isText(media string) bool {
	switch media {
	case "", "application/javascript", "application/x-www-form-urlencoded", "application/yaml":
		return true
	default:
		return isJSON(media) || isXML(media) || strings.HasPrefix(media, "text/") || strings.HasSuffix(media, "+yaml")
	}
}
