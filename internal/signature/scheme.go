// Package signature verifies that the sender of a webhook delivery knows the shared secret, and signs deliveries in the
// same way. The differences between providers are data: a Scheme for each, in the table of presets.
package signature

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"hash"
	"strings"
	"time"

	"github.com/everhook/everhook"
)

// Scheme says how deliveries are signed. It is never changed once made.
type Scheme struct {
	// Signature is the place of the signatures. Others are further headers that may have one each.
	Signature Place
	Others    []string
	// Separator separates the elements of the signature's place. Empty: it is one signature.
	Separator string
	// Methods are the forms that a signature can have, told apart by their prefixes. Elements of no form are passed
	// over. The methods of a scheme take the same kind of key, except those of StandardKeys.
	Methods []Method
	// Signed is the text that is signed; JWT and Token have none.
	Signed Template
	// ID is the place of the delivery's ID, for {id} in Signed.
	ID Place
	// Timestamp is the place of the time of sending.
	Timestamp Place
	// Tolerance is how far the time of sending may be from that of receipt, in both directions; 0: it is not compared.
	Tolerance time.Duration
	// Keys says how a secret is written.
	Keys KeyForm
	// Digest is the place of the SHA-256 of the body, if that is signed instead of the body.
	Digest Digest
	// JSON is set if bodies are JSON whatever their type says.
	JSON bool
	// Only is the path of a list that must have one element, because only that is signed.
	Only everhook.Path
}

// Method is one form of a signature.
type Method struct {
	// Prefix precedes the encoded signature.
	Prefix    string
	Algorithm Algorithm
	Encoding  Encoding
}

// Place is where a value of a delivery stands: one of the fields is set. The zero Place is no place.
type Place struct {
	// Header is a header, Query a parameter of the URL.
	Header, Query string
	// Element is the prefix of an element in the place of the signatures.
	Element string
	// Body is a path in the body, which is JSON or a form.
	Body everhook.Path
}

// IsSet reports whether there is a place.
func (p Place) IsSet() bool {
	return p.Header != "" || p.Query != "" || p.Element != "" || p.Body != nil
}

// Digest is the place of the SHA-256 of a body: a parameter of the URL, which is signed, or a claim of a JWT.
type Digest struct {
	Query, Claim string
	Encoding     Encoding
}

// UsesURL reports whether a message needs its Base and Target to be verified.
func (s *Scheme) UsesURL() bool {
	return s.Signature.Query != "" || s.Digest.Query != "" || s.Signed.HasURL() || s.Signed.has(placePath) ||
		s.Signed.has(placeQuery)
}

// ReadsBody reports whether a message's body is parsed before its signature is verified.
func (s *Scheme) ReadsBody() bool {
	return s.Signature.Body != nil || s.ID.Body != nil || s.Timestamp.Body != nil || s.Signed.hasField() ||
		s.Signed.has(placeForm)
}

// UsesContent reports whether verifying a message needs what is in its body, and not only its bytes.
func (s *Scheme) UsesContent() bool { return s.ReadsBody() || s.Only != nil }

// Refused is an error of Verify that concerns the message: its sender does not know the secret, or its time is wrong.
// The text is for the operator's log; callers must not see it.
type Refused string

// Why a message is refused.
const (
	Missing   Refused = "a header of the signature is missing"
	Malformed Refused = "a header of the signature cannot be read"
	Untimely  Refused = "the time of sending is too far from that of receipt"
	Mismatch  Refused = "no signature is right"
)

func (r Refused) Error() string { return string(r) }

// maxSignatures bounds how many signatures of one message are looked at: providers send one for each secret while they
// rotate.
const maxSignatures = 8

// Verify returns nil if one of the message's signatures is correct with one of the secrets and its time is within the
// tolerance. If not, it returns Refused, or an error about a secret that is not a valid key if no other secret fits.
// Errors contain no secret. An empty secret is not a key. The time that Verify takes does not depend on how much of a
// signature is correct.
func (s *Scheme) Verify(m Message, secrets []string) error {
	d := &document{m: m, json: s.JSON}
	shown, err := s.read(d)
	if err != nil {
		return err
	}
	keys, err := s.keys(secrets)
	matched, untimely := s.match(&shown, keys, &d.m)
	switch {
	case matched == 0 && untimely:
		return Untimely
	case matched == 0 && err != nil:
		return err
	case matched == 0:
		return Mismatch
	case s.Timestamp.Body != nil && !s.Signed.HasTimestamp():
		// The body is parsed only after its signature was verified.
		text, found, err := d.text(s.Timestamp.Body)
		if err == nil && !found {
			err = Missing
		}
		if err != nil {
			return err
		}
		return s.timely(text, m.ReceivedAt)
	}
	return nil
}

// shown holds the values of a message that are signed, and its signatures.
type shown struct {
	id, timestamp string
	// texts are those of the other places of the template, by its parts.
	texts      []string
	signatures []sum
}

// sum is one signature, decoded.
type sum struct {
	algorithm Algorithm
	bytes     []byte
}

func (s *Scheme) read(d *document) (shown, error) {
	var found shown
	if err := s.readAll(d, &found); err != nil {
		return found, err
	}
	if len(found.signatures) == 0 {
		return found, Malformed
	}
	var err error
	if s.ID.IsSet() {
		if found.id, err = s.at(d, s.ID); err != nil {
			return found, err
		}
		if s.Signed.ambiguous(found.id) {
			return found, Malformed
		}
	}
	if found.texts, err = s.Signed.fill(d, s.Signature.Query); err != nil {
		return found, err
	}
	if err := s.bound(d); err != nil {
		return found, err
	}
	return found, s.readTime(d, &found)
}

