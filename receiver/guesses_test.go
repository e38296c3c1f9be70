package receiver_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/receiver"
)

func TestWrongCredentialsAreSlowed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ token, wrong, right string }{
		"passwords": {lockedToken, basic("shop", "guess"), basic("shop", password)},
		"tokens":    {bearerToken, "Authorization: Bearer guess", "Authorization: Bearer " + password},
		"keys":      {keyToken, "X-Api-Key: guess", "X-Api-Key: " + password},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			engine := &starter{}
			s := serve(t, receiver.Options{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}},
				someFlows(), engine)
			call := func(token, address, credential string) string {
				return exchange(t, s, post(token, "{}", "X-Forwarded-For: "+address, credential)+last)[0]
			}
			for range 5 {
				require.Contains(t, call(test.token, "2001:db8::1", test.right), "200\n", "right ones do not count")
				require.Contains(t, exchange(t, s, post(test.token, "{}", "X-Forwarded-For: 2001:db8::1")+last)[0],
					"401\n", "nor does a call without")
			}
			for range 10 {
				require.Contains(t, call(test.token, "2001:db8::1", test.wrong), "401\n")
			}
			for _, credential := range []string{test.wrong, test.right} {
				got := call(test.token, "2001:db8::2", credential)
				require.True(t, strings.HasPrefix(got, "429\n"+problemType+"Retry-After: "), got)
				require.Equal(t, "urn:everhook:problem:rate-limited", decode(t, got)["type"])
			}
			require.Contains(t, s.log.String(), "outcome=slowed status=429")
			require.Contains(t, call(test.token, "2001:db8:0:1::1", test.right), "200\n", "another client is let in")
			other := lockedToken
			credential := basic("shop", password)
			if test.token == lockedToken {
				other, credential = bearerToken, "Authorization: Bearer "+password
			}
			require.Contains(t, call(other, "2001:db8::1", credential), "200\n", "another flow lets in")
			require.Contains(t, call(asyncToken, "2001:db8::1", test.wrong), "200\n", "as does one without credentials")
		})
	}
}
