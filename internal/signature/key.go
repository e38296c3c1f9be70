package signature

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"strings"
)

// KeyForm says how a shared secret is written. Public keys have forms of their own: PEM, or base64 of DER, and Ed25519
// also 32 bytes in hexadecimal or base64. Private keys in the same forms also sign.
type KeyForm int

const (
	// TextKeys are used as they are, byte for byte.
	TextKeys KeyForm = iota
	// StandardKeys are those of Standard Webhooks: whsec_ (or nothing) and base64 of a shared key, whpk_ and base64 of
	// an Ed25519 public key, or whsk_ and base64 of an Ed25519 private key or its seed, which also signs.
	StandardKeys
	// Base64Keys are base64 of the key, in either alphabet.
	Base64Keys
	// HexKeys are hexadecimal of the key.
	HexKeys
)

// The prefixes of StandardKeys.
const (
	sharedPrefix  = "whsec_"
	publicPrefix  = "whpk_"
	privatePrefix = "whsk_"
)

// entropy is for signatures that need it.
var entropy = rand.Reader

// key is a secret that was read: shared, or public with private if that is known.
type key struct {
	shared  []byte
	public  crypto.PublicKey
	private crypto.Signer
}

// CheckSecret returns an error if the secret is not a valid key. The error describes a valid secret and does not
// contain this one.
func (s *Scheme) CheckSecret(secret string) error {
	_, err := s.key(secret)
	return err
}

var (
	errEmpty    = errors.New("it is empty")
	errStandard = errors.New("it is neither whsec_ and base64 of a shared key, nor whpk_ and base64 of an Ed25519 " +
		"public key; copy it as the sender shows it")
	errBase64    = errors.New("it is not base64; copy it as the sender shows it, or use `secretEncoding: raw`")
	errHex       = errors.New("it is not hexadecimal; copy it as the sender shows it, or use `secretEncoding: raw`")
	errPublicKey = errors.New("it is not a public key for this algorithm; write it as PEM (BEGIN PUBLIC KEY) or as " +
		"base64 of DER; RSA keys have 1024 to 8192 bits, ECDSA keys are of P-256, and an Ed25519 key may also be 32 " +
		"bytes in hexadecimal")
)

func (s *Scheme) key(secret string) (key, error) {
	if secret == "" {
		return key{}, errEmpty
	}
	if s.Keys == StandardKeys {
		return standardKey(secret)
	}
	family := shared
	if len(s.Methods) > 0 {
		family = s.Methods[0].Algorithm.family()
	}
	if family == jwtKey && !strings.Contains(secret, pemMark) {
		family = shared
	}
	if family != shared {
		return publicKey(secret, family)
	}
	switch s.Keys {
	case Base64Keys:
		bytes, err := decodeBase64(base64.RawStdEncoding, strings.NewReplacer("-", "+", "_", "/").Replace(secret))
		return key{shared: bytes}, orEmpty(bytes, err, errBase64)
	case HexKeys:
		bytes, err := hex.DecodeString(secret)
		return key{shared: bytes}, orEmpty(bytes, err, errHex)
	default:
		return key{shared: []byte(secret)}, nil
	}
}

func orEmpty(bytes []byte, err, problem error) error {
	if err != nil || len(bytes) == 0 {
		return problem
	}
	return nil
}

func standardKey(secret string) (key, error) {
	prefix, encoded := sharedPrefix, strings.TrimPrefix(secret, sharedPrefix)
	for _, other := range []string{publicPrefix, privatePrefix} {
		if rest, ok := strings.CutPrefix(secret, other); ok {
			prefix, encoded = other, rest
		}
	}
	bytes, err := decodeBase64(base64.RawStdEncoding, encoded)
	if err != nil || len(bytes) == 0 {
		return key{}, errStandard
	}
	if prefix == sharedPrefix {
		return key{shared: bytes}, nil
	}
	k, ok := ed25519Bytes(bytes, prefix == privatePrefix)
	if !ok || (k.private == nil) == (prefix == privatePrefix) {
		return key{}, errStandard
	}
	return k, nil
}

// ed25519Bytes reads a public key, or a private one; a seed is one only where it says so.
func ed25519Bytes(bytes []byte, isPrivate bool) (key, bool) {
	switch {
	case len(bytes) == ed25519.PublicKeySize && !isPrivate:
		return key{public: ed25519.PublicKey(bytes)}, true
	case len(bytes) == ed25519.SeedSize || len(bytes) == ed25519.PrivateKeySize:
		private := ed25519.NewKeyFromSeed(bytes[:ed25519.SeedSize])
		return key{public: private.Public(), private: private}, true
	}
	return key{}, false
}

const (
	pemMark = "-----BEGIN "
	minRSA  = 128 // bytes
)

func publicKey(text string, family family) (key, error) {
	k, ok := parsePublic(strings.TrimSpace(text), family)
	if !ok || !k.isOf(family) {
		return key{}, errPublicKey
	}
	return k, nil
}

func parsePublic(text string, family family) (key, bool) {
	if strings.Contains(text, pemMark) {
		// In an environment variable, line ends are often written as \n.
		block, _ := pem.Decode([]byte(strings.ReplaceAll(text, `\n`, "\n")))
		if block == nil {
			return key{}, false
		}
		return parseDER(block.Bytes)
	}
	if bytes, err := hex.DecodeString(text); err == nil && family == ed25519Key {
		return ed25519Bytes(bytes, false)
	}
	bytes, err := decodeBase64(base64.RawStdEncoding, text)
	if err != nil {
		return key{}, false
	}
	if k, ok := ed25519Bytes(bytes, false); ok && family == ed25519Key {
		return k, true
	}
	return parseDER(bytes)
}

// parseDER reads a public key, the key of a certificate, or a private key.
func parseDER(der []byte) (key, bool) {
	if public, err := x509.ParsePKIXPublicKey(der); err == nil {
		return key{public: public}, true
	}
	if public, err := x509.ParsePKCS1PublicKey(der); err == nil {
		return key{public: public}, true
	}
	if certificate, err := x509.ParseCertificate(der); err == nil {
		return key{public: certificate.PublicKey}, true
	}
	if private, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		signer, ok := private.(crypto.Signer)
		return key{private: signer, public: publicOf(signer)}, ok
	}
	if private, err := x509.ParseECPrivateKey(der); err == nil {
		return key{private: private, public: private.Public()}, true
	}
	if private, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return key{private: private, public: private.Public()}, true
	}
	return key{}, false
}

func publicOf(signer crypto.Signer) crypto.PublicKey {
	if signer == nil {
		return nil
	}
	return signer.Public()
}

// isOf reports whether a public key is of a family and has a size that is safe and bounded.
func (k key) isOf(family family) bool {
	switch public := k.public.(type) {
	case ed25519.PublicKey:
		return family == ed25519Key || family == jwtKey
	case *ecdsa.PublicKey:
		return public.Curve == elliptic.P256() && family == ecdsaKey || family == jwtKey
	case *rsa.PublicKey:
		return (family == rsaKey || family == jwtKey) && public.Size() >= minRSA && public.Size() <= maxRSA
	default:
		return false
	}
}

// keys reads secrets; its error is that of the last one that is no key.
func (s *Scheme) keys(secrets []string) ([]key, error) {
	keys := make([]key, 0, len(secrets))
	var broken error
	for _, secret := range secrets {
		key, err := s.key(secret)
		if err != nil {
			broken = err
			continue
		}
		keys = append(keys, key)
	}
	return keys, broken
}
