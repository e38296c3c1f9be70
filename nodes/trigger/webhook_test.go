package trigger_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/internal/flowfile"
	"github.com/everhook/everhook/internal/signature"
	"github.com/everhook/everhook/nodes"
	"github.com/everhook/everhook/nodes/trigger"
)

// webhook compiles a flow with that trigger block, written on one line without its type, and the rest of its file.
func webhook(t testing.TB, block string, rest ...string) (*compile.Flow, string) {
	t.Helper()
	file := fmt.Sprintf("key: f\nmode: async\ntrigger: { type: webhook, %s }\n", block)
	if rest != nil {
		file = strings.Replace(file, "mode: async\n", "", 1) + strings.Join(rest, "\n")
	}
	flow, problems := flowfile.Load("f.yaml", []byte(file), nodes.Standard())
	return flow, problemText(problems)
}

// problemText writes problems with their places in the definition.
func problemText(problems flowfile.Problems) string {
	var text strings.Builder
	for _, problem := range problems {
		if problem.Warning {
			text.WriteString("warning: ")
		}
		fmt.Fprintf(&text, "%s: %s\n    fix: %s\n", problem.Pointer, problem.Message, problem.Fix)
	}
	return text.String()
}

func TestWhatIsWrongWithATriggerBlock(t *testing.T) {
	t.Parallel()
	const s = "{ secret: S }"
	for block, want := range map[string]string{
		"auth: { bearer: { tokens: " + s + " }, apiKey: { header: X-Key, values: [" + s + "] } }": "",
		"allow: 203.0.113.7": "",
		"signature: { preset: github, secrets: " + s + " }":                   "",
		"signature: { preset: stripe, secrets: [" + s + "], tolerance: 10m }": "",
		"rateLimit: { rate: 0.5 }":                                            "",
		"schema: { type: object, required: [order] }":                         "",

		"methods: [POST, PUT]":             "",
		"methods: GET, allow: 203.0.113.7": "",
		"methods: [GET, POST]":             "warning: /trigger/methods: every program that opens the URL starts a run",
		"methods: []":                      "the list is empty: no call would start a run",
		"methods: HEAD":                    "HEAD",
		"methods: GET, allow: 203.0.113.7, handshake: { echo: query.c }":                                  "every GET would be taken for a question",
		"methods: GET, allow: 203.0.113.7, handshake: { echo: query.c, when: { query.mode: subscribe } }": "",
		"cors: { origins: https://shop.example }":                                                         "",
		"cors: { origins: ['*'], headers: [X-A], maxAge: 24h }":                                           "",
		"cors: { origins: [http://localhost:5173] }":                                                      "",
		"cors: { maxAge: 1h }":                           `"origins" is missing`,
		"cors: { origins: [] }":                          "no page could call",
		"cors: { origins: ['*', https://shop.example] }": "`*` stands for every page",
		"cors: { origins: ['https://*.shop.example'] }":  "is not the origin of a page",
		"cors: { origins: shop.example }":                "write for example https://shop.example",
		"cors: { origins: 'null' }":                      "is not the origin of a page",
		"cors: { origins: https://shop.example/ }":       "write https://shop.example, as browsers send it",
		"cors: { origins: HTTPS://Shop.Example:443 }":    "write https://shop.example, as browsers send it",
		"cors: { origins: https://münchen.example }":     "write the host in ASCII",
		"cors: { origins: '*', headers: 'X A' }":         "is not a name for a header",
		"cors: { origins: '*', maxAge: 25h }":            "is not within 0 to 24h",

		"auth: { basic: [] }":              "an empty list lets everybody in",
		"auth: { bearer: { tokens: [] } }": "an empty list refuses every call",
		"auth: { bearer: {} }":             `"tokens" is missing`,
		"auth: { bearer: { tokens: abc } }": "warning: /trigger/auth/bearer/tokens/0: " +
			"the token stands in the flow file",
		"auth: { bearer: { tokens: '' } }":                                 "the credential is empty",
		"auth: { bearer: { tokens: [" + strings.Repeat(s+",", 9) + "] } }": "9 are more than the 8 that are compared",
		"auth: { basic: { username: u, password: " + s + " }, bearer: { tokens: " + s +
			" } }": "both stand in the header Authorization",
		"auth: { basic: { username: 'a:b', password: x } }": "has no colon",
		"auth: { apiKey: { header: Authorization, values: " + s +
			" } }": "has a meaning of its own",
		"auth: { apiKey: { header: 'X Key', values: " + s +
			" } }": `"X Key" is not a name for a header`,
		"auth: { apiKey: { header: X-Key, values: k } }": "the key stands in " +
			"the flow file",
		"auth: { apiKey: { header: X-Key, values: " + s + " } }, request: { headers: [x-key] }": "x-key carries " +
			"credentials and is never kept",

		"allow: []":               "an empty list refuses every call",
		"allow: [203.0.113.7/24]": "write 203.0.113.0/24 for the range",
		"allow: [example.org]":    `"example.org" is not a range of addresses`,
		"allow: [" + strings.Repeat("10.0.0.1,", 1001) + "]": "1001 ranges are more than the 1000",

		"rateLimit: {}":                         `"rate" is missing`,
		"rateLimit: { rate: 0 }":                "0 is not within 0.01 to 100000",
		"rateLimit: { rate: 1e6 }":              "1e+06 is not within",
		"rateLimit: { rate: 1, burst: -1 }":     "-1 is not within 1 to 100000",
		"rateLimit: { rate: 1, burst: 200000 }": "200000 is not within 1 to 100000",

		"schema: [a]":                              "a list is no JSON Schema",
		"schema: { type: objekt }":                 "it is no JSON Schema: /type",
		"schema: { $ref: 'http://example.org/x' }": "leads out of the schema",

		"signature: { preset: githup, secrets: " + s +
			" }": `did you mean "github"?`,
		"signature: { preset: github }":                              `"secrets" is missing`,
		"signature: { preset: github, secrets: [] }":                 "an empty list refuses every call",
		"signature: { preset: github, secrets: abc }":                "the secret stands in the flow file",
		"signature: { preset: standard-webhooks, secrets: whsec_* }": "the secret cannot be used: it is neither whsec_",
		"signature: { preset: github, secrets: " + s +
			", tolerance: 5m }": "nothing to compare",
		"signature: { preset: stripe, secrets: " + s +
			", tolerance: 0 }": "the tolerance must be greater than 0",
		"signature: { preset: stripe, secrets: " + s +
			", header: X-A }": "the preset stripe says that itself",
		"signature: { preset: stripe, secrets: " + s + ", verifyToken: " + s +
			" }": "stripe asks for no token",
		"signature: { preset: meta, secrets: " + s +
			" }": "add `verifyToken",
		"signature: { preset: meta, secrets: " + s +
			", verifyToken: abc }": "the token stands in the flow file",
		"signature: { preset: github, secrets: " + s +
			" }, request: { headers: [X-Hub-Signature-256] }": "carries credentials and is never kept",
		"signature: { preset: hmac, secrets: " + s +
			" }": `"" is not a name for a header`,
		"signature: { preset: hmac, secrets: " + s +
			", header: X-A, algorithm: md5 }": `"md5" is none of sha1,`,
		"signature: { preset: hmac, secrets: " + s +
			", header: X-A, signed: '{timestamp}' }": "the body is not signed",
		"signature: { preset: hmac, secrets: " + s +
			", header: X-A, signed: '{timestamp}.{body}' }": "as in `t=1680000000,v1=5257a8…`, write " +
			"`timestampElement: t=`",
		"signature: { preset: hmac, secrets: " + s +
			", header: X-A, idHeader: X-Id }": "{id} is not signed",
		"signature: { preset: hmac, secrets: " + s +
			", header: X-A, timestampHeader: X-T }": "{timestamp} is not signed",
		"signature: { preset: hmac, secrets: " + s +
			", header: X-A, signed: '{id}.{body}', idHeader: ' ' }": `" " is not a name for a header`,
		"signature: { preset: hmac, secrets: " + s +
			", header: X-A, tolerance: 5m }": "nothing to compare",

		"signature: { preset: hmac, secrets: " + s + ", header: X-A, algorithm: sha384, encoding: base64, " +
			"secretEncoding: hex, separator: ';', prefix: h1=, timestampElement: ts=, " +
			"signed: '{timestamp}:{body}' }": "",
		"signature: { preset: hmac, secrets: " + s + ", header: X-A, idHeader: X-I, timestampHeader: X-T, " +
			"signed: '{method}{url}{path}{query}{form:sorted}{header:X-B}{id}{timestamp}' }": "",
		"signature: { preset: hmac, secrets: " + s + ", query: sig }": "",
		"signature: { preset: hmac, secrets: " + s + ", header: X-A, algorithm: plain-sha256, " +
			"signed: '{secret}{body}' }": "",
		"signature: { preset: hmac, secrets: " + s + ", header: Authorization, prefix: 'Bearer ', algorithm: jwt, " +
			"digestClaim: payload_hash, tolerance: 1m }": "",
		"signature: { preset: hmac, secrets: " + s + ", field: sig, timestampField: t, " +
			"signed: '{body:id}{timestamp}' }": "warning: /trigger/signature/signed: only some fields of the body " +
			"are signed",
		"signature: { preset: hmac, secrets: " + s +
			", header: X-A, algorithm: token }": "warning: /trigger/signature: " +
			"the secret itself is sent",
		"signature: { preset: hmac, secrets: nokey, header: X-A, algorithm: ed25519 }": "not a public key for " +
			"this algorithm",
		"signature: { preset: hmac, secrets: xyz, header: X-A, secretEncoding: hex }":    "it is not hexadecimal",
		"signature: { preset: hmac, secrets: '*', header: X-A, secretEncoding: base64 }": "it is not base64",
		"signature: { preset: hmac, secrets: " + s + ", header: X-A, query: q }":         "the signature has one place",
		"signature: { preset: hmac, secrets: " + s + ", field: a }":                      "cannot sign the whole body",
		"signature: { preset: hmac, secrets: " + s + ", field: a, algorithm: token }":    "the run would see the token",
		"signature: { preset: hmac, secrets: " + s +
			", header: X-A, algorithm: jwt }": "a JWT without a digest of the body " +
			"would admit any body",
		"signature: { preset: hmac, secrets: " + s +
			", header: X-A, algorithm: jwt, digestClaim: d, encoding: raw }": "the " +
			"digest is bytes",
		"signature: { preset: hmac, secrets: " + s + ", header: X-A, algorithm: jwt, digestClaim: d, " +
			"signed: '{body}' }": "jwt signs no text",
		"signature: { preset: hmac, secrets: " + s +
			", header: X-A, digestClaim: d }": "only a JWT has claims",
		"signature: { preset: hmac, secrets: " + s + ", header: X-A, encoding: raw }": "a signature is bytes",
		"signature: { preset: hmac, secrets: " + s +
			", header: X-A, algorithm: plain-sha256 }": "could be made by everyone",
		"signature: { preset: hmac, secrets: " + s + ", header: X-A, signed: '{secret}{body}' }": "{secret} is for " +
			"`algorithm: plain-sha256`",
		"signature: { preset: hmac, secrets: " + s +
			", header: X-A, signed: '{header:X A}{body}' }": `"X A" is not a name for ` +
			`a header`,
		"signature: { preset: hmac, secrets: " + s + ", header: X-A, timestampHeader: X-T, timestampElement: t=, " +
			"signed: '{timestamp}{body}' }": "the time of sending has one place",
		"signature: { preset: hmac, secrets: " + s + ", header: X-A, separator: '', timestampElement: t=, " +
			"signed: '{timestamp}{body}' }": "must be separated",
		"signature: { preset: hmac, secrets: " + s +
			", header: X-A, algorithm: token, tolerance: 1m }": "a token has no time",
		"signature: { preset: strava, secrets: " + s + ", verifyToken: " + s +
			" }": "strava has no secret that a flow " +
			"could know",
		"signature: { preset: strava, verifyToken: " + s + " }":               "",
		"signature: { preset: aws-sns }":                                      "a flow says which it takes",
		"signature: { preset: aws-sns, topics: 'arn:aws:sns:eu-west-1:1:t' }": "",
		"signature: { preset: github, secrets: " + s + ", topics: a }":        "github has no topics",
		"signature: { preset: github, secrets: " + s + ", separator: '' }":    "the preset github says that itself",

		"handshake: { echo: query.challenge }": "",
		"handshake: { method: HEAD }":          "",
		"handshake: { echo: query.hub.challenge, as: json, when: { query.hub.mode: subscribe, query.t: " + s +
			" } }": "",
		"handshake: { method: POST, echo: body.c, as: { r: '{challenge}' }, when: { body.type: v } }": "",
		"signature: { preset: github, secrets: " + s + " }, handshake: { echo: query.c, hmac: { encoding: base64 }, " +
			"as: { r: 'sha256={hmac}' } }": "",
		"handshake: { echo: challenge }":                      "is no place in a call",
		"handshake: { echo: body.a..b, method: POST }":        "position 3: a name is missing",
		"handshake: { echo: body.c }":                         "a GET has no body",
		"handshake: { echo: query.c, when: { cookie.a: b } }": "is no place in a call",
		"handshake: { echo: headers.Cookie }":                 "Cookie carries credentials",
		"handshake: { echo: query.c, as: xml }":               `"xml" is none of text and json`,
		"handshake: { echo: query.c, as: [a] }":               "a list is no form of an answer",
		"handshake: { as: json }": "names the challenge by the " +
			"last name",
		"handshake: { method: POST, echo: body.c }": "every delivery would be " +
			"taken for a question",
		"handshake: { echo: query.c, hmac: {} }": "there is no secret to make " +
			"an HMAC with",
		"signature: { preset: github, secrets: " + s + " }, handshake: { hmac: {} }": "there is no challenge",
		"signature: { preset: discord, secrets: " + s +
			" }, handshake: { echo: query.c, hmac: {} }": "the secrets of the " +
			"signature are public keys",

		"token: abcdefgh":                     "the token is short and there are no credentials",
		"token: abcdefgh, allow: 203.0.113.7": "",
	} {
		_, problems := webhook(t, block)
		if want == "" {
			require.Empty(t, problems, block)
			continue
		}
		require.Contains(t, problems, want, everhook.Shorten(block, 200))
	}
}

