package trigger_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/internal/signature"
	"github.com/everhook/everhook/nodes/expression"
	"github.com/everhook/everhook/nodes/trigger"
)

// A field that is left out does the same as one with the default that its tag names.
func TestDefaultsOfTheWebhook(t *testing.T) {
	t.Parallel()
	compiled := func(block string) trigger.Receiving {
		flow, problems := webhook(t, block)
		require.NotNil(t, flow, problems)
		return flow.Trigger.(trigger.Receiving)
	}
	const signed = "signature: { preset: hmac, header: X-Signature, secrets: { secret: S }"
	require.Equal(t, compiled(signed+" }").Calls().Signature.Preset().Scheme,
		compiled(signed+", algorithm: sha256, encoding: hex, signed: body }").Calls().Signature.Preset().Scheme)

	handshake := func(hmac string) signature.Handshake {
		made, _ := compiled("handshake: { echo: query.crc_token" + hmac + " }," + signed +
			" }").Handshakes()[0].Handshake()
		return made
	}
	const answer = ", as: { response_token: 'sha256={hmac}' }"
	require.Equal(t, handshake(answer+", hmac: {}"),
		handshake(answer+", hmac: { algorithm: sha256, encoding: hex }, method: GET"))
	require.Equal(t, handshake(""), handshake(", as: text"))

	left, err := compiled("dedupe: { key: body.id }").Reply().Answer(&expression.Scope{})
	require.NoError(t, err)
	written, err := compiled("response: { status: 200, body: ok }").Reply().Answer(&expression.Scope{})
	require.NoError(t, err)
	require.Equal(t, written, left)
}
