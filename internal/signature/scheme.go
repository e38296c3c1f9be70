// Package signature verifies that the sender of a webhook delivery knows the shared secret, and signs deliveries in the
// same way. The differences between providers are data: a Scheme for each, in the table of presets.
package signature

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/subtle"
	"strings"
	"time"

	"github.com/everhook/everhook"
)

// Scheme says how deliveries are signed. It is never changed once made.
type Scheme struct {
	// Header carries the signatures.
	Header string
	// Separator separates the elements of Header. Empty: the value of the header is one signature.
	Separator string
	// Methods are the forms that a signature can have, told apart by their prefixes. Elements of no form are passed
	// over.
	Methods []Method
	// Signed is the text that is signed.
	Signed Template
	// ID names the header with the delivery's ID, for {id} in Signed.
	ID string
	// Timestamp is the place of the time of sending.
	Timestamp Source
	// Tolerance is how far the time of sending may be from that of receipt, in both directions; used where Timestamp is
	// set.
	Tolerance time.Duration
	// Keys says how a secret is written.
	Keys KeyForm
}

// Method is one form of a signature.
type Method struct {
	// Prefix precedes the encoded signature.
	Prefix    string
	Algorithm Algorithm
	Encoding  Encoding
}

// Source is the place of the time of sending. The time is in seconds or milliseconds since 1970 (the magnitude tells
// which) or in RFC 3339. The zero Source means that there is none.
type Source struct {
	// Header is a header of its own.
	Header string
	// Element is the prefix of an element in the header of the signatures.
	Element string
	// Body is a path in the body, which is JSON.
	Body everhook.Path
}

// IsSet reports whether there is a time of sending.
func (s Source) IsSet() bool { return s.Header != "" || s.Element != "" || s.Body != nil }

// Message is a delivery in the form in which it was received.
type Message struct {
	// Header gives the values of a header, one for each time that it was sent.
	Header func(name string) []string
	// Body are the raw bytes.
	Body []byte
	// ReceivedAt is compared to the time of sending.
	ReceivedAt time.Time
}

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
	shown, err := s.read(m)
	if err != nil {
		return err
	}
	keys, err := s.keys(secrets)
	if s.match(shown, keys, m.Body) == 0 {
		if err != nil {
			return err
		}
		return Mismatch
	}
	if s.Timestamp.Body != nil {
		// The body is parsed only after its signature was verified.
		sent, err := bodyTime(m.Body, s.Timestamp.Body)
		if err != nil {
			return err
		}
		return s.timely(sent, m.ReceivedAt)
	}
	return nil
}

// shown holds the values from the headers of a message.
type shown struct {
	id, timestamp string
	signatures    []sum
}

// sum is one signature, decoded.
type sum struct {
	algorithm Algorithm
	bytes     []byte
}

func (s *Scheme) read(m Message) (shown, error) {
	var found shown
	values := m.Header(s.Header)
	if len(values) == 0 {
		return found, Missing
	}
	for _, value := range values {
		if err := s.readSignatures(value, &found); err != nil {
			return found, err
		}
	}
	if len(found.signatures) == 0 {
		return found, Malformed
	}
	var err error
	if s.ID != "" {
		if found.id, err = single(m, s.ID); err != nil {
			return found, err
		}
		if s.Signed.ambiguous(found.id) {
			return found, Malformed
		}
	}
	if s.Timestamp.Header != "" {
		if found.timestamp, err = single(m, s.Timestamp.Header); err != nil {
			return found, err
		}
	}
	if s.Timestamp.Header == "" && s.Timestamp.Element == "" {
		return found, nil
	}
	if found.timestamp == "" {
		return found, Missing
	}
	sent, err := parseTime(found.timestamp)
	if err != nil {
		return found, err
	}
	return found, s.timely(sent, m.ReceivedAt)
}

// readSignatures takes the signatures, and the time if it is among them, out of one value of the header.
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

// single returns the value of a header that must occur once. If it occurs twice, the signed one is unknown.
func single(m Message, name string) (string, error) {
	values := m.Header(name)
	switch {
	case len(values) == 0 || len(values) == 1 && values[0] == "":
		return "", Missing
	case len(values) > 1:
		return "", Malformed
	}
	return values[0], nil
}

// match is 1 when a signature is right. It looks at all of them under all keys, whatever it finds.
func (s *Scheme) match(shown shown, keys []key, body []byte) int {
	matched := 0
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
			if len(signatures) > 0 {
				matched |= s.matchKey(method.Algorithm, key, signatures, shown, body)
			}
		}
	}
	return matched
}

func (s *Scheme) matchKey(algorithm Algorithm, key key, signatures [][]byte, shown shown, body []byte) int {
	matched := 0
	if algorithm == Ed25519 {
		text := s.Signed.bytes(shown.id, shown.timestamp, body)
		for _, signature := range signatures {
			if ed25519.Verify(key.public, text, signature) {
				matched = 1
			}
		}
		return matched
	}
	mac := hmac.New(algorithm.hash(), key.shared)
	s.Signed.write(mac, shown.id, shown.timestamp, body)
	want := mac.Sum(nil)
	for _, signature := range signatures {
		matched |= subtle.ConstantTimeCompare(signature, want)
	}
	return matched
}

func (s *Scheme) timely(sent, received time.Time) error {
	if received.Sub(sent).Abs() > s.Tolerance {
		return Untimely
	}
	return nil
}

// bodyTime reads the time of sending out of a body.
func bodyTime(body []byte, path everhook.Path) (time.Time, error) {
	document, err := everhook.ParseJSON(body)
	if err != nil {
		return time.Time{}, Malformed
	}
	v, _ := path.Get(document)
	switch v := v.(type) {
	case int:
		return fromUnix(int64(v))
	case string:
		return parseTime(v)
	case nil:
		return time.Time{}, Missing
	}
	return time.Time{}, Malformed
}
