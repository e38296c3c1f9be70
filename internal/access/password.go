package access

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
)

// cost is that of argon2id: the second recommendation of OWASP. Each hash holds its own, so it can be raised.
var cost = argon2Cost{memory: 19 << 10, time: 2, threads: 1}

const (
	saltLength, keyLength = 16, 32
	// Bounds of a password, in characters. Longer ones cost time to hash.
	minPassword, maxPassword = 12, 256
	// hashesAtOnce bounds the memory of passwords that are checked at the same time.
	hashesAtOnce = 4
)

type argon2Cost struct {
	memory, time uint32
	threads      uint8
}

// hashing holds one value for each hash that is made now.
var hashing = make(chan struct{}, hashesAtOnce)

// hashPassword makes the stored form of a password: $argon2id$v=19$m=…,t=…,p=…$salt$hash.
func hashPassword(ctx context.Context, password string) (string, error) {
	salt := make([]byte, saltLength)
	_, _ = rand.Read(salt) // it never fails
	key, err := derive(ctx, password, salt, cost, keyLength)
	if err != nil {
		return "", err
	}
	encode := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, cost.memory, cost.time, cost.threads,
		encode(salt), encode(key)), nil
}

// checkPassword reports whether a password is the stored one. With an empty stored form it is not, after the same time.
func checkPassword(ctx context.Context, stored, password string) (bool, error) {
	if utf8.RuneCountInString(password) > maxPassword {
		return false, nil
	}
	salt, key, of, ok := readHash(stored)
	if !ok {
		_, err := derive(ctx, password, make([]byte, saltLength), cost, keyLength)
		return false, err
	}
	got, err := derive(ctx, password, salt, of, uint32(len(key)))
	return err == nil && subtle.ConstantTimeCompare(got, key) == 1, err
}

func derive(ctx context.Context, password string, salt []byte, of argon2Cost, length uint32) ([]byte, error) {
	select {
	case hashing <- struct{}{}:
		defer func() { <-hashing }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return argon2.IDKey([]byte(password), salt, of.time, of.memory, of.threads, length), nil
}

func readHash(stored string) (salt, key []byte, of argon2Cost, ok bool) {
	parts := strings.Split(stored, "$")
	if len(parts) != 6 || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return nil, nil, of, false
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &of.memory, &of.time, &of.threads); err != nil {
		return nil, nil, of, false
	}
	salt, err := base64.RawStdEncoding.DecodeString(parts[4])
	if err != nil {
		return nil, nil, of, false
	}
	key, err = base64.RawStdEncoding.DecodeString(parts[5])
	return salt, key, of, err == nil && len(key) > 0
}
