package receiver_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/receiver"
)

func TestEscapesInOtherCharsets(t *testing.T) {
	t.Parallel()
	for form, want := range map[string]string{
		"a=caf%E9+%e8": "café è", "a=%zz%E9%": "%zzé%", "a=100%&b=%E9": "100%", "a=%E9%4": "é%4", "a=%%E9": "%é",
	} {
		got, err := receiver.ParseForm([]byte("_charset_=latin1&" + form))
		require.NoError(t, err, form)
		require.Equal(t, want, got["a"], form)
	}
}

func FuzzParseForm(f *testing.F) {
	for _, seed := range []string{"a=1&a=2", "a[b][]=%C3%A9&a[b][]=+", "a[b]=1&a=c", "\xff", "a[20]=x&a[21]=y", "&&=&%",
		"__proto__=1", "_charset_=shift_jis&%83%5C[%83A]=%83%5D", "a=%E9&charset=latin1", "_charset_=gbk&a=%FF"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := receiver.ParseForm(body)
		if err != nil {
			return
		}
		if !strings.Contains(string(body), "charset") {
			query, err := receiver.ParseQuery(string(body))
			require.NoError(t, err)
			require.Equal(t, query, got, "a form is as a query")
		}
		canonical, err := everhook.Canonical(got)
		require.NoError(t, err)
		require.Equal(t, canonical, map[string]any(got))
	})
}
