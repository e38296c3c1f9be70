package signature

import (
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
)

// Encoding writes a signature, or a secret, as text.
type Encoding string

// The encodings. Flow files name them; they are never edited.
const (
	Hex       Encoding = "hex"
	Base64    Encoding = "base64"
	Base64URL Encoding = "base64url"
	// Raw is the text itself.
	Raw Encoding = "raw"
)

func (e Encoding) encode(bytes []byte) string {
	switch e {
	case Base64:
		return base64.StdEncoding.EncodeToString(bytes)
	case Base64URL:
		return base64.RawURLEncoding.EncodeToString(bytes)
	case Raw:
		return string(bytes)
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
	case Raw:
		return []byte(text), nil
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

// decode gives the bytes of a signature that has a length of its algorithm.
func (m Method) decode(text string) ([]byte, bool) {
	least, most := m.Algorithm.sizes()
	encoding := m.Encoding
	if m.Algorithm == JWT {
		encoding = Raw
	}
	if len(text) > 2*most {
		return nil, false
	}
	bytes, err := encoding.decode(text)
	return bytes, err == nil && len(bytes) >= least && len(bytes) <= most
}

// millisecondsFrom separates milliseconds from seconds since 1970: as seconds it is in the year 5138, as milliseconds
// in 1973.
const millisecondsFrom = 100_000_000_000

// parseTime reads seconds or milliseconds since 1970, or RFC 3339.
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