func TestHowLongCallersAreHeld(t *testing.T) {
	t.Parallel()
	const github, hmac = "signature: { preset: github, secrets: { secret: S } }",
		"signature: { preset: hmac, header: X-A, secrets: { secret: S } }"
	for _, test := range []struct {
		block, options string
		want           time.Duration
		problem        string
	}{
		{"", "{}", 30 * time.Second, ""},
		{hmac, "{}", 30 * time.Second, ""},
		{github, "{}", 9 * time.Second, ""},
		{github, "{ wait: 3s, onWait: 504 }", 3 * time.Second, ""},
		{github, "{ wait: 20s }", 20 * time.Second, "github waits about 10s for an answer and then takes the " +
			"delivery for failed"},
		{hmac, "{ wait: 20s }", 20 * time.Second, ""},
		{"", "{ onWait: 500 }", 0, "500 is no status that ends a wait"},
		{"", "{ deleteOn: [resolved, cancelled] }", 0, ""},
		{"", "{ deleteOn: [pending] }", 0, `"pending" is not a status with which runs end`},
		{"", "{ deleteOn: [done] }", 0, `"done" is not a status with which runs end`},
	} {
		flow, problems := webhook(t, test.block, "mode: sync", "options: "+test.options,
			"nodes: [ { key: a, type: response, config: { body: 1 } } ]")
		if test.problem == "" {
			require.Empty(t, problems)
		}
		require.Contains(t, problems, test.problem)
		if test.want != 0 {
			require.Equal(t, test.want, flow.Wait().Std())
		}
	}
	_, problems := webhook(t, github, "mode: async", "options: { onWait: 504 }")
	require.Contains(t, problems, "an async flow has no caller that waits")
}