// readAll takes the signatures from their place.
func (s *Scheme) readAll(d *document, found *shown) error {
	if s.Signature.Header == "" {
		value, err := s.at(d, s.Signature)
		if err != nil {
			return err
		}
		return s.readSignatures(value, found)
	}
	values := d.m.Header(s.Signature.Header)
	for _, other := range s.Others {
		values = append(values, d.m.Header(other)...)
	}
	if len(values) == 0 {
		return Missing
	}
	for _, value := range values {
		if err := s.readSignatures(value, found); err != nil {
			return err
		}
	}
	return nil
}

// at gives the value at a place, which must be there once.
func (s *Scheme) at(d *document, p Place) (string, error) {
	switch {
	case p.Header != "":
		return single(&d.m, p.Header)
	case p.Query != "":
		return d.m.parameter(p.Query)
	}
	text, found, err := d.text(p.Body)
	if err == nil && (!found || text == "") {
		err = Missing
	}
	return text, err
}

// readTime reads the time of sending, unless it stands in the signed body.
func (s *Scheme) readTime(d *document, found *shown) error {
	inBody := s.Timestamp.Body != nil
	if !s.Timestamp.IsSet() || inBody && !s.Signed.HasTimestamp() {
		return nil
	}
	if s.Timestamp.Element == "" {
		var err error
		if found.timestamp, err = s.at(d, s.Timestamp); err != nil {
			return err
		}
	}
	if found.timestamp == "" {
		return Missing
	}
	return s.timely(found.timestamp, d.m.ReceivedAt)
}

// bound sees to it that no part of a body is without a signature that the scheme says to be signed.
func (s *Scheme) bound(d *document) error {
	if s.Only != nil {
		body, err := d.body()
		if err != nil {
			return err
		}
		v, _ := s.Only.Get(body)
		if list, ok := v.([]any); !ok || len(list) != 1 {
			return Malformed
		}
	}
	if !s.Signed.has(placeForm) || s.Signed.has(placeBody) || len(d.m.Body) == 0 || d.isForm() {
		return nil
	}
	if s.Digest.Query == "" {
		return Malformed
	}
	text, err := d.m.parameter(s.Digest.Query)
	if err != nil {
		return err
	}
	if !s.Digest.matches(text, d.m.Body) {
		return Mismatch
	}
	return nil
}

func (d Digest) matches(text string, body []byte) bool {
	given, err := d.Encoding.decode(text)
	want := sha256.Sum256(body)
	return err == nil && subtle.ConstantTimeCompare(given, want[:]) == 1
}

// readSignatures takes the signatures, and the time if it is among them, out of one value.
func (s *Scheme) readSignatures(value string, found *shown) error {
	for element := range s.elements(value) {
		if text, ok := strings.CutPrefix(element, s.Timestamp.Element); ok && s.Timestamp.Element != "" {
			if found.timestamp != "" {
				return Malformed
			}
			found.timestamp = text
			continue
		}
		for _, method := range s.Methods {
			text, ok := strings.CutPrefix(element, method.Prefix)
			if !ok {
				continue
			}
			if bytes, ok := method.decode(text); ok {
				found.signatures = append(found.signatures, sum{method.Algorithm, bytes})
			}
		}
		if len(found.signatures) > maxSignatures {
			return Malformed
		}
	}
	return nil
}

func (s *Scheme) elements(value string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		if s.Separator == "" {
			yield(strings.TrimSpace(value))
			return
		}
		for element := range strings.SplitSeq(value, s.Separator) {
			if !yield(strings.TrimSpace(element)) {
				return
			}
		}
	}
}

// match is 1 when a signature is right. It looks at all of them under all keys, whatever it finds. Untimely is true if
// one would be right at another time.
func (s *Scheme) match(shown *shown, keys []key, m *Message) (matched int, untimely bool) {
	for _, key := range keys {
		for _, method := range s.Methods {
			if !key.fits(method.Algorithm) {
				continue
			}
			var signatures [][]byte
			for _, signature := range shown.signatures {
				if signature.algorithm == method.Algorithm {
					signatures = append(signatures, signature.bytes)
				}
			}
			if len(signatures) == 0 {
				continue
			}
			if method.Algorithm == JWT {
				right, late := s.matchJWT(key, signatures, m)
				matched, untimely = matched|right, untimely || late
				continue
			}
			matched |= s.matchKey(method.Algorithm, key, signatures, shown, m.Body)
		}
	}
	return matched, untimely
}

func (s *Scheme) matchKey(algorithm Algorithm, key key, signatures [][]byte, values *shown, body []byte) int {
	switch {
	case algorithm == Token:
		return matchesToken(signatures, key.shared)
	case algorithm.family() != shared:
		var text bytes.Buffer
		s.Signed.write(&text, values, key, body)
		if algorithm.verifies(key, text.Bytes(), signatures) {
			return 1
		}
		return 0
	}
	return matches(signatures, algorithm.sum(key, func(w hash.Hash) { s.Signed.write(w, values, key, body) }))
}

// timely compares the time of sending, which must be one even where it is not compared.
func (s *Scheme) timely(text string, received time.Time) error {
	sent, err := parseTime(text)
	if err != nil {
		return err
	}
	if s.Tolerance > 0 && received.Sub(sent).Abs() > s.Tolerance {
		return Untimely
	}
	return nil
}
