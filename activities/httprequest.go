package activities

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/everhook/everhook"
)

// Defaults and bounds of an HTTP request.
const (
	// DefaultRedirects is how many redirects a request follows unless its node says otherwise.
	DefaultRedirects = 5
	// DefaultMaxResponse is how many bytes of body an answer may have unless its node says otherwise: 1 MiB.
	DefaultMaxResponse = 1 << 20
	// DefaultHTTPTimeout bounds one attempt unless its node says otherwise.
	DefaultHTTPTimeout = 30 * time.Second
	// DefaultMaxRetryAfter bounds the pause that another system may ask for, unless the node's retry says otherwise.
	DefaultMaxRetryAfter = 10 * time.Minute
	// FailureBody is how many bytes of an unexpected answer's body its error keeps.
	FailureBody = 2 << 10
	// Grace is how much longer than the node's timeout the StartToCloseTimeout of the activity is. So the attempt
	// reports its own timeout, and decides whether to try again. A timeout that the server notices is always tried
	// again.
	Grace = 5 * time.Second
	// HeartbeatEvery is how often an activity reports. By its reports it learns that it is cancelled, so the worker's
	// MaxHeartbeatThrottleInterval must not be longer.
	HeartbeatEvery = 2 * time.Second
	// HeartbeatTimeout is how soon a lost worker is noticed by its missing reports.
	HeartbeatTimeout = 5 * time.Second
)

// Values of HTTPRequestInput.RetryOn, besides statuses (see StatusRange).
const (
	// RetryDefault is the method's own list.
	RetryDefault = "default"
	// RetryConnect is every lost or refused connection, also one that was lost after the request was sent.
	RetryConnect = "connect"
	// RetryTimeout is an attempt that took longer than its Timeout.
	RetryTimeout = "timeout"
)

// ContentType says how a body is written.
type ContentType string

const (
	// ContentJSON writes any value as JSON. The default where there is a body.
	ContentJSON ContentType = "json"
	// ContentForm writes a mapping as application/x-www-form-urlencoded: a list repeats its name, nil leaves it out.
	ContentForm ContentType = "form"
	// ContentXML sends text as application/xml, and a mapping as everhook.EncodeXML writes it.
	ContentXML ContentType = "xml"
	// ContentText sends text as text/plain; numbers and booleans are written as text.
	ContentText ContentType = "text"
	// ContentNone sends no body.
	ContentNone ContentType = "none"
)

// HTTPRequestInput is one request. The flow's defaults are in it: the activity adds none but those named here.
type HTTPRequestInput struct {
	// Method is upper case: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS or any other token. Empty is GET.
	Method string `json:"method,omitempty"`
	// URL is an absolute http or https URL (text).
	URL everhook.Sealed `json:"url"`
	// Headers is a mapping of names to texts, numbers, booleans, nil (left out) or lists of them (a repeated header).
	Headers everhook.Sealed `json:"headers,omitzero"`
	// Query is a mapping as Headers is; its pairs follow those that the URL has.
	Query everhook.Sealed `json:"query,omitzero"`
	// ContentType says how Body is written. Empty is ContentJSON.
	ContentType ContentType `json:"contentType,omitempty"`
	// Body is the value to send; nil sends none.
	Body everhook.Sealed `json:"body,omitzero"`
	// Auth adds an Authorization header; nil adds none.
	Auth *HTTPAuth `json:"auth,omitempty"`
	// Expect lists the statuses of success. Empty is 200 to 299.
	Expect []StatusRange `json:"expect,omitempty"`
	// OnlyBody leaves status and headers out of the result.
	OnlyBody bool `json:"onlyBody,omitempty"`
	// Redirects is how many redirects are followed; one more is an error. 0 follows none: the redirect itself is the
	// answer.
	Redirects int `json:"redirects,omitempty"`
	// MaxResponse is how many bytes of body an answer may have, after decompression. 0 is DefaultMaxResponse.
	MaxResponse int64 `json:"maxResponse,omitempty"`
	// IdempotencyKey is sent as Idempotency-Key unless Headers has one. Empty sends none.
	IdempotencyKey string `json:"idempotencyKey,omitempty"`
	// RetryOn replaces what is tried again: RetryConnect, RetryTimeout, "503", "5xx", RetryDefault. Empty leaves the
	// method's own list: connections, timeouts, 408, 425, 429 and 5xx; for methods that are not idempotent (RFC 9110,
	// 9.2.2) what was never sent, 429 and 503.
	RetryOn []string `json:"retryOn,omitempty"`
	// RetryNever is what is not tried again, whatever RetryOn says.
	RetryNever []string `json:"retryNever,omitempty"`
	// MaxRetryAfter bounds the pause that the other system may ask for with Retry-After: a longer one is a failure. 0
	// is DefaultMaxRetryAfter.
	MaxRetryAfter everhook.Duration `json:"maxRetryAfter,omitempty"`
	// Lenient reads JSON like browsers do if it is not strict JSON, and leaves XML that cannot be read as text.
	Lenient bool `json:"lenient,omitempty"`
	// Timeout bounds one attempt, all redirects and the body included. 0 is DefaultHTTPTimeout. See Grace.
	Timeout everhook.Duration `json:"timeout,omitempty"`
}