func TestThePresetOfAFlow(t *testing.T) {
	t.Parallel()
	preset := func(block string) signature.Preset {
		flow, problems := webhook(t, "signature: { secrets: { secret: S }, "+block+" }")
		require.Empty(t, problems)
		return flow.Trigger.(*trigger.Webhook).Signature.Preset()
	}
	for _, name := range signature.Names() {
		known, _ := signature.Find(name)
		if name == signature.Generic || !known.TakesSecrets() {
			continue
		}
		block := "preset: " + name
		if known.AsksForToken() {
			block += ", verifyToken: { secret: V }"
		}
		require.Equal(t, known, preset(block))
	}
	require.Equal(t, time.Minute, preset("preset: stripe, tolerance: 1m").Tolerance)
	require.Equal(t, 5*time.Minute,
		preset("preset: hmac, header: X-A, signed: '{timestamp}{body}', timestampHeader: X-T").Tolerance)

	for block, want := range map[string]string{
		"preset: hmac, header: X-A": "c38edc8815c8489f64738978f44008f8596345545f0baa68ef6fcf5c53e57189",
		"preset: hmac, header: X-A, algorithm: sha1, encoding: base64, prefix: 'HMAC '":    "HMAC ",
		"preset: hmac, header: X-A, algorithm: sha512, encoding: base64url, prefix: 'v1,'": "v1,",
	} {
		scheme := preset(block)
		signed, err := scheme.Sign(signature.Delivery{Body: []byte("x")}, "k")
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(signed.Headers["X-A"], want), signed.Headers)
		require.NoError(t, scheme.Verify(signature.Message{
			Header: func(name string) []string { return []string{signed.Headers[name]} }, Body: []byte("x"),
		}, []string{"k"}))
	}
}

