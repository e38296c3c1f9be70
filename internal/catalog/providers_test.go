package catalog_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/internal/signature"
)

func TestWhatAPresetSaysWhereAFlowDoesNot(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.secret("HEX", "00ff")
	adyen, _ := signature.Find("adyen")
	signed, err := adyen.Sign(signature.Delivery{Body: []byte(
		`{"notificationItems":[{"NotificationRequestItem":{}}]}`)},
		"00ff")
	require.NoError(t, err)
	const trigger = "key: a\nmode: async\ntrigger: { type: webhook, signature: { preset: adyen, secrets: { secret: " +
		"HEX } }"
	status, reply := p.call(p.apply(trigger+" }\n"), "POST", string(signed.Body), nil)
	require.Equal(t, 200, status, reply)
	require.Equal(t, "[accepted]", reply)

	status, reply = p.call(p.apply(trigger+", response: { status: 202, body: own } }\n"), "POST", string(signed.Body),
		nil)
	require.Equal(t, 202, status)
	require.Equal(t, "own", reply)
	status, _ = p.call(p.Flows()[0], "POST",
		`{"notificationItems":[{"NotificationRequestItem":{"pspReference":"x"}}]}`, nil)
	require.Equal(t, 401, status)
}

func TestAHandshakeOfATrigger(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.secret("S", "12345")
	p.secret("T", "known")
	flow := p.apply("key: h\nmode: async\ntrigger:\n  type: webhook\n" +
		"  signature: { preset: github, secrets: { secret: S } }\n" +
		"  handshake: { when: { query.token: { secret: T } }, echo: query.crc, hmac: { encoding: base64 },\n" +
		"    as: { response_token: 'sha256={hmac}' } }\n")
	require.True(t, flow.Served, flow.Note)
	status, reply := p.call(flow, "GET?token=known&crc=I-am-a-token", "", nil)
	require.Equal(t, 200, status)
	require.Equal(t, `{"response_token":"sha256=rCq4c3Kw116JJ4rIxl0aR3lhY8UZ0ZsQsv6IBQY6YFE="}`, reply)
	status, _ = p.call(flow, "GET?token=other&crc=I-am-a-token", "", nil)
	require.Equal(t, 401, status)
	status, _ = p.call(flow, "GET?token=known", "", nil)
	require.Equal(t, 405, status)

	flow = p.apply("key: h\nmode: async\n" +
		"trigger: { type: webhook, handshake: { when: { query.token: { secret: UNSET } } } }\n")
	require.False(t, flow.Served, "a token that is not set")
	require.Contains(t, flow.Note, "UNSET")
}

func TestASignedURLMustBeKnown(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.secret("S", "12345")
	flow := p.apply("key: t\nmode: async\n" +
		"trigger: { type: webhook, signature: { preset: twilio, secrets: { secret: S } } }\n")
	require.False(t, flow.Served)
	require.Contains(t, flow.Note, "--public-url")
}
