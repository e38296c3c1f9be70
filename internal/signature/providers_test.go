package signature_test

import (
	"bytes"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-github/v75/github"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v82/webhook"

	"github.com/everhook/everhook/internal/signature"
)

const standardSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

func TestDeliveriesOfTheStandardWebhooksLibraryAreVerified(t *testing.T) {
	t.Parallel()
	body := []byte(`{"type":"user.created"}`)
	sender, err := standardwebhooks.NewWebhook(standardSecret)
	require.NoError(t, err)
	signed, err := sender.Sign("msg_1", receivedAt, body)
	require.NoError(t, err)
	header := http.Header{}
	header.Set(standardwebhooks.HeaderWebhookID, "msg_1")
	header.Set(standardwebhooks.HeaderWebhookTimestamp, fmt.Sprint(receivedAt.Unix()))
	header.Set(standardwebhooks.HeaderWebhookSignature, signed)
	preset := find(t, "standard-webhooks")
	require.NoError(t, preset.Verify(message(header, body), []string{standardSecret}))
	require.Equal(t, signature.Mismatch, preset.Verify(message(header, []byte("{}")), []string{standardSecret}))
}

func TestTheStandardWebhooksLibraryVerifiesOurs(t *testing.T) {
	t.Parallel()
	body := []byte(`{"type":"user.created"}`)
	receiver, err := standardwebhooks.NewWebhook(standardSecret)
	require.NoError(t, err)
	preset := find(t, "standard-webhooks")
	signed, err := preset.Sign(signature.Delivery{ID: "msg_1", SentAt: time.Now(), Body: body}, standardSecret)
	require.NoError(t, err)
	require.NoError(t, receiver.Verify(body, headerOf(signed.Headers)))
}

func TestDeliveriesOfStripesLibraryAreVerified(t *testing.T) {
	t.Parallel()
	preset := find(t, "stripe")
	signed := webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{Payload: []byte(`{"id":"evt_1"}`),
		Secret: "whsec_test", Timestamp: receivedAt})
	header := http.Header{"Stripe-Signature": {signed.Header}}
	require.NoError(t, preset.Verify(message(header, signed.Payload), []string{"whsec_test"}))
	require.Equal(t, signature.Mismatch, preset.Verify(message(header, signed.Payload), []string{"whsec_other"}))

	other := webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{Payload: signed.Payload, Secret: "whsec_test",
		Timestamp: receivedAt, Scheme: "v0"})
	require.Equal(t, signature.Malformed,
		preset.Verify(message(http.Header{"Stripe-Signature": {other.Header}}, signed.Payload), []string{"whsec_test"}))
}

func TestStripesLibraryVerifiesOurs(t *testing.T) {
	t.Parallel()
	body := []byte(`{"id":"evt_1"}`)
	preset := find(t, "stripe")
	signed, err := preset.Sign(signature.Delivery{SentAt: time.Now(), Body: body}, "whsec_test")
	require.NoError(t, err)
	require.NoError(t, webhook.ValidatePayload(body, signed.Headers["Stripe-Signature"], "whsec_test"))
	require.Error(t, webhook.ValidatePayload(append(body, ' '), signed.Headers["Stripe-Signature"], "whsec_test"))
}

func TestGitHubsLibraryVerifiesOurs(t *testing.T) {
	t.Parallel()
	body := []byte(`{"zen":"Keep it logically awesome."}`)
	preset := find(t, "github")
	signed, err := preset.Sign(signature.Delivery{ID: "72d3162e-cc78-11e3-81ab-4c9367dc0958", SentAt: receivedAt,
		Body: body}, "secret")
	require.NoError(t, err)
	require.Equal(t, "72d3162e-cc78-11e3-81ab-4c9367dc0958", signed.Headers["X-GitHub-Delivery"])
	payload, err := github.ValidatePayloadFromBody("application/json", bytes.NewReader(body),
		signed.Headers["X-Hub-Signature-256"], []byte("secret"))
	require.NoError(t, err)
	require.Equal(t, body, payload)
	_, err = github.ValidatePayloadFromBody("application/json", bytes.NewReader(body),
		signed.Headers["X-Hub-Signature-256"],
		[]byte("other"))
	require.Error(t, err)
}
