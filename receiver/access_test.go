package receiver_test

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/signature"
	"github.com/everhook/everhook/receiver"
)

const (
	bearerToken    = "bearer-token"
	keyToken       = "key-token"
	elsewhereToken = "elsewhere-token"
	signedToken    = "signed-token"
	metaToken      = "meta-token"
	slackToken     = "slack-token"
	limitedToken   = "limited-token"
	schemaToken    = "schema-token"
)

func given(value string) receiver.Credential { return func() (string, error) { return value, nil } }

// tokens are those of callers without names.
func tokens(values ...string) []receiver.Token {
	var all []receiver.Token
	for _, value := range values {
		all = append(all, receiver.Token{Value: given(value)})
	}
	return all
}

func unreadable() (string, error) { return "", errors.New("the disk is away") }

// guardedFlows returns flows that each refuse for one reason.
func guardedFlows() flows {
	signed := func(preset string) *receiver.Signature {
		known, _ := signature.Find(preset)
		return &receiver.Signature{Preset: known, Secrets: []receiver.Credential{given("old-secret"), given(password)}}
	}
	all := flows{
		bearerToken: {Bearer: tokens("old-token", password)},
		keyToken: {APIKey: &receiver.APIKey{Header: "X-Api-Key", Values: tokens("old-key", password)},
			Headers: []string{"X-Api-Key"}, NeverKept: []string{"x-api-key"}},
		elsewhereToken: {Allow: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}},
		signedToken:    {Signature: signed("github")},
		metaToken:      {Signature: signed("meta")},
		slackToken:     {Signature: signed("slack")},
		limitedToken:   {Rate: &receiver.Rate{PerSecond: 1}},
		schemaToken: {Schema: func(body any) ([]everhook.ProblemDetail, error) {
			if body == "large" {
				return nil, errors.New("a body that is checked may have 9 values")
			}
			if body == "fits" {
				return nil, nil
			}
			return []everhook.ProblemDetail{{Pointer: "/order", Detail: "missing"},
				{Pointer: "/a~1b", Detail: "got number, want string"}}, nil
		}},
	}
	for token, asked := range map[string][]receiver.Credential{metaToken: {given(password)}, slackToken: nil} {
		all[token].Handshakes = []receiver.Handshake{{Handshake: all[token].Signature.Preset.Handshakes[0],
			Tokens: asked}}
	}
	for token, route := range all {
		route.Flow, route.Enabled, route.Mode, route.MaxBody = strings.TrimSuffix(token, "-token"), true,
			everhook.Async, 1<<20
	}
	return all
}

// signedBy returns the headers of a delivery that is signed with the preset of the flow.
func signedBy(t testing.TB, route *receiver.Route, sent time.Time, body, secret string) []string {
	t.Helper()
	signed, err := route.Signature.Preset.Sign(signature.Delivery{ID: "delivery-1", SentAt: sent, Body: []byte(body)},
		secret)
	require.NoError(t, err)
	var headers []string
	for _, name := range everhook.SortedKeys(signed.Headers) {
		headers = append(headers, name+": "+signed.Headers[name])
	}
	return headers
}

const unauthorizedProblem = `{"type":"urn:everhook:problem:unauthorized","title":"Unauthorized","status":401,` +
	`"detail":"%s"}`

