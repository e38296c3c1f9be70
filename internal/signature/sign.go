package signature

import (
	"crypto/ed25519"
	"crypto/hmac"
	"errors"
	"strconv"
	"strings"
	"time"
)

// Delivery is the content to sign.
type Delivery struct {
	// ID is the delivery's, for schemes that sign one.
	ID string
	// SentAt is written in whole seconds.
	SentAt time.Time
	Body   []byte
}

// Sign returns the headers with which a sender that knows the secret sends a delivery: the signature, and the time and
// the ID if they are headers. Verify accepts them within the tolerance. A body that contains its own time
// (Timestamp.Body) is signed unchanged.
func (s *Scheme) Sign(d Delivery, secret string) (map[string]string, error) {
	key, err := s.key(secret)
	if err != nil {
		return nil, err
	}
	if s.ID != "" && d.ID == "" {
		return nil, errors.New("the delivery has no ID, which is signed too")
	}
	if s.Signed.ambiguous(d.ID) {
		return nil, errors.New("the ID holds the text that separates it from what follows")
	}
	timestamp := strconv.FormatInt(d.SentAt.Unix(), 10)
	for _, method := range s.Methods {
		if !key.fits(method.Algorithm) {
			continue
		}
		sum, err := s.sum(method.Algorithm, key, d, timestamp)
		if err != nil {
			return nil, err
		}
		value := method.Prefix + method.Encoding.encode(sum)
		headers := map[string]string{}
		if s.Timestamp.Element != "" {
			value = strings.Join([]string{s.Timestamp.Element + timestamp, value}, s.Separator)
		}
		headers[s.Header] = value
		if s.Timestamp.Header != "" {
			headers[s.Timestamp.Header] = timestamp
		}
		if s.ID != "" {
			headers[s.ID] = d.ID
		}
		return headers, nil
	}
	return nil, errors.New("the scheme has no signature for a key of this kind")
}

// Sign is Scheme.Sign, plus the header with the event's ID if the provider sends one.
func (p *Preset) Sign(d Delivery, secret string) (map[string]string, error) {
	headers, err := p.Scheme.Sign(d, secret)
	if err == nil && p.DedupeHeader != "" && d.ID != "" {
		headers[p.DedupeHeader] = d.ID
	}
	return headers, err
}

func (s *Scheme) sum(algorithm Algorithm, key key, d Delivery, timestamp string) ([]byte, error) {
	if algorithm == Ed25519 {
		if key.private == nil {
			return nil, errors.New("a public key (whpk_) verifies and cannot sign; its private one (whsk_) can")
		}
		return ed25519.Sign(key.private, s.Signed.bytes(d.ID, timestamp, d.Body)), nil
	}
	mac := hmac.New(algorithm.hash(), key.shared)
	s.Signed.write(mac, d.ID, timestamp, d.Body)
	return mac.Sum(nil), nil
}