func TestWhatATriggerNeverKeepsAndRefersTo(t *testing.T) {
	t.Parallel()
	flow, problems := webhook(t,
		`auth: { basic: { username: u, password: { secret: A } }, apiKey: { header: X-Key, values: [ { secret: B }, { secret: C } ] } },
  signature: { preset: meta, secrets: [ { secret: D } ], verifyToken: { secret: E } }`)
	require.Empty(t, problems)
	config := flow.Trigger.(*trigger.Webhook)
	require.Equal(t, []string{"A", "B", "C", "D", "E"}, config.Secrets())
	require.Equal(t, []string{"authorization", "cookie", "proxy-authorization", "x-key", "x-hub-signature-256"},
		config.NeverKept())

	flow, _ = webhook(t, "auth: { bearer: { tokens: [ { secret: A }, literal ] } }")
	require.Equal(t, []string{"A"}, flow.Trigger.(*trigger.Webhook).Secrets())
}

func TestABurstIsASecondsWorth(t *testing.T) {
	t.Parallel()
	for rate, want := range map[trigger.WebhookRate]int{{Rate: 0.5}: 1, {Rate: 100}: 100, {Rate: 100, Burst: 7}: 7} {
		require.Equal(t, want, rate.Size())
	}
}

func TestASchemaOfABody(t *testing.T) {
	t.Parallel()
	flow, _ := webhook(t, "schema: { required: [order] }")
	schema := &flow.Trigger.(*trigger.Webhook).Schema
	require.True(t, schema.IsSet())
	problems, err := schema.Check(map[string]any{})
	require.NoError(t, err)
	require.Equal(t, []everhook.ProblemDetail{{Detail: "missing property 'order'"}}, problems)

	none := &trigger.BodySchema{}
	require.False(t, none.IsSet())
	problems, err = none.Check(1)
	require.NoError(t, err)
	require.Empty(t, problems)
}

