package access

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"hash/crc32"
	"math/big"
	"strings"
)

// A token is "ehk_", the ID of the server (6 characters), the ID of the token (12), a secret (32) and a checksum (6),
// all of letters and digits. Scanners of repositories find tokens by their prefix and length, and tell them from other
// texts by the checksum. The secret has 190 bits, so a plain digest of the token is safe to store.
const (
	tokenPrefix    = "ehk_"
	serverLength   = 6
	idLength       = 12
	secretLength   = 32
	checksumLength = 6
	tokenLength    = len(tokenPrefix) + serverLength + idLength + secretLength + checksumLength
)

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// Errors of texts that are shown as a token.
var (
	// ErrNoToken is for a text that no server of Everhook made, or one with a typing error.
	ErrNoToken = errors.New("this is not a token of Everhook, or it was changed")
	// ErrOtherServer is for a token that another server made.
	ErrOtherServer = errors.New("this token is of another server")
	// ErrUnknownToken is for a token that was deleted, or never existed.
	ErrUnknownToken = errors.New("this server does not know the token")
	// ErrRevoked and ErrExpired are for tokens that are no longer valid.
	ErrRevoked = errors.New("the token was revoked")
	ErrExpired = errors.New("the token has expired")
)

// random returns so many random letters and digits.
func random(length int) string {
	text := make([]byte, 0, length)
	var data [64]byte
	for {
		_, _ = rand.Read(data[:]) // it never fails
		for _, b := range data {
			// 248 is the largest multiple of 62 in a byte: a remainder of larger ones would not be even.
			if b < 248 {
				if text = append(text, alphabet[b%62]); len(text) == length {
					return string(text)
				}
			}
		}
	}
}

// newToken makes the text of a token of a server.
func newToken(server, id string) string {
	text := tokenPrefix + server + id + random(secretLength)
	return text + checksum(text)
}

func checksum(text string) string {
	sum := big.NewInt(int64(crc32.ChecksumIEEE([]byte(text)))).Text(62)
	return strings.Repeat("0", checksumLength-len(sum)) + sum
}

// readToken returns the ID of a token of this server. It looks nothing up.
func readToken(server, text string) (id string, err error) {
	if len(text) != tokenLength || !strings.HasPrefix(text, tokenPrefix) ||
		checksum(text[:tokenLength-checksumLength]) != text[tokenLength-checksumLength:] {
		return "", ErrNoToken
	}
	rest := text[len(tokenPrefix):]
	if rest[:serverLength] != server {
		return "", ErrOtherServer
	}
	return rest[serverLength : serverLength+idLength], nil
}

// digest is what is stored of a secret.
func digest(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return sum[:]
}

// matches compares in a time that depends on neither text.
func matches(stored []byte, text string) bool {
	return subtle.ConstantTimeCompare(stored, digest(text)) == 1
}