func TestWhoMayCall(t *testing.T) {
	t.Parallel()
	bearerChallenge := "401\n" + problemType + "Www-Authenticate: Bearer realm=\"everhook\"\n"
	tokenWanted := fmt.Sprintf(unauthorizedProblem, "send a token: curl -H 'Authorization: Bearer TOKEN' …")
	keyWanted := "401\n" + problemType + fmt.Sprintf(unauthorizedProblem, "send a key: curl -H 'X-Api-Key: KEY' …")
	for name, test := range map[string]struct{ request, want string }{
		"a token":         {post(bearerToken, "{}", "Authorization: Bearer "+password), "200"},
		"the other token": {post(bearerToken, "{}", "Authorization: bearer old-token"), "200"},
		"no token":        {post(bearerToken, "{}"), bearerChallenge + tokenWanted},
		"an empty token": {post(bearerToken, "{}", "Authorization: Bearer "),
			bearerChallenge + tokenWanted},
		"another scheme than a token": {post(bearerToken, "{}", basic("a", password)), bearerChallenge + tokenWanted},
		"a wrong token": {post(bearerToken, "{}", "Authorization: Bearer x"),
			bearerChallenge + fmt.Sprintf(unauthorizedProblem, "the token is wrong")},
		"a key":         {post(keyToken, "{}", "X-Api-Key: "+password), "200"},
		"the other key": {post(keyToken, "{}", "x-api-key: old-key"), "200"},
		"no key":        {post(keyToken, "{}"), keyWanted},
		"an empty key":  {post(keyToken, "{}", "X-Api-Key:"), keyWanted},
		"a wrong key": {post(keyToken, "{}", "X-Api-Key: x"), "401\n" +
			problemType + fmt.Sprintf(unauthorizedProblem, "the key is wrong")},
		"a key in another header": {post(keyToken, "{}", "X-Key: "+password), keyWanted},
		"an address that may not": {post(elsewhereToken, "{}"), "403\n" + problemType +
			`{"type":"urn:everhook:problem:address-not-allowed","title":"Forbidden","status":403,"detail":"calls ` +
			`from this address are not allowed"}`},
		"an address that only says so": {post(elsewhereToken, "{}", "X-Forwarded-For: 203.0.113.7",
			"Forwarded: for=203.0.113.7"), "403"},
		"the answer without a token": {lines("GET /api/webhook:answer/"+bearerToken+"/"+string(someRun)+" HTTP/1.1",
			"Host: x"), bearerChallenge + tokenWanted},
		"the answer with a token": {lines("GET /api/webhook:answer/"+bearerToken+"/"+string(someRun)+" HTTP/1.1",
			"Host: x", "Authorization: Bearer "+password), "404"},
		"the answer from elsewhere": {lines("GET /api/webhook:answer/"+elsewhereToken+"/"+string(someRun)+
			" HTTP/1.1", "Host: x"), "403"},
		"the answer of what is signed": {lines("GET /api/webhook:answer/"+signedToken+"/"+string(someRun)+" HTTP/1.1",
			"Host: x"), "404"},
		"GET where nobody subscribes": {lines("GET /api/webhook:trigger/"+signedToken+
			"?hub.mode=subscribe&hub.challenge=1 HTTP/1.1", "Host: x"), methodNotAllowed("POST")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			engine := &starter{}
			s := serve(t, receiver.Options{}, someFlows(), engine)
			got := exchange(t, s, test.request+last)
			require.Len(t, got, 2)
			if strings.Contains(test.want, "\n") {
				require.Equal(t, test.want, got[0])
			}
			require.True(t, strings.HasPrefix(got[0], test.want[:3]+"\n"), got[0])
			require.Len(t, engine.got(), map[bool]int{true: 1}[test.want == "200"])
			for _, d := range engine.got() {
				require.Empty(t, d.Trigger["headers"], "a key is not kept, though its header is named")
			}
		})
	}
}

func TestEveryKindOfCredentialMustPass(t *testing.T) {
	t.Parallel()
	right := []string{basic("shop", password), "X-Api-Key: " + password}
	const both = "send a user name and a password: curl -u USER:PASSWORD …, and a key: curl -H 'X-Api-Key: KEY' …"
	for name, test := range map[string]struct {
		headers []string
		key     receiver.Credential
		want    int
		detail  string
	}{
		"both":                 {right, given(password), 200, ""},
		"one is missing":       {right[:1], given(password), 401, both},
		"the other is missing": {right[1:], given(password), 401, both},
		"one is wrong": {[]string{basic("shop", "x"), right[1]}, given(password), 401,
			"the credentials are wrong"},
		"the other is wrong": {[]string{right[0], "X-Api-Key: x"}, given(password), 401,
			"the credentials are wrong"},
		"one is wrong, one is missing": {[]string{basic("shop", "x")}, given(password), 401, both},
		"one cannot be read":           {right, unreadable, 503, "the credentials cannot be checked now; try again"},
		"one cannot be read, one wrong": {[]string{basic("shop", "x"), right[1]}, unreadable, 401,
			"the credentials are wrong"},
		"an empty secret lets nobody in": {[]string{right[0], "X-Api-Key: x"}, given(""), 503,
			"the credentials cannot be checked now; try again"},
		"an empty secret, an empty value": {[]string{right[0], "X-Api-Key: "}, given(""), 401, both},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := someFlows()
			all[lockedToken].APIKey = &receiver.APIKey{Header: "X-Api-Key", Values: []receiver.Token{{Value: test.key}}}
			s := serve(t, receiver.Options{}, all, &starter{})
			got := exchange(t, s, post(lockedToken, "{}", test.headers...)+last)[0]
			require.True(t, strings.HasPrefix(got, fmt.Sprint(test.want)), got)
			if test.detail != "" {
				require.Equal(t, test.detail, decode(t, got)["detail"])
			}
			if test.want == 401 {
				require.Contains(t, got, "Www-Authenticate: Basic")
			}
		})
	}
}

