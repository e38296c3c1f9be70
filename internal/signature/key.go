package signature

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"strings"
)

// KeyForm says how a secret is written.
type KeyForm int

const (
	// TextKeys are used as they are, byte for byte.
	TextKeys KeyForm = iota
	// StandardKeys are those of Standard Webhooks: whsec_ (or nothing) and base64 of a shared key, whpk_ and base64 of
	// an Ed25519 public key, or whsk_ and base64 of an Ed25519 private key or its seed, which also signs.
	StandardKeys
)

// The prefixes of StandardKeys.
const (
	sharedPrefix  = "whsec_"
	publicPrefix  = "whpk_"
	privatePrefix = "whsk_"
)

// key is a secret that was read: shared, or public with private if that is known.
type key struct {
	shared  []byte
	public  ed25519.PublicKey
	private ed25519.PrivateKey
}

func (k key) fits(algorithm Algorithm) bool { return (algorithm == Ed25519) == (k.public != nil) }

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
)

func (s *Scheme) key(secret string) (key, error) {
	if secret == "" {
		return key{}, errEmpty
	}
	if s.Keys == TextKeys {
		return key{shared: []byte(secret)}, nil
	}
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
	switch {
	case prefix == sharedPrefix:
		return key{shared: bytes}, nil
	case prefix == publicPrefix && len(bytes) == ed25519.PublicKeySize:
		return key{public: bytes}, nil
	case prefix == privatePrefix && (len(bytes) == ed25519.SeedSize || len(bytes) == ed25519.PrivateKeySize):
		private := ed25519.NewKeyFromSeed(bytes[:ed25519.SeedSize])
		return key{public: private.Public().(ed25519.PublicKey), private: private}, nil
	}
	return key{}, errStandard
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