// HTTPAuth is the credential of a request: one of its fields.
type HTTPAuth struct {
	Basic  *BasicAuth       `json:"basic,omitempty"`
	Bearer *everhook.Sealed `json:"bearer,omitempty"`
}

// BasicAuth is a user and a password (RFC 7617), both text.
type BasicAuth struct {
	Username everhook.Sealed `json:"username"`
	Password everhook.Sealed `json:"password"`
}

// HTTPRequestResult is an answer with an expected status. With OnlyBody neither Status nor Headers are set.
type HTTPRequestResult struct {
	// Status is the HTTP status.
	Status int `json:"status,omitempty"`
	// Headers have lower-case names; values of a repeated header are joined by ", ". Set-Cookie is not among them.
	Headers map[string]string `json:"headers,omitempty"`
	// SetCookie are the values of Set-Cookie, one for each cookie: joined, they could not be told apart.
	SetCookie []string `json:"setCookie,omitempty"`
	// Body is a value if the answer has a type of JSON (see content.IsJSON), a list if it has one of JSON on lines, a
	// mapping if it has one of XML (see everhook.ParseXML; pages and pictures stay text), text if it has another
	// textual type or none and its charset can be read, else base64 text. No body is nil, and so is white space as
	// JSON.
	Body everhook.Value `json:"body"`
	// Note is for the step log: that JSON was read leniently, and why.
	Note string `json:"note,omitempty"`
	// Attempts counts the attempts that it took, this one included.
	Attempts int `json:"attempts,omitempty"`
}

// HeaderValues are the headers as expressions see them: set-cookie is a list, if there is any, the others are texts.
func (r *HTTPRequestResult) HeaderValues() map[string]any {
	headers := make(map[string]any, len(r.Headers)+1)
	//workflowcheck:ignore a copy; its order does not show
	for name, value := range r.Headers {
		headers[name] = value
	}
	if len(r.SetCookie) > 0 {
		cookies := make([]any, len(r.SetCookie))
		for i, cookie := range r.SetCookie {
			cookies[i] = cookie
		}
		headers["set-cookie"] = cookies
	}
	return headers
}

// AttemptCount is Attempts: the step log shows it.
func (r *HTTPRequestResult) AttemptCount() int { return r.Attempts }

// StatusRange is a range of HTTP statuses, both ends included. Its text is "204", "200-299" or "2xx".
type StatusRange struct{ From, To int }

// ParseStatusRange reads the text of a StatusRange: 100 to 599, lower end first.
func ParseStatusRange(text string) (StatusRange, error) {
	if class := strings.ToLower(strings.TrimSpace(text)); len(class) == 3 && class[1:] == "xx" && '1' <= class[0] &&
		class[0] <= '5' {
		text = class[:1] + "00-" + class[:1] + "99"
	}
	low, high, isRange := strings.Cut(text, "-")
	if !isRange {
		high = low
	}
	from, err := parseStatus(low)
	if err != nil {
		return StatusRange{}, err
	}
	to, err := parseStatus(high)
	if err != nil {
		return StatusRange{}, err
	}
	if from > to {
		return StatusRange{}, fmt.Errorf("%q is an empty range; write the lower status first", text)
	}
	return StatusRange{From: from, To: to}, nil
}

func parseStatus(text string) (int, error) {
	text = strings.TrimSpace(text)
	status, err := strconv.Atoi(text)
	if err != nil || len(text) != 3 || status < 100 || status > 599 {
		return 0, fmt.Errorf("%q is not an HTTP status; write 204, 2xx or 200-299", text)
	}
	return status, nil
}

// Has reports whether status is within the range.
func (r StatusRange) Has(status int) bool { return r.From <= status && status <= r.To }

// String is the text that ParseStatusRange reads.
func (r StatusRange) String() string {
	if r.From == r.To {
		return strconv.Itoa(r.From)
	}
	return strconv.Itoa(r.From) + "-" + strconv.Itoa(r.To)
}

// MarshalText writes String.
func (r StatusRange) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads as ParseStatusRange does.
func (r *StatusRange) UnmarshalText(text []byte) (err error) {
	*r, err = ParseStatusRange(string(text))
	return err
}
