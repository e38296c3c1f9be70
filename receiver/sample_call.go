package receiver

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/signature"
)

// SampleCall is a call as a person pasted it: what a flow could keep of it, and what it tells about the sender.
type SampleCall struct {
	// Form is how it was written: json, form, url, query or curl.
	Form string `json:"form"`
	// Method is that of a curl command; empty for other samples.
	Method string `json:"method,omitempty"`
	// Query and Body are the values that a flow can keep, each by its path.
	Query []SampleValue `json:"query"`
	Body  []SampleValue `json:"body"`
	// Headers are the names of headers that a flow can keep.
	Headers []string `json:"headers"`
	// Preset is the provider whose signature the headers have; empty if none is known.
	Preset string `json:"preset,omitempty"`
	// Dedupe is the ready-made key that tells duplicates: preset or idempotency-key; empty for none.
	Dedupe string `json:"dedupe,omitempty"`
	// Content is the body as a value, for trying.
	Content *everhook.Value `json:"content,omitempty"`
	// Notes are what was not understood.
	Notes []string `json:"notes,omitempty"`
}

// SampleValue is one value of a sample.
type SampleValue struct {
	// Path leads to it. It goes through lists without an index, so that it stands for every element.
	Path string `json:"path"`
	// Type is text, int, float, bool, list, mapping or null.
	Type string `json:"type"`
	// Example is the value, shortened.
	Example string `json:"example"`
	// Secret is set if the name is that of a secret, which should not be kept.
	Secret bool `json:"secret,omitempty"`
}

// Bounds of a sample.
const (
	maxSampleDepth   = 20
	maxSampleExample = 60
	// maxSampleElements is how many elements of a list are looked at for their members.
	maxSampleElements = 50
)

// ReadSample reads a JSON document, a URL, a query, a form or a curl command. At most 1,000 values are listed.
func ReadSample(text string) (SampleCall, error) {
	text = strings.TrimSpace(text)
	sample := SampleCall{Query: []SampleValue{}, Body: []SampleValue{}, Headers: []string{}}
	switch {
	case text == "":
		return sample, fmt.Errorf("the sample is empty; paste JSON, a URL, a query, a form or a curl command")
	case strings.HasPrefix(text, "curl ") || strings.HasPrefix(text, "curl\t"):
		return readCurl(text, sample)
	case strings.HasPrefix(text, "{") || strings.HasPrefix(text, "["):
		sample.Form = "json"
		return sample, sample.setJSON(text)
	case strings.HasPrefix(text, "?") || origin.MatchString(text):
		sample.Form = "url"
		return sample, sample.setQuery(sampleQuery(text))
	default:
		sample.Form = "form"
		if !strings.Contains(text, "=") {
			return sample, fmt.Errorf("it is neither JSON, a URL, a query, a form nor a curl command")
		}
		form, err := ParseForm([]byte(text))
		if err != nil {
			return sample, err
		}
		sample.setBody(map[string]any(form))
		return sample, nil
	}
}

func (s *SampleCall) setJSON(text string) error {
	document, err := everhook.ParseJSON([]byte(text))
	if err == nil {
		s.setBody(document)
	}
	return err
}

func (s *SampleCall) setBody(body any) {
	s.Content, s.Body = everhook.Of(body), sampleValues(body)
}

func (s *SampleCall) setQuery(text string) error {
	query, err := ParseQuery(text)
	if err == nil {
		s.Query = sampleValues(map[string]any(query))
	}
	return err
}

// setHeader notes a header, and what it says of the sender. Headers with credentials are left out.
func (s *SampleCall) setHeader(name string) {
	if name = http.CanonicalHeaderKey(strings.TrimSpace(name)); name == "" {
		return
	}
	for _, preset := range signature.Presets() {
		if s.Preset == "" && strings.EqualFold(preset.Signature.Header, name) && !isCommonHeader(name) {
			s.Preset = preset.Name
			if preset.DedupeHeader != "" || preset.DedupeBody != nil {
				s.Dedupe = "preset"
			}
		}
	}
	if name == "Idempotency-Key" && s.Dedupe == "" {
		s.Dedupe = "idempotency-key"
	}
	if !isCommonHeader(name) && !slices.Contains(s.Headers, name) {
		s.Headers = append(s.Headers, name)
	}
}

// isCommonHeader reports whether a header says nothing about a delivery, or has credentials.
func isCommonHeader(name string) bool {
	return slices.Contains([]string{"Accept", "Accept-Encoding", "Authorization", "Connection", "Content-Length",
		"Content-Type", "Cookie", "Host", "Proxy-Authorization", "User-Agent"}, name)
}

// sampleValues lists the values below one, with paths through lists.
func sampleValues(v any) []SampleValue {
	list := []SampleValue{}
	known := map[string]bool{}
	var walk func(v any, path everhook.Path)
	walk = func(v any, path everhook.Path) {
		if len(list) >= maxSamplePaths || len(path) > maxSampleDepth {
			return
		}
		if text := path.String(); len(path) > 0 && !known[text] {
			known[text] = true
			last := path[len(path)-1].Name
			list = append(list, SampleValue{Path: text, Type: sampleType(v), Example: sampleExample(v),
				Secret: isSecretName(last)})
		}
		switch v := v.(type) {
		case map[string]any:
			for _, name := range everhook.SortedKeys(v) {
				walk(v[name], append(path[:len(path):len(path)], everhook.PathStep{Name: name}))
			}
		case []any:
			for _, element := range v[:min(len(v), maxSampleElements)] {
				walk(element, path)
			}
		}
	}
	walk(v, nil)
	return list
}

func sampleType(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "bool"
	case int:
		return "int"
	case float64:
		return "float"
	case string:
		return "text"
	case []any:
		return "list"
	default:
		return "mapping"
	}
}

func sampleExample(v any) string {
	switch v := v.(type) {
	case []any:
		return counted(len(v), "element")
	case map[string]any:
		return counted(len(v), "field")
	}
	text, _ := everhook.EncodeJSON(v)
	return everhook.Shorten(string(text), maxSampleExample)
}

func counted(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

// secretWords are parts of the names of secrets.
var secretWords = []string{"token", "secret", "password", "passwd", "apikey", "api_key", "authorization", "cvv", "cvc",
	"private_key", "privatekey", "credential", "iban", "cardnumber", "card_number"}

// isSecretName reports whether a value of that name is likely a secret.
func isSecretName(name string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc(secretWords, func(word string) bool { return strings.Contains(name, word) })
}
