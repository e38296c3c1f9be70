package signature

import (
	"bytes"
	"errors"
	"math"
	"mime"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/everhook/everhook"
)

// Message is a delivery as it was received.
type Message struct {
	// Header returns the values of a header, one for each occurrence.
	Header func(name string) []string
	// Body are the raw bytes, as they are signed.
	Body []byte
	// Content returns the body without its content encodings, for schemes that need what is in it; nil: Body has none.
	// It is called at most once, and what Verify returns after an error of Content is Malformed.
	Content func() ([]byte, error)
	// ReceivedAt is compared to the time of sending.
	ReceivedAt time.Time
	// Method is the HTTP method.
	Method string
	// Base is the public URL without a path, and Target the path with the query as it was sent. They are used by
	// schemes that sign the URL.
	Base, Target string
}

// errNoURL is not a Refused, because the sender is not at fault.
var errNoURL = errors.New("the sender signs its URL, and the public URL is not known; start with --public-url")

// url returns the URL as the sender knows it, without the parameter with the signature.
func (m *Message) url(strip string) (string, error) {
	if m.Base == "" {
		return "", errNoURL
	}
	return m.Base + without(m.Target, strip), nil
}

// without removes a parameter from the query of a target.
func without(target, parameter string) string {
	path, query, found := strings.Cut(target, "?")
	if parameter == "" || !found {
		return target
	}
	kept := slices.DeleteFunc(strings.Split(query, "&"), func(pair string) bool {
		name, _, _ := strings.Cut(pair, "=")
		decoded, err := url.QueryUnescape(name)
		return err == nil && decoded == parameter
	})
	if len(kept) == 0 {
		return path
	}
	return path + "?" + strings.Join(kept, "&")
}

// parameter gives the value of a query parameter that must occur once.
func (m *Message) parameter(name string) (string, error) {
	_, query, _ := strings.Cut(m.Target, "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		return "", Malformed
	}
	return only(values[name])
}

// single returns the value of a header that must occur once.
func single(m *Message, name string) (string, error) { return only(m.Header(name)) }

// only refuses a value that occurs twice, because one of them may be unsigned.
func only(values []string) (string, error) {
	switch {
	case len(values) == 0 || len(values) == 1 && values[0] == "":
		return "", Missing
	case len(values) > 1:
		return "", Malformed
	}
	return values[0], nil
}

// document is a message whose body is parsed when a value of it is first needed: as the receiver parses it, so that
// both see the same values.
type document struct {
	m Message
	// json is set if the body is JSON whatever its type says.
	json   bool
	parsed bool
	value  any
	err    error
	// read is set once content is the body without its content encodings, or contentErr the reason for none.
	read       bool
	content    []byte
	contentErr error
}

// bytes is the body without its content encodings.
func (d *document) bytes() ([]byte, error) {
	if d.m.Content == nil {
		return d.m.Body, nil
	}
	if !d.read {
		d.read = true
		if d.content, d.contentErr = d.m.Content(); d.contentErr != nil {
			d.contentErr = Malformed
		}
	}
	return d.content, d.contentErr
}

// Document returns the body as values if it is JSON, or a form without repeated fields; else nil.
func (m *Message) Document() any {
	value, err := (&document{m: *m}).body()
	if err != nil {
		return nil
	}
	return value
}

const formType = "application/x-www-form-urlencoded"

// maxParameters bounds the fields of a form.
const maxParameters = 1000

func (d *document) isForm() bool {
	given, err := single(&d.m, "Content-Type")
	if err != nil || d.json {
		return false
	}
	mediaType, _, err := mime.ParseMediaType(given)
	return err == nil && mediaType == formType
}

func (d *document) body() (any, error) {
	if d.parsed {
		return d.value, d.err
	}
	d.parsed = true
	if d.isForm() {
		var form url.Values
		if form, d.err = d.form(); d.err == nil {
			d.value, d.err = fieldsOf(form)
		}
		return d.value, d.err
	}
	var text []byte
	if text, d.err = d.bytes(); d.err != nil {
		return nil, d.err
	}
	options := everhook.JSONOptions{MaxValues: math.MaxInt, BigIntegers: true}
	if d.value, d.err = options.Parse(text); d.err != nil {
		d.err = Malformed
	}
	return d.value, d.err
}

// fieldsOf are the fields of a form. A name that stands twice, or that others nest below as in a[b], is an error: it is
// unknown which value is signed.
func fieldsOf(form url.Values) (map[string]any, error) {
	fields := map[string]any{}
	for name, values := range form {
		outer, _, nested := strings.Cut(name, "[")
		if len(values) > 1 || nested && form.Has(outer) {
			return nil, Malformed
		}
		fields[name] = values[0]
	}
	return fields, nil
}

// line returns the name and the value of a field of the body, each with a line end. A value with a line end could
// contain the lines of other fields, so only the first field may contain any.
func (d *document) line(p part, first bool) (string, error) {
	text, found, err := d.text(p.path)
	switch {
	case err != nil || !found:
		return "", err
	case !first && strings.ContainsAny(text, "\r\n"):
		return "", Malformed
	}
	return p.name + "\n" + text + "\n", nil
}

// form reads the fields of a form.
func (d *document) form() (url.Values, error) {
	text, err := d.bytes()
	if err != nil {
		return nil, err
	}
	if bytes.Count(text, []byte{'&'}) >= maxParameters {
		return nil, Malformed
	}
	form, err := url.ParseQuery(string(text))
	if err != nil {
		return nil, Malformed
	}
	return form, nil
}

// text gives the text, number or boolean at a path of the body; found is false if there is none.
func (d *document) text(path everhook.Path) (text string, found bool, err error) {
	body, err := d.body()
	if err != nil {
		return "", false, err
	}
	v, _ := path.Get(body)
	switch v := v.(type) {
	case nil:
		return "", false, nil
	case string:
		return v, true, nil
	case int:
		return strconv.Itoa(v), true, nil
	case bool:
		return strconv.FormatBool(v), true, nil
	default:
		return "", false, Malformed
	}
}

// sortedForm returns each field of a form, in the order of their names, as its name followed by its value. Equal values
// count once. A body that is not a form yields no text; scheme.bound ensures that it is signed in another way.
func (d *document) sortedForm() (string, error) {
	if !d.isForm() {
		return "", nil
	}
	form, err := d.form()
	if err != nil {
		return "", err
	}
	names := make([]string, 0, len(form))
	for name := range form {
		names = append(names, name)
	}
	slices.Sort(names)
	var text strings.Builder
	for _, name := range names {
		values := form[name]
		slices.Sort(values)
		for _, value := range slices.Compact(values) {
			text.WriteString(name + value)
		}
	}
	return text.String(), nil
}
