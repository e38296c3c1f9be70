package everhook_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
)

func TestNamesOfHeaders(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][3]bool{ // any header, a request's, an answer's
		"X-Api-Key": {true, true, true}, "content-type": {true, true, true}, "a!#$%&'*+.^_`|~0": {true, true, true},
		"Date": {true, true, false}, "Server": {true, true, false}, "Everhook-Run-Id": {true, true, false},
		"expect": {true, false, true}, "Content-Length": {true, false, false}, "TRAILER": {true, false, false},
		"": {}, "bad name": {}, "a:b": {}, "ü": {}, "a\r\nb": {}, strings.Repeat("a", 257): {},
		strings.Repeat("a", 256): {true, true, true},
	} {
		for i, check := range []func(string) error{everhook.CheckHeaderName, everhook.CheckRequestHeader,
			everhook.CheckAnswerHeader} {
			require.Equal(t, want[i], check(name) == nil, "%q, check %d", name, i)
		}
	}
}
