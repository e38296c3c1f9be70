package signature_test

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/internal/signature"
)

func TestTokensWithADigest(t *testing.T) {
	t.Parallel()
	body := []byte(`{"a":1}`)
	sum := sha256.Sum256(body)
	digest := hex.EncodeToString(sum[:])
	scheme := signature.Scheme{Signature: signature.Place{Header: "Authorization"}, Tolerance: 5 * time.Minute,
		Methods: []signature.Method{{Prefix: "Bearer ", Algorithm: signature.JWT}},
		Digest:  signature.Digest{Claim: "payload_hash", Encoding: signature.Hex}}
	now := receivedAt.Unix()
	for name, test := range map[string]struct {
		method jwt.SigningMethod
		key    any
		claims jwt.MapClaims
		want   error
	}{
		"right":              {want: nil},
		"another HMAC":       {method: jwt.SigningMethodHS512},
		"with an end":        {claims: jwt.MapClaims{"iat": nil, "exp": now + 60}},
		"another secret":     {key: []byte("x"), want: signature.Mismatch},
		"another body":       {claims: jwt.MapClaims{"payload_hash": digest[2:]}, want: signature.Mismatch},
		"no digest":          {claims: jwt.MapClaims{"payload_hash": nil}, want: signature.Mismatch},
		"a digest of no use": {claims: jwt.MapClaims{"payload_hash": 7}, want: signature.Mismatch},
		"too old":            {claims: jwt.MapClaims{"iat": now - 301}, want: signature.Untimely},
		"of the future":      {claims: jwt.MapClaims{"iat": now + 301}, want: signature.Untimely},
		"expired":            {claims: jwt.MapClaims{"exp": now - 60}, want: signature.Untimely},
		"not yet":            {claims: jwt.MapClaims{"nbf": now + 60}, want: signature.Untimely},
		"without a time":     {claims: jwt.MapClaims{"iat": nil}, want: signature.Untimely},
		"unsigned": {method: jwt.SigningMethodNone, key: jwt.UnsafeAllowNoneSignatureType,
			want: signature.Mismatch},
	} {
		claims := jwt.MapClaims{"payload_hash": digest, "iat": now}
		for name, claim := range test.claims {
			claims[name] = claim
			if claim == nil {
				delete(claims, name)
			}
		}
		if test.method == nil {
			test.method = jwt.SigningMethodHS256
		}
		if test.key == nil {
			test.key = []byte("s")
		}
		token, err := jwt.NewWithClaims(test.method, claims).SignedString(test.key)
		require.NoError(t, err)
		header := http.Header{"Authorization": {"Bearer " + token}}
		require.Equal(t, test.want, scheme.Verify(message(header, body), []string{"other", "s"}), name)
	}
	require.Equal(t, signature.Mismatch,
		scheme.Verify(message(http.Header{"Authorization": {"Bearer a.b.c"}}, body), []string{"s"}))
	require.Equal(t, signature.Malformed,
		scheme.Verify(message(http.Header{"Authorization": {"Basic a.b.c"}}, body), []string{"s"}))
}

// TestAPublicKeyIsNoSecretOfAToken: an HMAC with the text of a public key, which is not secret, is refused.
func TestAPublicKeyIsNoSecretOfAToken(t *testing.T) {
	t.Parallel()
	body := []byte(`{}`)
	scheme := signature.Scheme{Signature: signature.Place{Header: "X-Jwt"},
		Methods: []signature.Method{{Algorithm: signature.JWT}},
		Digest:  signature.Digest{Claim: "d", Encoding: signature.Hex}}
	for private, public := range map[string]string{
		pemOf(t, privateRSA, "PRIVATE KEY"):      pemOf(t, publicRSA, "PUBLIC KEY"),
		pemOf(t, privateECDSA, "EC PRIVATE KEY"): pemOf(t, publicECDSA, "PUBLIC KEY")} {
		signed, err := scheme.Sign(signature.Delivery{SentAt: receivedAt, Body: body}, private)
		require.NoError(t, err)
		require.NoError(t, scheme.Verify(message(headerOf(signed.Headers), body), []string{public}))

		sum := sha256.Sum256(body)
		forged, err := jwt.NewWithClaims(jwt.SigningMethodHS256,
			jwt.MapClaims{"d": hex.EncodeToString(sum[:])}).SignedString([]byte(public))
		require.NoError(t, err)
		require.Equal(t, signature.Mismatch,
			scheme.Verify(message(http.Header{"X-Jwt": {forged}}, body), []string{public}))
	}
}
