package signature

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"errors"
	"hash"
	"math/big"
	"slices"
)

// Algorithm makes signatures.
type Algorithm string

// The algorithms. Flow files name them; they are never edited. Those that are only a hash are HMAC (RFC 2104).
const (
	SHA1   Algorithm = "sha1"
	SHA256 Algorithm = "sha256"
	SHA384 Algorithm = "sha384"
	SHA512 Algorithm = "sha512"
	// PlainSHA256 is the SHA-256 of a text that contains the secret.
	PlainSHA256 Algorithm = "plain-sha256"
	// Token is not a signature: the secret itself is sent.
	Token Algorithm = "token"
	// JWT is a JSON Web Token (RFC 7519) with a digest of the body among its claims.
	JWT Algorithm = "jwt"
	// Ed25519 is RFC 8032. The secret is the sender's public key, as with all that follow.
	Ed25519 Algorithm = "ed25519"
	// ECDSAP256 is ECDSA over P-256 with SHA-256. The signature is ASN.1, or the two numbers of 32 bytes.
	ECDSAP256 Algorithm = "ecdsa-p256"
	// RSASHA1, RSASHA256 and RSASHA512 are RSA with PKCS #1 v1.5 (RFC 8017), RSAPSS with PSS and SHA-256.
	RSASHA1   Algorithm = "rsa-sha1"
	RSASHA256 Algorithm = "rsa-sha256"
	RSASHA512 Algorithm = "rsa-sha512"
	RSAPSS    Algorithm = "rsa-pss-sha256"
)

// family is the kind of key that an algorithm takes.
type family int

const (
	shared family = iota
	ed25519Key
	ecdsaKey
	rsaKey
	jwtKey
)

func (a Algorithm) family() family {
	switch a {
	case Ed25519:
		return ed25519Key
	case ECDSAP256:
		return ecdsaKey
	case RSASHA1, RSASHA256, RSASHA512, RSAPSS:
		return rsaKey
	case JWT:
		return jwtKey
	default:
		return shared
	}
}

func (a Algorithm) hash() func() hash.Hash {
	switch a {
	case SHA1, RSASHA1:
		return sha1.New
	case SHA384:
		return sha512.New384
	case SHA512, RSASHA512:
		return sha512.New
	default:
		return sha256.New
	}
}

func (a Algorithm) cryptoHash() crypto.Hash {
	switch a {
	case RSASHA1:
		return crypto.SHA1
	case RSASHA512:
		return crypto.SHA512
	default:
		return crypto.SHA256
	}
}

// Limits of checked values, in bytes.
const (
	maxToken     = 1 << 10
	maxRSA       = 1 << 10 // 8192 bits
	maxECDSA     = 72
	minECDSA     = 8
	maxJWT       = 8 << 10
	ecdsaNumbers = 64
)

// sizes returns the least and the greatest size of a signature, in bytes.
func (a Algorithm) sizes() (least, most int) {
	switch a.family() {
	case ed25519Key:
		return ed25519.SignatureSize, ed25519.SignatureSize
	case ecdsaKey:
		return minECDSA, maxECDSA
	case rsaKey:
		return 1, maxRSA
	case jwtKey:
		return 1, maxJWT
	}
	if a == Token {
		return 1, maxToken
	}
	size := a.hash()().Size()
	return size, size
}

// sum returns the signature of a text with a shared key. The text of a plain hash contains the key.
func (a Algorithm) sum(k key, text func(w hash.Hash)) []byte {
	var h hash.Hash
	if a == PlainSHA256 {
		h = sha256.New()
	} else {
		h = hmac.New(a.hash(), k.shared)
	}
	text(h)
	return h.Sum(nil)
}

// verifies reports whether one of the signatures of a text is valid for a public key.
func (a Algorithm) verifies(k key, text []byte, signatures [][]byte) bool {
	h := a.hash()()
	h.Write(text)
	digest := h.Sum(nil)
	return slices.ContainsFunc(signatures, func(signature []byte) bool {
		switch public := k.public.(type) {
		case ed25519.PublicKey:
			return ed25519.Verify(public, text, signature)
		case *ecdsa.PublicKey:
			return verifyECDSA(public, digest, signature)
		case *rsa.PublicKey:
			if a == RSAPSS {
				return rsa.VerifyPSS(public, a.cryptoHash(), digest, signature, nil) == nil
			}
			return rsa.VerifyPKCS1v15(public, a.cryptoHash(), digest, signature) == nil
		default:
			return false
		}
	})
}

func verifyECDSA(public *ecdsa.PublicKey, digest, signature []byte) bool {
	if ecdsa.VerifyASN1(public, digest, signature) {
		return true
	}
	if len(signature) != ecdsaNumbers {
		return false
	}
	r, s := new(big.Int).SetBytes(signature[:ecdsaNumbers/2]), new(big.Int).SetBytes(signature[ecdsaNumbers/2:])
	return ecdsa.Verify(public, digest, r, s)
}

var errPublic = errors.New("a public key verifies and cannot sign; its private one can")

// sign signs a text with a private key.
func (a Algorithm) sign(k key, text []byte) ([]byte, error) {
	if k.private == nil {
		return nil, errPublic
	}
	if a == Ed25519 {
		return k.private.Sign(nil, text, crypto.Hash(0))
	}
	h := a.hash()()
	h.Write(text)
	var options crypto.SignerOpts = a.cryptoHash()
	if a == RSAPSS {
		options = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: a.cryptoHash()}
	}
	return k.private.Sign(entropy, h.Sum(nil), options)
}

// fits reports whether a key is one for this algorithm.
func (k key) fits(a Algorithm) bool {
	switch a.family() {
	case ed25519Key:
		_, ok := k.public.(ed25519.PublicKey)
		return ok
	case ecdsaKey:
		public, ok := k.public.(*ecdsa.PublicKey)
		return ok && public.Curve == elliptic.P256()
	case rsaKey:
		public, ok := k.public.(*rsa.PublicKey)
		return ok && public.Size() <= maxRSA
	case jwtKey:
		return true
	default:
		return k.public == nil
	}
}

// matches returns 1 if a signature is the wanted one.
func matches(signatures [][]byte, want []byte) int {
	matched := 0
	for _, signature := range signatures {
		matched |= subtle.ConstantTimeCompare(signature, want)
	}
	return matched
}

// matchesToken returns 1 if one of the texts is the secret.
func matchesToken(texts [][]byte, secret []byte) int {
	matched, want := 0, sha256.Sum256(secret)
	for _, text := range texts {
		given := sha256.Sum256(text)
		matched |= subtle.ConstantTimeCompare(given[:], want[:])
	}
	return matched
}

// macOf is the HMAC of a text.
func macOf(a Algorithm, k key, text string) []byte {
	return a.sum(k, func(w hash.Hash) { _, _ = w.Write([]byte(text)) })
}