func TestACallThroughProxies(t *testing.T) {
	t.Parallel()
	const mine, proxy = "203.0.113.7", "10.1.2.3"
	for name, test := range map[string]struct {
		headers []string
		client  string
	}{
		"without a header it is the proxy itself": {nil, "127.0.0.1"},
		"one proxy":               {[]string{"X-Forwarded-For: " + mine}, mine},
		"with a port":             {[]string{"X-Forwarded-For: " + mine + ":4711"}, mine},
		"an IPv4 address in IPv6": {[]string{"X-Forwarded-For: ::ffff:" + mine}, mine},
		"several proxies":         {[]string{"X-Forwarded-For: " + mine + ", " + proxy}, mine},
		"in several headers": {[]string{"X-Forwarded-For: 198.51.100.1, " + mine, "X-Forwarded-For: " + proxy},
			mine},
		"what the caller wrote itself does not count": {[]string{"X-Forwarded-For: " + mine + ", 198.51.100.1"},
			"198.51.100.1"},
		"all are proxies": {[]string{"X-Forwarded-For: 10.9.9.9, " + proxy}, "10.9.9.9"},
		"garbage left of the caller does not count": {[]string{"X-Forwarded-For: unknown, <script>, " + mine},
			mine},
		"garbage where the caller should be": {[]string{"X-Forwarded-For: " + mine + ", unknown"}, ""},
		"garbage between proxies":            {[]string{"X-Forwarded-For: " + mine + ", , " + proxy}, ""},
		"the standard header": {[]string{"Forwarded: for=" + mine +
			";proto=https;by=10.0.0.1"}, mine},
		"the standard header in any case, with a port": {[]string{`Forwarded: proto=https; For="` + mine + `:4711"`},
			mine},
		"the standard header through several proxies": {[]string{"Forwarded: for=198.51.100.1, for=" + mine +
			", for=" + proxy}, mine},
		"the standard header with IPv6": {[]string{`Forwarded: for="[2001:db8::7]:4711"`},
			"2001:db8::7"},
		"the standard header with IPv6 without a port": {[]string{`Forwarded: for="[2001:db8::7]"`}, "2001:db8::7"},
		"the standard header that hides the caller":    {[]string{"Forwarded: for=_hidden"}, ""},
		"the standard header without the caller":       {[]string{"Forwarded: proto=https"}, ""},
		"both headers that agree": {[]string{"Forwarded: for=" + mine, "X-Forwarded-For: " +
			mine}, mine},
		"both headers, of which one must be the caller": {[]string{"Forwarded: for=" + mine,
			"X-Forwarded-For: 198.51.100.1"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			records := make(chan receiver.Record, 2)
			all := someFlows()
			all[elsewhereToken].Allow = append(all[elsewhereToken].Allow, netip.MustParsePrefix("2001:db8::/32"))
			s := serve(t, receiver.Options{
				TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"),
					netip.MustParsePrefix("10.0.0.0/8")},
				Observe: func(r receiver.Record) { records <- r },
			}, all, &starter{})
			got := exchange(t, s, post(elsewhereToken, "{}", test.headers...)+last)[0]
			client := (<-records).Client
			if test.client == "" {
				require.False(t, client.IsValid(), client)
			} else {
				require.Equal(t, test.client, client.String())
				require.Contains(t, s.log.String(), "client="+test.client)
			}
			allowed := test.client == mine || strings.HasPrefix(test.client, "2001:")
			require.Equal(t, map[bool]string{true: "200", false: "403"}[allowed], got[:3])
		})
	}
}

func TestAClientThatAsksFirstFromElsewhereIsRefused(t *testing.T) {
	t.Parallel()
	engine := &starter{}
	s := serve(t, receiver.Options{}, someFlows(), engine)
	got := exchange(t, s, lines("POST /api/webhook:trigger/"+elsewhereToken+" HTTP/1.1", "Host: x", "Content-Length: 2",
		"Expect: 100-continue")+"{}"+last)
	require.Len(t, got, 1)
	require.True(t, strings.HasPrefix(got[0], "403\n"), got[0])
	require.Empty(t, engine.got())
}

