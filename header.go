package everhook

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// headerName matches a token (RFC 9110, 5.6.2).
var headerName = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$")

var (
	// connectionHeaders belong to a connection (RFC 9110, 7.6.1): no flow can set them.
	connectionHeaders = []string{"connection", "content-length", "keep-alive", "proxy-connection", "te", "trailer",
		"transfer-encoding", "upgrade"}
	// clientHeaders are set by the client that sends a request, serverHeaders by the server that answers.
	clientHeaders = append([]string{"expect"}, connectionHeaders...)
	serverHeaders = append([]string{"proxy-authenticate", "proxy-authorization", "date", "server"},
		connectionHeaders...)
)

// ownHeaders is the prefix of the headers that Everhook adds to its replies.
const ownHeaders = "everhook-"

// CheckHeaderName checks that text can be the name of a header, of at most 256 characters.
func CheckHeaderName(name string) error {
	if !headerName.MatchString(name) {
		return fmt.Errorf("%q is not a name for a header", Shorten(name, 80))
	}
	return nil
}

// CheckRequestHeader checks the name of a header that a flow adds to a request.
func CheckRequestHeader(name string) error {
	if slices.Contains(clientHeaders, strings.ToLower(name)) {
		return fmt.Errorf("%s is set by the connection; leave it out", name)
	}
	return CheckHeaderName(name)
}

// CheckAnswerHeader checks the name of a header that a flow adds to an answer.
func CheckAnswerHeader(name string) error {
	lower := strings.ToLower(name)
	if slices.Contains(serverHeaders, lower) || strings.HasPrefix(lower, ownHeaders) {
		return fmt.Errorf("%s is set by the server; leave it out", name)
	}
	return CheckHeaderName(name)
}

// HeaderValue is the value of a header. A header that is repeated has several. In JSON, one value is a text, and any
// other number of them is a list.
type HeaderValue []string

// MarshalJSON writes one value as a text.
func (h HeaderValue) MarshalJSON() ([]byte, error) {
	if len(h) == 1 {
		return json.Marshal(h[0])
	}
	return json.Marshal([]string(h))
}

// UnmarshalJSON reads a text, or a list of them.
func (h *HeaderValue) UnmarshalJSON(data []byte) error {
	var one string
	if err := json.Unmarshal(data, &one); err == nil {
		*h = HeaderValue{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(h))
}

// Decode takes text, a number, or a list of them, as a file has them.
func (h *HeaderValue) Decode(v any) error {
	items, ok := v.([]any)
	if !ok {
		items = []any{v}
	}
	*h = HeaderValue{}
	for _, item := range items {
		switch item := item.(type) {
		case string:
			*h = append(*h, item)
		case int, bool:
			*h = append(*h, fmt.Sprint(item))
		default:
			return fmt.Errorf("%s is not the value of a header; write text, or a list of texts", TypeName(item))
		}
	}
	return nil
}

// String joins several values by ", ".
func (h HeaderValue) String() string { return strings.Join(h, ", ") }

// Limits of the headers of an answer.
const (
	// MaxAnswerHeaders bounds the lines: a header that is repeated has several.
	MaxAnswerHeaders = 64
	// MaxAnswerHeaderBytes bounds their names and values together. Proxies often take less: 4 to 8 KiB.
	MaxAnswerHeaderBytes = 16 << 10
)

// singleHeaders are headers of answers that have one value: with several, clients disagree about which of them counts.
var singleHeaders = []string{"content-disposition", "content-encoding", "content-language", "content-location",
	"content-type", "etag", "expires", "last-modified", "location", "retry-after"}

// CheckAnswerHeaders checks the headers of an answer as a whole: their number, their size, and that those that can have
// only one value have no more. CheckAnswerHeader checks a name.
func CheckAnswerHeaders(headers map[string]HeaderValue) error {
	lines, bytes := 0, 0
	for _, name := range SortedKeys(headers) {
		if len(headers[name]) > 1 && slices.Contains(singleHeaders, strings.ToLower(name)) {
			return fmt.Errorf("%s has %d values; it can have one", name, len(headers[name]))
		}
		for _, value := range headers[name] {
			lines, bytes = lines+1, bytes+len(name)+len(value)
		}
	}
	switch {
	case lines > MaxAnswerHeaders:
		return fmt.Errorf("%d headers; an answer can have %d", lines, MaxAnswerHeaders)
	case bytes > MaxAnswerHeaderBytes:
		return fmt.Errorf("the headers have %d bytes together; an answer's can have %s", bytes,
			Size(MaxAnswerHeaderBytes))
	}
	return nil
}

// IsRedirect reports whether a status sends a client on to the URL in the header Location (RFC 9110, 15.4).
func IsRedirect(status int) bool {
	switch status {
	case 301, 302, 303, 307, 308:
		return true
	}
	return false
}

// CheckLocation checks that text can be the value of the header Location: an absolute URL or a reference to one, as
// RFC 9110 (10.2.2) allows both.
func CheckLocation(text string) error {
	parsed, err := url.Parse(text)
	switch {
	case text == "":
		return errors.New("the Location is empty")
	case EncodeLocation(text) != text:
		return fmt.Errorf("%q has a character that a URL cannot have: write it percent-encoded", Shorten(text, 80))
	case err != nil:
		return fmt.Errorf("%q is not a URL", Shorten(text, 80))
	case scriptSchemes[parsed.Scheme]:
		return fmt.Errorf("clients follow no redirect to the scheme %s", parsed.Scheme)
	}
	return nil
}

var scriptSchemes = map[string]bool{"javascript": true, "data": true, "vbscript": true}

// EncodeLocation writes what a URL cannot have in the text of one percent-encoded, as browsers do: control characters,
// spaces, other characters than ASCII and those that end a URL in HTML and in headers. Escapes stay.
func EncodeLocation(text string) string {
	var encoded strings.Builder
	for i := range len(text) {
		if c := text[i]; c <= ' ' || c >= 0x7f || strings.IndexByte("\"<>\\^`{|}", c) >= 0 {
			fmt.Fprintf(&encoded, "%%%02X", c)
		} else {
			encoded.WriteByte(c)
		}
	}
	return encoded.String()
}
