package receiver_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/receiver"
)

const badSignature = "401\n" + problemType +
	`{"type":"urn:everhook:problem:unauthorized","title":"Unauthorized","status":401,"detail":"the signature is ` +
	`missing, wrong, or not of this time"}`

func TestSignedDeliveries(t *testing.T) {
	t.Parallel()
	all := guardedFlows()
	const body = `{"type":"event_callback","event_id":"Ev1"}`
	old := time.Now().Add(-6 * time.Minute)
	for name, test := range map[string]struct {
		request, want, cause string
	}{
		"a right signature": {post(signedToken, body, signedBy(t, all[signedToken], time.Now(), body,
			password)...), "200", ""},
		"under the older secret": {post(signedToken, body, signedBy(t, all[signedToken], time.Now(), body,
			"old-secret")...), "200", ""},
		"under another secret": {post(signedToken, body, signedBy(t, all[signedToken], time.Now(), body,
			"other")...), badSignature, "no signature is right"},
		"of another body": {post(signedToken, body+" ", signedBy(t, all[signedToken], time.Now(),
			body, password)...), badSignature, "no signature is right"},
		"no signature": {post(signedToken, body), badSignature,
			"a header of the signature is missing"},
		"no signature, and no JSON": {post(signedToken, "{"), badSignature,
			"a header of the signature is missing"},
		"what is no signature": {post(signedToken, body, "X-Hub-Signature-256: x"), badSignature,
			"a header of the signature cannot be read"},
		"a right signature, and no JSON": {post(signedToken, "{", signedBy(t, all[signedToken], time.Now(), "{",
			password)...), "400", ""},
		"a right signature of now": {post(slackToken, body, signedBy(t, all[slackToken], time.Now(), body,
			password)...), "200", ""},
		"a right signature of long ago": {post(slackToken, body,
			signedBy(t, all[slackToken], old, body, password)...), badSignature,
			"the time of sending is too far from that of receipt"},
		"a right signature of the future": {post(slackToken, body,
			signedBy(t, all[slackToken], time.Now().Add(6*time.Minute), body, password)...), badSignature,
			"the time of sending is too far from that of receipt"},
		"a right signature, over the limit": {post(signedToken, strings.Repeat(" ", 1<<20+1),
			signedBy(t, all[signedToken], old, "", password)...), "413", ""},
		"a right signature of an empty body": {
			post(signedToken, "", signedBy(t, all[signedToken], time.Now(), "", password)...), "200", "",
		},
		"a right signature of chunks": {
			lines(append([]string{"POST /api/webhook:trigger/" + signedToken + " HTTP/1.1", "Host: x",
				"Transfer-Encoding: chunked"}, signedBy(t, all[signedToken], old, body, password)...)...) +
				fmt.Sprintf("5\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n", body[:5], len(body)-5, body[5:]), "200", "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			engine := &starter{}
			s := serve(t, receiver.Options{}, someFlows(), engine)
			got := exchange(t, s, test.request+last)
			require.NotEmpty(t, got)
			if strings.Contains(test.want, "\n") {
				require.Equal(t, test.want, got[0])
				require.Contains(t, s.log.String(), "outcome=bad-signature status=401")
				require.Contains(t, s.log.String(), fmt.Sprintf("cause=%q", test.cause))
			}
			require.True(t, strings.HasPrefix(got[0], test.want[:3]+"\n"), got[0])
			require.Len(t, engine.got(), map[bool]int{true: 1}[test.want == "200"])
			require.NotContains(t, s.log.String(), password)
			require.NotContains(t, s.log.String(), "level=ERROR")
		})
	}
}

func TestASignatureIsNotKept(t *testing.T) {
	t.Parallel()
	all := someFlows()
	all[signedToken].Headers = []string{"X-Hub-Signature-256", "X-GitHub-Delivery"}
	all[signedToken].NeverKept = []string{"x-hub-signature-256"}
	engine := &starter{}
	s := serve(t, receiver.Options{}, all, engine)
	exchange(t, s, post(signedToken, "{}", signedBy(t, all[signedToken], time.Now(), "{}", password)...)+last)
	require.Equal(t, map[string]any{"x-github-delivery": "delivery-1"}, engine.got()[0].Trigger["headers"])
}

func TestSecretsOfSignaturesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		secrets []receiver.Credential
		signed  string
		want    string
	}{
		"beside the right one":              {[]receiver.Credential{unreadable, given(password)}, password, "200"},
		"beside another one":                {[]receiver.Credential{unreadable, given("other")}, password, "503"},
		"beside another one, not signed":    {[]receiver.Credential{unreadable, given("other")}, "", "401"},
		"alone":                             {[]receiver.Credential{unreadable}, password, "503"},
		"empty":                             {[]receiver.Credential{given("")}, password, "503"},
		"the secret changes while it runs":  {[]receiver.Credential{changing("old", password)}, password, "200"},
		"the secret changed to another one": {[]receiver.Credential{changing(password, "new")}, password, "401"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := someFlows()
			all[signedToken].Signature.Secrets = test.secrets
			s := serve(t, receiver.Options{}, all, &starter{})
			if strings.Contains(name, "changes") || strings.Contains(name, "changed") {
				exchange(t, s, post(signedToken, "{}", "X-Hub-Signature-256: sha256="+strings.Repeat("0", 64))+last)
			}
			var headers []string
			if test.signed != "" {
				headers = signedBy(t, all[signedToken], time.Now(), "{}", test.signed)
			}
			got := exchange(t, s, post(signedToken, "{}", headers...)+last)[0]
			require.True(t, strings.HasPrefix(got, test.want+"\n"), got)
			require.NotContains(t, got, "disk")
		})
	}
}

// changing returns first once, and then second.
func changing(first, second string) receiver.Credential {
	values := make(chan string, 1)
	values <- first
	return func() (string, error) {
		select {
		case value := <-values:
			return value, nil
		default:
			return second, nil
		}
	}
}

func TestASecretThatIsNoneIsTheOperatorsTrouble(t *testing.T) {
	t.Parallel()
	all := someFlows()
	all[signedToken].Signature.Preset.Keys = 1 // as in Standard Webhooks, where a secret is base64
	s := serve(t, receiver.Options{}, all, &starter{})
	got := exchange(t, s, post(signedToken, "{}", "X-Hub-Signature-256: sha256="+strings.Repeat("0", 64))+last)[0]
	require.True(t, strings.HasPrefix(got, "503\n"), got)
	require.Contains(t, s.log.String(), "the signature of a webhook cannot be checked")
	require.NotContains(t, s.log.String(), password)
}

func TestSlackAsksWithADelivery(t *testing.T) {
	t.Parallel()
	const body = `{"token":"x","challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P",` +
		`"type":"url_verification"}`
	all := someFlows()
	all[slackToken].Body = all[schemaToken].Body
	all[slackToken].Schema = all[schemaToken].Schema
	engine := &starter{}
	s := serve(t, receiver.Options{}, all, engine)
	got := exchange(t, s, post(slackToken, body, signedBy(t, all[slackToken], time.Now(), body,
		password)...)+post(slackToken, body)+last)
	require.Equal(t, "200\n"+textType+
		"X-Content-Type-Options: nosniff\n3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P", got[0])
	require.Equal(t, badSignature, got[1], "who cannot sign learns nothing")
	require.Empty(t, engine.got())
	require.Contains(t, s.log.String(), "outcome=handshake status=200")
}

