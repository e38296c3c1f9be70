package signature

import (
	"crypto/ed25519"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"strconv"
	"strings"
	"time"
)

// Algorithm makes signatures: HMAC (RFC 2104) over one of the hashes, or Ed25519 (RFC 8032).
type Algorithm string

// The algorithms. Flow files name those of HMAC; they are never edited.
const (
	SHA1    Algorithm = "sha1"
	SHA256  Algorithm = "sha256"
	SHA512  Algorithm = "sha512"
	Ed25519 Algorithm = "ed25519"
)

func (a Algorithm) hash() func() hash.Hash {
	switch a {
	case SHA1:
		return sha1.New
	case SHA512:
		return sha512.New
	default:
		return sha256.New
	}
}

func (a Algorithm) size() int {
	if a == Ed25519 {
		return ed25519.SignatureSize
	}
	return a.hash()().Size()
}

// Encoding writes a signature as text.
type Encoding string

// The encodings. Flow files name them; they are never edited.
const (
	Hex       Encoding = "hex"
	Base64    Encoding = "base64"
	Base64URL Encoding = "base64url"
)

func (e Encoding) encode(bytes []byte) string {
	switch e {
	case Base64:
		return base64.StdEncoding.EncodeToString(bytes)
	case Base64URL:
		return base64.RawURLEncoding.EncodeToString(bytes)
	default:
		return hex.EncodeToString(bytes)
	}
}

// decode takes hexadecimal in both cases, and base64 with or without padding.
func (e Encoding) decode(text string) ([]byte, error) {
	switch e {
	case Base64:
		return decodeBase64(base64.RawStdEncoding, text)
	case Base64URL:
		return decodeBase64(base64.RawURLEncoding, text)
	default:
		return hex.DecodeString(text)
	}
}

func decodeBase64(encoding *base64.Encoding, text string) ([]byte, error) {
	if strings.ContainsAny(text, "\r\n") {
		return nil, base64.CorruptInputError(0)
	}
	return encoding.Strict().DecodeString(strings.TrimRight(text, "="))
}

// decode gives the bytes of a signature that has the length of its algorithm.
func (m Method) decode(text string) ([]byte, bool) {
	if size := m.Algorithm.size(); len(text) > 2*size {
		return nil, false
	}
	bytes, err := m.Encoding.decode(text)
	return bytes, err == nil && len(bytes) == m.Algorithm.size()
}

// millisecondsFrom separates milliseconds from seconds since 1970: as seconds it is in the year 5138, as milliseconds
// in 1973.
const millisecondsFrom = 100_000_000_000

func parseTime(text string) (time.Time, error) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return fromUnix(n)
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, Malformed
	}
	return t, nil
}

func fromUnix(n int64) (time.Time, error) {
	switch {
	case n <= 0:
		return time.Time{}, Malformed
	case n >= millisecondsFrom:
		return time.UnixMilli(n), nil
	default:
		return time.Unix(n, 0), nil
	}
}
