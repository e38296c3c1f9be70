package signature

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// leeway is the allowed difference between the clocks of a JWT's sender and of this machine, for the claims exp and
// nbf.
const leeway = 30 * time.Second

// jwtMethods returns the methods that a key allows: a public key never verifies an HMAC.
func (k key) jwtMethods() []string {
	switch k.public.(type) {
	case nil:
		return []string{"HS256", "HS384", "HS512"}
	case *rsa.PublicKey:
		return []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
	case *ecdsa.PublicKey:
		return []string{"ES256", "ES384", "ES512"}
	case ed25519.PublicKey:
		return []string{"EdDSA"}
	default:
		return nil
	}
}

// matchJWT returns 1 if one of the tokens is valid, has the digest of the body, and is current.
func (s *Scheme) matchJWT(k key, tokens [][]byte, m *Message) (matched int, untimely bool) {
	received := m.ReceivedAt
	parser := jwt.NewParser(jwt.WithValidMethods(k.jwtMethods()), jwt.WithLeeway(leeway),
		jwt.WithTimeFunc(func() time.Time { return received }))
	for _, token := range tokens {
		claims := jwt.MapClaims{}
		_, err := parser.ParseWithClaims(string(token), claims, func(*jwt.Token) (any, error) {
			if k.public != nil {
				return k.public, nil
			}
			return k.shared, nil
		})
		digest, _ := claims[s.Digest.Claim].(string)
		switch {
		case err == nil && !s.Digest.matches(digest, m.Body):
		case err == nil && !s.issued(claims, received),
			errors.Is(err, jwt.ErrTokenExpired), errors.Is(err, jwt.ErrTokenNotValidYet):
			untimely = true
		case err == nil:
			matched = 1
		}
	}
	return matched, untimely
}

// issued reports whether a token is current: iat is within the tolerance, or exp, which was checked, is set.
func (s *Scheme) issued(claims jwt.MapClaims, received time.Time) bool {
	if s.Tolerance == 0 {
		return true
	}
	issued, err := claims.GetIssuedAt()
	if err != nil {
		return false
	}
	if issued == nil {
		expires, err := claims.GetExpirationTime()
		return err == nil && expires != nil
	}
	return received.Sub(issued.Time).Abs() <= s.Tolerance
}

// signJWT makes the token of a delivery.
func (s *Scheme) signJWT(k key, d Delivery) ([]byte, error) {
	var method jwt.SigningMethod = jwt.SigningMethodHS256
	var signer any = k.shared
	if k.public != nil {
		if k.private == nil {
			return nil, errPublic
		}
		signer = k.private
		switch public := k.public.(type) {
		case *rsa.PublicKey:
			method = jwt.SigningMethodRS256
		case ed25519.PublicKey:
			method = jwt.SigningMethodEdDSA
		case *ecdsa.PublicKey:
			method = map[int]jwt.SigningMethod{256: jwt.SigningMethodES256, 384: jwt.SigningMethodES384,
				521: jwt.SigningMethodES512}[public.Curve.Params().BitSize]
		}
	}
	if method == nil {
		return nil, errPublicKey
	}
	digest := sha256.Sum256(d.Body)
	token, err := jwt.NewWithClaims(method, jwt.MapClaims{
		"iat": d.SentAt.Unix(), s.Digest.Claim: s.Digest.Encoding.encode(digest[:]),
	}).SignedString(signer)
	return []byte(token), err
}
