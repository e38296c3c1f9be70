package expression

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/everhook/everhook"
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

// digest makes an implementation that returns the digest of a text, in hexadecimal.
func digest(name string) implementation {
	return func(m *machine, c *call, args []any) (any, error) {
		text, err := c.text(args, 0)
		if err != nil {
			return nil, err
		}
		if err := m.read(len(text)); err != nil {
			return nil, err
		}
		h := hashes[name]()
		h.Write([]byte(text))
		return hex.EncodeToString(h.Sum(nil)), nil
	}
}

// hashes are the hash functions by the names that expressions use.
var hashes = map[string]func() hash.Hash{"md5": md5.New, "sha1": sha1.New, "sha256": sha256.New, "sha512": sha512.New}

// encodings are the ways to write the bytes of an HMAC as text.
var encodings = map[string]func([]byte) string{
	"hex": hex.EncodeToString, "base64": base64.StdEncoding.EncodeToString,
	"base64url": base64.RawURLEncoding.EncodeToString,
}

func hmacText(m *machine, c *call, args []any) (any, error) {
	text, key, err := m.texts(c, args)
	if err != nil {
		return nil, err
	}
	options := map[string]any{}
	if len(args) == 3 {
		if options, err = c.mapping(args, 2); err != nil {
			return nil, err
		}
	}
	newHash, err := option(c, options, "hash", "sha256", hashes)
	if err != nil {
		return nil, err
	}
	encode, err := option(c, options, "encoding", "hex", encodings)
	if err != nil {
		return nil, err
	}
	for _, name := range everhook.SortedKeys(options) {
		if name != "hash" && name != "encoding" {
			return nil, c.errorf("there is no option %q; write hash or encoding", name)
		}
	}
	mac := hmac.New(newHash, []byte(key))
	mac.Write([]byte(text))
	return encode(mac.Sum(nil)), nil
}

// option returns the choice that an option names.
func option[T any](c *call, options map[string]any, name, otherwise string, choices map[string]T) (T, error) {
	chosen, given := options[name]
	if !given {
		chosen = otherwise
	}
	text, _ := chosen.(string)
	choice, ok := choices[text]
	if !ok {
		return choice, c.errorf("the option %s is not one of %s", name, strings.Join(everhook.SortedKeys(choices),
			", "))
	}
	return choice, nil
}

// urlEncode escapes all but the unreserved characters of RFC 3986, so that the text can be used anywhere in a URL.
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

// encodePath escapes each segment of a path and keeps the slashes.
func encodePath(m *machine, c *call, args []any) (any, error) {
	text, err := m.text(args[0])
	if err != nil {
		return nil, err
	}
	if err := m.work(3 * len(text)); err != nil {
		return nil, err
	}
	return everhook.EscapeSegments.Apply(text), nil
}

// urlDecode reads a plus sign as a space, as forms write it; urlEncode never leaves one.
func urlDecode(m *machine, c *call, args []any) (any, error) {
	text, err := c.text(args, 0)
	if err != nil {
		return nil, err
	}
	if err := m.work(len(text)); err != nil {
		return nil, err
	}
	decoded, err := url.QueryUnescape(text)
	if err != nil {
		return nil, c.errorf("%s is not percent-encoded: a %% is followed by two hexadecimal digits", c.what(0))
	}
	if !utf8.ValidString(decoded) {
		return nil, c.errorf("%s is percent-encoded data that is not text in UTF-8", c.what(0))
	}
	return decoded, nil
}

// uuid returns a UUID of version 8 (RFC 9562, section 5.8), derived from the Scope's seed and the ordinal of the call,
// so that replays give the same.
func uuid(m *machine, _ *call, _ []any) (any, error) {
	m.scope.ordinal++
	sum := sha256.Sum256(fmt.Appendf(nil, "%d:%s:%d", len(m.scope.Seed), m.scope.Seed, m.scope.ordinal))
	id := sum[:16]
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
		gives: kindText, apply: digest("sha256")},
	{Name: "sha1", Signature: "sha1(text)",
		Doc: "The SHA-1 of the text, in hexadecimal, for services that ask for it; " +
			"it is not secure.", Example: `sha1("")`, Result: `"da39a3ee5e6b4b0d3255bfef95601890afd80709"`, minimum: 1,
		maximum: 1, gives: kindText, apply: digest("sha1")},
	{Name: "md5", Signature: "md5(text)",
		Doc: "The MD5 of the text, in hexadecimal, for services that ask for it; it " +
			"is not secure.", Example: `md5("")`, Result: `"d41d8cd98f00b204e9800998ecf8427e"`, minimum: 1, maximum: 1,
		gives: kindText, apply: digest("md5")},
	{Name: "hmac", Signature: "hmac(text, key[, {hash, encoding}])", Doc: "The HMAC of the text. hash is sha256 " +
		"(default), sha512, sha1 or md5; encoding is hex (default), base64 or base64url. A secret cannot be the key " +
		"here.",
		Example: `hmac("a", "b", {encoding: "base64"})`, Result: `"y0SLRAxCrIrQhPyKh5XJj1t4AjWcMF6r1X7Nsg4kiJY="`,
		minimum: 2, maximum: 3, gives: kindText, apply: hmacText},
	{Name: "urlEncode", Signature: "urlEncode(text)", Doc: "The text percent-encoded, to stand anywhere in a url " +
		"(RFC 3986). Templates of a url field encode by themselves.", Example: `urlEncode("a b/c")`,
		Result: `"a%20b%2Fc"`, minimum: 1, maximum: 1, gives: kindText, apply: urlEncode},
	{Name: "path", Signature: "path(text)",
		Doc: "The text percent-encoded as a path, with its slashes. In a url field " +
			"it is the outermost call: `/repos/{{ path(trigger.body.repository.full_name) }}`.",
		Example: `path("octo org/a&b")`,
		Result:  `"octo%20org/a&b"`, minimum: 1, maximum: 1, gives: kindText, apply: encodePath},
	{Name: "urlDecode", Signature: "urlDecode(text)", Doc: "The text that is percent-encoded; a plus sign is a space.",
		Example: `urlDecode("a%20b+c%2Fd")`, Result: `"a b c/d"`, minimum: 1, maximum: 1, gives: kindText,
		apply: urlDecode},
	{Name: "uuid", Signature: "uuid()", Doc: "A UUID, another one for each call, the same on every replay of the step.",
		Example: `len(uuid())`, Result: `36`, minimum: 0, maximum: 0, gives: kindText, apply: uuid, varying: true},
	{Name: "resumeUrl", Signature: `resumeUrl("key")`, Doc: "The URL that resumes the waiting node with that key.",
		Example: `hasPrefix(resumeUrl("confirm"), "https://")`, Result: `true`, minimum: 1, maximum: 1, gives: kindText,
		apply: resumeURL, varying: true},
}
