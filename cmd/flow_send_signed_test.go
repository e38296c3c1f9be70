package cmd

import (
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/internal/signature"
)

// senderSecrets are the secrets of presets that do not take any text. That of Discord is a private key, which signs.
var senderSecrets = map[string]string{
	"standard-webhooks": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "svix": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
	"adyen": "00112233", "adyen-platform": "00112233", "discord": senderEd25519, "discord-events": senderEd25519,
	"sendgrid": "MHcCAQEEIEQmZgBEh9DcU9zMl34czK3xov4AYvm9P3r7rNB2dNXtoAoGCCqGSM49AwEHoUQDQgAEEDr2LjtURuePQzplybdC+u4" +
		"CwrqDqBaWjcMMsTbhdbcwHBcepxo7yAQGhHPTnlvFYPAZFceEu/1FwCM/QmGUhA==",
}

// senderEd25519 is the key of RFC 8032, 7.1, test 1.
const senderEd25519 = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60" +
	"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"

// TestFlowSendSignsAsEveryProvider sends a delivery for each preset that can be signed, and verifies what arrives.
func TestFlowSendSignsAsEveryProvider(t *testing.T) {
	t.Parallel()
	for _, preset := range signature.Presets() {
		if preset.Name == signature.Generic || !preset.TakesSecrets() {
			continue
		}
		t.Run(preset.Name, func(t *testing.T) {
			t.Parallel()
			h := newHook(t, ok("{}"))
			secret := senderSecrets[preset.Name]
			if secret == "" {
				secret = "a secret"
			}
			block := ", signature: { preset: " + preset.Name + ", secrets: { secret: S }"
			if preset.AsksForToken() {
				block += ", verifyToken: { secret: V }"
			}
			dir := flowsDir(t, map[string]string{"flow.yaml": sentFlow("orders", block+" }"), "secrets/S": secret,
				"body.json": `{"notificationItems":[{"NotificationRequestItem":{"pspReference":"7"}}]}`})
			_, errs, status := send(t, "", filepath.Join(dir, "flow.yaml"), "--url", h.URL+hookPath+"?shop=a%20b",
				"--secrets-dir", filepath.Join(dir, "secrets"), "--body", filepath.Join(dir, "body.json"))
			require.Zero(t, status, errs)
			got := h.got()[0]
			m := signature.Message{Header: got.header.Values, Body: []byte(got.body), ReceivedAt: time.Now(),
				Method: http.MethodPost, Base: h.URL, Target: got.path + "?" + got.query}
			if preset.Name == "linear" { // The time is part of the events of Linear, which are signed as they are.
				require.Equal(t, signature.Missing, preset.Verify(m, []string{secret}))
				return
			}
			require.NoError(t, preset.Verify(m, []string{secret}))
		})
	}
}

func TestFlowSendCannotSignAsAmazon(t *testing.T) {
	t.Parallel()
	h := newHook(t, ok("{}"))
	dir := flowsDir(t, map[string]string{
		"flow.yaml": sentFlow("orders", ", signature: { preset: aws-sns, topics: t }"), "body.json": "{}"})
	_, errs, status := send(t, "", filepath.Join(dir, "flow.yaml"), "--url", h.URL+hookPath, "--body",
		filepath.Join(dir, "body.json"))
	require.NotZero(t, status)
	require.Contains(t, errs, "only Amazon SNS has the private key")
	require.Empty(t, h.got())
}
