package access

// Forge returns a well-formed token with the ID of another one, and another secret.
func Forge(token string) string {
	head := token[:len(tokenPrefix)+serverLength+idLength]
	text := head + random(secretLength)
	return text + checksum(text)
}
