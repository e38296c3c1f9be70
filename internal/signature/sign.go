package signature

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"hash"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/everhook/everhook"
)

// Delivery is the content to sign.
type Delivery struct {
	// ID is the delivery's, for schemes that sign one.
	ID string
	// SentAt is written in whole seconds.
	SentAt time.Time
	// Method, Base and Target are those of Message.
	Method, Base, Target string
	// Header gives the headers that the delivery has already, for schemes that sign some, and the type of its body.
	// Nil: it has none.
	Header func(name string) []string
	Body   []byte
}

// Signed is what a sender adds to a delivery, and changes in it.
type Signed struct {
	// Headers are to be added.
	Headers map[string]string
	// Query are parameters to be added to the URL.
	Query map[string]string
	// Body is the delivery's, or the one with its signature in it.
	Body []byte
}

// Target is the target of a delivery with the added parameters.
func (s *Signed) Target(target string) string {
	for _, name := range everhook.SortedKeys(s.Query) {
		separator := "?"
		if strings.Contains(target, "?") {
			separator = "&"
		}
		target += separator + url.QueryEscape(name) + "=" + url.QueryEscape(s.Query[name])
	}
	return target
}

// Sign returns what a sender that knows the secret adds to a delivery: the signature, and the time and the ID if they
// have a place of their own. Verify accepts the result within the tolerance. A body that contains its own time, which
// is not a place of the signed text, is signed unchanged. A public key cannot sign.
func (s *Scheme) Sign(d Delivery, secret string) (*Signed, error) {
	key, err := s.key(secret)
	if err != nil {
		return nil, err
	}
	if s.ID.IsSet() && d.ID == "" {
		return nil, errors.New("the delivery has no ID, which is signed too")
	}
	if s.Signed.ambiguous(d.ID) {
		return nil, errors.New("the ID holds the text that separates it from what follows")
	}
	for _, method := range s.Methods {
		if key.fits(method.Algorithm) {
			return s.signWith(method, key, d)
		}
	}
	return nil, errors.New("the scheme has no signature for a key of this kind")
}

func (s *Scheme) signWith(method Method, k key, d Delivery) (*Signed, error) {
	signed := &Signed{Headers: map[string]string{}, Query: map[string]string{}, Body: d.Body}
	values := shown{id: d.ID, timestamp: strconv.FormatInt(d.SentAt.Unix(), 10)}
	if s.ID.IsSet() {
		if err := signed.put(s.ID, values.id); err != nil {
			return nil, err
		}
	}
	if s.Signed.HasTimestamp() && s.Timestamp.Element == "" {
		if err := signed.put(s.Timestamp, values.timestamp); err != nil {
			return nil, err
		}
	}
	document := &document{json: s.JSON,
		m: Message{Header: signed.header(d.Header), Body: signed.Body, Method: d.Method, Base: d.Base}}
	if s.Digest.Query != "" && len(d.Body) > 0 && !document.isForm() {
		digest := sha256.Sum256(d.Body)
		signed.Query[s.Digest.Query] = s.Digest.Encoding.encode(digest[:])
	}
	document.m.Target = signed.Target(d.Target)
	var err error
	if values.texts, err = s.Signed.fill(document, s.Signature.Query); err != nil {
		return nil, err
	}
	sum, err := s.sum(method.Algorithm, k, &values, d, signed.Body)
	if err != nil {
		return nil, err
	}
	encoding := method.Encoding
	if method.Algorithm == JWT {
		encoding = Raw
	}
	value := method.Prefix + encoding.encode(sum)
	if s.Timestamp.Element != "" {
		value = strings.Join([]string{s.Timestamp.Element + values.timestamp, value}, s.Separator)
	}
	return signed, signed.put(s.Signature, value)
}

// header gives the headers of a delivery that is signed, those that signing added first.
func (s *Signed) header(given func(name string) []string) func(name string) []string {
	return func(name string) []string {
		for own, value := range s.Headers {
			if strings.EqualFold(own, name) {
				return []string{value}
			}
		}
		if given == nil {
			return nil
		}
		return given(name)
	}
}

// put writes a value to its place.
func (s *Signed) put(p Place, value string) error {
	switch {
	case p.Header != "":
		s.Headers[p.Header] = value
	case p.Query != "":
		s.Query[p.Query] = value
	case p.Body != nil:
		document, err := everhook.ParseJSON(s.Body)
		if err != nil {
			return errors.New("the signature stands in the body, which is not JSON")
		}
		if document, err = withField(document, p.Body, value); err != nil {
			return err
		}
		s.Body, err = everhook.EncodeJSON(document)
		return err
	}
	return nil
}

var errNoField = errors.New("the signature stands in the body, which does not have the fields around it")

// withField sets a field of a document; mappings that are missing are made, elements of lists are not.
func withField(v any, path everhook.Path, text string) (any, error) {
	if len(path) == 0 {
		return text, nil
	}
	if element, ok := path[0].Position(); ok {
		if list, isList := v.([]any); isList {
			if element >= len(list) {
				return nil, errNoField
			}
			below, err := withField(list[element], path[1:], text)
			list[element] = below
			return list, err
		}
	}
	fields, ok := v.(map[string]any)
	if v == nil {
		fields, ok = map[string]any{}, true
	}
	if !ok || path[0].Index {
		return nil, errNoField
	}
	below, err := withField(fields[path[0].Name], path[1:], text)
	fields[path[0].Name] = below
	return fields, err
}

func (s *Scheme) sum(algorithm Algorithm, k key, values *shown, d Delivery, body []byte) ([]byte, error) {
	switch {
	case algorithm == Token:
		return k.shared, nil
	case algorithm == JWT:
		return s.signJWT(k, d)
	case algorithm.family() != shared:
		var text bytes.Buffer
		s.Signed.write(&text, values, k, body)
		return algorithm.sign(k, text.Bytes())
	}
	return algorithm.sum(k, func(w hash.Hash) { s.Signed.write(w, values, k, body) }), nil
}

// Sign is Scheme.Sign, plus the header with the event's ID if the provider sends one.
func (p *Preset) Sign(d Delivery, secret string) (*Signed, error) {
	if p.Unsigned {
		return &Signed{Headers: map[string]string{}, Body: d.Body}, nil
	}
	if p.Certificate != nil {
		return nil, errors.New("only " + p.Title + " has the private key")
	}
	signed, err := p.Scheme.Sign(d, secret)
	if err == nil && p.DedupeHeader != "" && d.ID != "" {
		signed.Headers[p.DedupeHeader] = d.ID
	}
	return signed, err
}