func TestMetaAsksWithGET(t *testing.T) {
	t.Parallel()
	ask := func(query string, headers ...string) string {
		return lines(append([]string{"GET /api/webhook:trigger/" + metaToken + query + " HTTP/1.1", "Host: x"},
			headers...)...)
	}
	right := ask("?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=" + password)
	for name, test := range map[string]struct {
		change        func(*receiver.Route)
		request, want string
	}{
		"the right token": {nil, right, "200\n" + textType + "X-Content-Type-Options: nosniff\n1158201444"},
		"a challenge with markup": {nil, ask("?hub.mode=subscribe&hub.challenge=%3Cb%3E&hub.verify_token=" +
			password), "200\n" + textType + "X-Content-Type-Options: nosniff\n<b>"},
		"another token": {nil, ask("?hub.mode=subscribe&hub.challenge=1&hub.verify_token=x"), "401\n" +
			problemType + fmt.Sprintf(unauthorizedProblem, "the subscription is not known here")},
		"no token": {nil, ask("?hub.mode=subscribe&hub.challenge=1"), "401\n" +
			problemType + fmt.Sprintf(unauthorizedProblem, "the subscription is not known here")},
		"another mode": {nil, ask("?hub.mode=unsubscribe&hub.challenge=1&hub.verify_token=" + password),
			methodNotAllowed("POST")},
		"no challenge": {nil, ask("?hub.mode=subscribe&hub.verify_token=" + password),
			methodNotAllowed("POST")},
		"a browser": {nil, ask(""), methodNotAllowed("POST")},
		"HEAD": {nil, strings.Replace(right, "GET", "HEAD", 1),
			strings.SplitAfter(methodNotAllowed("POST"), problemType)[0]},
		"before it sends a body": {nil,
			strings.Replace(right, "Host: x", "Host: x\r\nContent-Length: 5\r\nExpect: 100-continue", 1), "200\n" +
				textType + "X-Content-Type-Options: nosniff\n(closes)\n1158201444"},
		"a flow without a token": {func(r *receiver.Route) { r.Handshakes = nil }, right,
			methodNotAllowed("POST")},
		"a token that is not read": {func(r *receiver.Route) { r.Handshakes[0].Tokens[0] = unreadable }, right, "503"},
		"an empty token": {func(r *receiver.Route) { r.Handshakes[0].Tokens[0] = given("") },
			ask("?hub.mode=subscribe&hub.challenge=1&hub.verify_token="), "503"},
		"a disabled flow": {func(r *receiver.Route) { r.Enabled = false }, right, gone},
		"from an address elsewhere": {func(r *receiver.Route) {
			r.Allow = []netip.Prefix{
				netip.MustParsePrefix("203.0.113.0/24")}
		}, right, "403"},
		"with a body that is hidden": {nil,
			strings.Replace(right, "Host: x", fmt.Sprintf("Host: x\r\nContent-Length: %d", len(smuggled)),
				1) + smuggled, "200"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := someFlows()
			if test.change != nil {
				test.change(all[metaToken])
			}
			engine := &starter{}
			s := serve(t, receiver.Options{}, all, engine)
			got := exchange(t, s, test.request+last)[0]
			if strings.Contains(test.want, "\n") {
				require.Equal(t, test.want, got)
			}
			require.True(t, strings.HasPrefix(got, test.want[:3]+"\n"), got)
			require.Empty(t, engine.got())
			require.NotContains(t, s.log.String(), password)
		})
	}
}

// FuzzSignatureHeaders sends any headers to every preset that has a flow here: no run is started.
func FuzzSignatureHeaders(f *testing.F) {
	for _, seed := range []string{"sha256=00", "v0=" + strings.Repeat("0", 64), "t=1,v1=00", "v1,AAAA", ",", ""} {
		f.Add(seed, "1700000000", "{}")
	}
	engine := &counter{starter: &starter{}}
	s := serve(f, receiver.Options{}, someFlows(), engine)
	f.Fuzz(func(t *testing.T, value, sent, body string) {
		if strings.ContainsAny(value+sent, "\r\n") {
			return
		}
		requests := ""
		for _, token := range []string{signedToken, metaToken, slackToken} {
			requests += post(token, body, "X-Hub-Signature-256: "+value, "X-Slack-Signature: "+value,
				"X-Slack-Request-Timestamp: "+sent)
		}
		exchange(t, s, requests+last)
		require.Zero(t, engine.runs.Load())
	})
}
