package receiver_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
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

func TestCallersWithNamesHaveDedupeKeysOfTheirOwn(t *testing.T) {
	t.Parallel()
	all := someFlows()
	dedupe := &receiver.Dedupe{Secret: []byte("secret of the flow"),
		Key: func(headers, _ everhook.Mapping, _ any) (string, error) {
			key, _ := headers["x-delivery"].(string)
			return key, nil
		}}
	all[bearerToken].Bearer = []receiver.Token{{Value: given("alice-old"), Caller: "alice"},
		{Value: given("alice-new"), Caller: "alice"}, {Value: given("bob"), Caller: "bob"}, {Value: given("nobody")}}
	all[lockedToken].Basic = []receiver.BasicCredential{{Username: "a", Password: given("p"), Caller: "alice"},
		{Username: "b", Password: given("p"), Caller: "bob"}}
	all[lockedToken].APIKey = &receiver.APIKey{Header: "X-Api-Key", Values: []receiver.Token{
		{Value: given("k"), Caller: "alice"}, {Value: given("l")}, {Value: given("m"), Caller: "till"}}}
	for _, token := range []string{bearerToken, lockedToken} {
		all[token].Dedupe, all[token].Flow, all[token].MaxBody = dedupe, "shop", 1<<20
	}
	engine := &starter{}
	s := serve(t, receiver.Options{}, all, engine)
	run := func(token string, credentials ...string) everhook.RunID {
		t.Helper()
		for _, headers := range [][]string{append(credentials, "X-Delivery: 1"),
			append(credentials, "X-Delivery: 1", "Expect: 100-continue")} {
			got := exchange(t, s, post(token, "{}", headers...)+last)
			require.Contains(t, got[len(got)-2], "200\n")
		}
		seen := engine.got()
		first, second := seen[len(seen)-2], seen[len(seen)-1]
		require.Equal(t, first.RunID, second.RunID)
		require.Equal(t, "1", first.DedupeKey)
		return first.RunID
	}
	bearer := func(token string) string { return "Authorization: Bearer " + token }
	alice, bob, nobody := run(bearerToken, bearer("alice-old")), run(bearerToken, bearer("bob")),
		run(bearerToken, bearer("nobody"))
	require.Equal(t, alice, run(bearerToken, bearer("alice-new")), "a rotation does not split a key")
	require.Equal(t, everhook.DerivedRunID(dedupe.Secret, "1"), nobody, "without a name the key is that of all callers")
	require.Len(t, map[everhook.RunID]bool{alice: true, bob: true, nobody: true}, 3)
	require.Equal(t, alice, run(lockedToken, basic("a", "p"), "X-Api-Key: k"), "two credentials of one caller")
	require.Equal(t, alice, run(lockedToken, basic("a", "p"), "X-Api-Key: l"), "one of them has no name")
	require.Equal(t, bob, run(lockedToken, basic("b", "p"), "X-Api-Key: l"))
	both := run(lockedToken, basic("a", "p"), "X-Api-Key: m")
	require.NotEqual(t, alice, both)
	require.NotEqual(t, everhook.CallerRunID(dedupe.Secret, "till", "1"), both)
	require.Contains(t, s.log.String(), "caller=bob")
	require.Equal(t, "bob", engine.got()[2].Caller)
}
