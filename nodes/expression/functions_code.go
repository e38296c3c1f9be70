package expression

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"
)

func toBase64(m *machine, c *call, args []any) (any, error) {
	text, err := c.text(args, 0)
	if err != nil {
		return nil, err
	}
	if err := m.work(base64.StdEncoding.EncodedLen(len(text))); err != nil {
		return nil, err
	}
	return base64.StdEncoding.EncodeToString([]byte(text)), nil
}

func fromBase64(m *machine, c *call, args []any) (any, error) {
	text, err := c.text(args, 0)
	if err != nil {
		return nil, err
	}
	if err := m.work(len(text)); err != nil {
		return nil, err
	}
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, c.errorf("%s is not Base64", c.what(0))
	}
	if !utf8.Valid(data) {
		return nil, c.errorf("%s is Base64 of data that is no text in UTF-8", c.what(0))
	}
	return string(data), nil
}

func sha256Hex(m *machine, c *call, args []any) (any, error) {
	text, err := c.text(args, 0)
	if err != nil {
		return nil, err
	}
	if err := m.read(len(text)); err != nil {
		return nil, err
	}
	digest := sha256.Sum256([]byte(text))
	return hex.EncodeToString(digest[:]), nil
}

func hmacHex(m *machine, c *call, args []any) (any, error) {
	text, key, err := m.texts(c, args)
	if err != nil {
		return nil, err
	}
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(text))
	return hex.EncodeToString(mac.Sum(nil)), nil
}

// urlEncode escapes all but the unreserved characters of RFC 3986, so that the text can stand anywhere in a url.
func urlEncode(m *machine, c *call, args []any) (any, error) {
	text, err := c.text(args, 0)
	if err != nil {
		return nil, err
	}
	if err := m.work(3 * len(text)); err != nil {
		return nil, err
	}
	return strings.ReplaceAll(url.QueryEscape(text), "+", "%20"), nil
}

// uuid gives a UUID of version 8 (RFC 9562, section 5.8), made of the Scope's seed and the ordinal of the call, so that
// replays give the same.
func uuid(m *machine, _ *call, _ []any) (any, error) {
	m.scope.ordinal++
	digest := sha256.Sum256(fmt.Appendf(nil, "%d:%s:%d", len(m.scope.Seed), m.scope.Seed, m.scope.ordinal))
	id := digest[:16]
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:]), nil
}

func resumeURL(m *machine, c *call, args []any) (any, error) {
	key, err := c.text(args, 0)
	if err != nil {
		return nil, err
	}
	if m.scope.ResumeURL == nil {
		return nil, c.errorf("there is no run here that a URL could resume")
	}
	text, err := m.scope.ResumeURL(key)
	if err != nil {
		return nil, c.errorf("%w", err)
	}
	return text, nil
}

var codeFunctions = []*Function{
	{Name: "toBase64", Signature: "toBase64(text)", Doc: "The text in Base64 (RFC 4648).",
		Example: `toBase64("user:pass")`, Result: `"dXNlcjpwYXNz"`, minimum: 1, maximum: 1, gives: kindText,
		apply: toBase64},
	{Name: "fromBase64", Signature: "fromBase64(text)", Doc: "The text that is written in Base64 (RFC 4648).",
		Example: `fromBase64("dXNlcjpwYXNz")`, Result: `"user:pass"`, minimum: 1, maximum: 1, gives: kindText,
		apply: fromBase64},
	{Name: "sha256", Signature: "sha256(text)", Doc: "The SHA-256 of the text, in hexadecimal.", Example: `sha256("")`,
		Result: `"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"`, minimum: 1, maximum: 1,
		gives: kindText, apply: sha256Hex},
	{Name: "hmac", Signature: "hmac(text, key)", Doc: "The HMAC-SHA-256 of the text, in hexadecimal. A key that is a " +
		"secret belongs into `sign`.", Example: `hmac("a", "b")`,
		Result: `"cb448b440c42ac8ad084fc8a8795c98f5b7802359c305eabd57ecdb20e248896"`, minimum: 2, maximum: 2,
		gives: kindText, apply: hmacHex},
	{Name: "urlEncode", Signature: "urlEncode(text)", Doc: "The text percent-encoded, to stand anywhere in a url " +
		"(RFC 3986). Templates of a url field encode by themselves.", Example: `urlEncode("a b/c")`,
		Result: `"a%20b%2Fc"`, minimum: 1, maximum: 1, gives: kindText, apply: urlEncode},
	{Name: "uuid", Signature: "uuid()", Doc: "A UUID, another one for each call, the same on every replay of the step.",
		Example: `len(uuid())`, Result: `36`, minimum: 0, maximum: 0, gives: kindText, apply: uuid, varying: true},
	{Name: "resumeUrl", Signature: `resumeUrl("key")`, Doc: "The URL that resumes the waiting node with that key.",
		Example: `hasPrefix(resumeUrl("confirm"), "https://")`, Result: `true`, minimum: 1, maximum: 1, gives: kindText,
		apply: resumeURL, varying: true},
}