func TestWhatStandsBelowAKeptPath(t *testing.T) {
	t.Parallel()
	for path, expressions := range map[string]map[string]string{
		"order.items[0]": {"trigger.body.order.items[0].sku": "", "trigger.body.order.items": "",
			"trigger.body.order.item": `has no member "item"`},
		"order.items[0].sku": {"trigger.body.order.items[0].sku": "",
			"trigger.body.order.items[0].price": `has no member "price"`},
		"order.items[0][1]": {"trigger.body.order.items[0][1].sku": ""},
		"order.items.0":     {"trigger.body.order.items[0].sku": "", "trigger.body.order.items.sku": ""},
		"order.items.0.sku": {"trigger.body.order.items[0].sku": "", "trigger.body.orders": `has no member "orders"`},
		"'[0]'":             {"trigger.body[0].sku": "", "trigger.body.sku": ""},
		"'[0].sku'":         {"trigger.body[0].sku": "", "trigger.body[0].price": `has no member "price"`},
	} {
		for expression, want := range expressions {
			_, problems := webhook(t, "request: { body: ["+path+"] }", "mode: async\nnodes:\n  - key: a\n    "+
				"type: calculation\n    config: { expression: '"+expression+"' }\n")
			if want == "" {
				require.NotContains(t, problems, "member", "%s keeps %s", path, expression)
			} else {
				require.Contains(t, problems, want, "%s drops %s", path, expression)
			}
		}
	}
}
