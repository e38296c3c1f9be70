package everhook_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
)

func TestSyntaxErrorsPointAtTheCharacterThatIsWrong(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"x":                            "line 1, column 1: invalid character 'x' looking for beginning of value",
		"{\n \"a\": x}":                "line 2, column 7: invalid character 'x' looking for beginning of value",
		"{\"a\": 1,\n\"b\": [1, tru]}": "line 2, column 13: invalid character ']' in literal true (expecting 'e')",
		"{\"a\" 1}":                    "line 1, column 6: invalid character '1' after object key",
		"[1 2]":                        "line 1, column 4: invalid character '2' after array element",
		"{\"a\": 1,}": "line 1, column 9: invalid character '}' looking for beginning of object " +
			"key string",
		"{\"a\": [1": "line 1, column 9: unexpected end of JSON input",
	} {
		_, err := everhook.ParseJSON([]byte(text))
		require.EqualError(t, err, want, text)
	}
}
