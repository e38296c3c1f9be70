package deliverylog

// Functions that tests of the package outside need.
var (
	Encode      = encode
	Decode      = decode
	RedactBody  = redactBody
	RedactQuery = redactQuery
)