func TestTheRateOfDeliveries(t *testing.T) {
	t.Parallel()
	all := someFlows()
	all[limitedToken].Rate = &receiver.Rate{PerSecond: 0.01, Burst: 2}
	engine := &starter{}
	s := serve(t, receiver.Options{}, all, engine)
	got := exchange(t, s, strings.Repeat(post(limitedToken, "{}"), 4)+last)
	require.Len(t, engine.got(), 2)
	for _, refused := range got[2:4] {
		require.True(t, strings.HasPrefix(refused, "429\n"+problemType+"Retry-After: "), refused)
		require.True(t, strings.Contains(refused, "Retry-After: 100\n") ||
			strings.Contains(refused, "Retry-After: 99\n"), refused)
		require.Equal(t, "urn:everhook:problem:rate-limited", decode(t, refused)["type"])
	}

	// Another route of the same flow shares the bucket, with its own rate.
	faster := *all[limitedToken]
	faster.Rate = &receiver.Rate{PerSecond: 1000, Burst: 3}
	s2 := serve(t, receiver.Options{}, flows{limitedToken: all[limitedToken], syncToken: &faster}, engine)
	exchange(t, s2, strings.Repeat(post(limitedToken, "{}"), 3)+last)
	require.Len(t, engine.got(), 4)
	require.Eventually(t, func() bool {
		return strings.HasPrefix(exchange(t, s2, post(syncToken, "{}")+last)[0], "200\n")
	}, time.Minute, time.Millisecond)
}

func TestDeliveriesThatAreRefusedBeforeDoNotCount(t *testing.T) {
	t.Parallel()
	all := someFlows()
	all[signedToken].Rate = &receiver.Rate{PerSecond: 0.01, Burst: 1}
	s := serve(t, receiver.Options{}, all, &starter{})
	good := post(signedToken, "{}", signedBy(t, all[signedToken], time.Now(), "{}", password)...)
	got := exchange(t, s, strings.Repeat(post(signedToken, "{}"), 5)+good+good+last)
	require.True(t, strings.HasPrefix(got[4], "401\n"), got[4])
	require.True(t, strings.HasPrefix(got[5], "200\n"), got[5])
	require.True(t, strings.HasPrefix(got[6], "429\n"), got[6])
}

func TestTheSchemaSeesTheWholeBody(t *testing.T) {
	t.Parallel()
	all := someFlows()
	all[schemaToken].Body = []everhook.Path{}
	engine := &starter{}
	s := serve(t, receiver.Options{}, all, engine)
	got := exchange(t, s, post(schemaToken, `"fits"`)+post(schemaToken, `{}`)+post(schemaToken, ``)+post(schemaToken,
		`"large"`)+post(schemaToken, `{`)+last)
	require.True(t, strings.HasPrefix(got[0], "200\n"), got[0])
	const invalid = "422\n" + problemType +
		`{"type":"urn:everhook:problem:invalid-body","title":"Invalid body","status":422,"detail":"the body does ` +
		`not fit the webhook's schema","errors":[{"pointer":"/order","detail":"missing"},{"pointer":"/a~1b",` +
		`"detail":"got number, want string"}]}`
	require.Equal(t, invalid, got[1])
	require.Equal(t, invalid, got[2])
	require.True(t, strings.HasPrefix(got[3], "413\n"), got[3])
	require.True(t, strings.HasPrefix(got[4], "400\n"), got[4])
	require.Len(t, engine.got(), 1)
}

// FuzzClientAddress sends any headers of proxies: the caller is identified, or refused.
func FuzzClientAddress(f *testing.F) {
	for _, seed := range [][2]string{{"203.0.113.7", ""}, {"1.2.3.4, 10.0.0.1:99", `for="[::1]:7"`},
		{",,", "for=;for==,"}, {"::ffff:1.2.3.4%x", `for="`}} {
		f.Add(seed[0], seed[1])
	}
	s := serve(f, receiver.Options{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, someFlows(),
		&counter{starter: &starter{}})
	f.Fuzz(func(t *testing.T, forwardedFor, forwarded string) {
		if strings.ContainsAny(forwardedFor+forwarded, "\r\n\x00") {
			return
		}
		c := dial(t, s)
		go io.WriteString(c, post(elsewhereToken, "{}", "X-Forwarded-For: "+forwardedFor, "Forwarded: "+forwarded)+last)
		got := replies(t, c, false)
		require.NotEmpty(t, got)
		if strings.HasPrefix(got[0], "200") {
			require.Contains(t, forwardedFor+forwarded, "203.0.113.")
		}
	})
}
