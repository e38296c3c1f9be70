package signature

import (
	"time"

	"github.com/everhook/everhook"
)

// messagePresets are services for messages, mail, calls and streams.
var messagePresets = []Preset{
	{
		Name: "slack", Title: "Slack", Docs: "https://docs.slack.dev/authentication/verifying-requests-from-slack",
		Setup: []string{
			"In the app's settings: Basic Information, App Credentials, \"Signing Secret\" becomes the secret.",
			"Event Subscriptions, Enable Events, Request URL: the flow's.",
		},
		Scheme: Scheme{
			Signature: header("X-Slack-Signature"), Methods: []Method{{"v0=", SHA256, Hex}},
			Signed: template("v0:{timestamp}:{body}"), Timestamp: header("X-Slack-Request-Timestamp"),
			Tolerance: tolerance,
		},
		DedupeBody: paths("event_id"),
		Handshakes: []Handshake{{Method: "POST", Challenge: field("challenge"), Answer: "{challenge}",
			When: []Condition{{Place: field("type"), Is: "url_verification"}}}},
		Wait: 2500 * time.Millisecond, Patience: 3 * time.Second,
	},
	{
		Name: "discord", Title: "Discord interactions",
		Docs: "https://docs.discord.com/developers/interactions/overview",
		Setup: []string{"In the developer portal: your application, General Information. \"Public Key\" becomes the " +
			"secret. Interactions Endpoint URL: the flow's."},
		Notes: []string{"An interaction is answered with JSON: write a sync flow with a `response`, or keep the " +
			"answer of the preset, `{\"type\":5}`, and edit the message later through Discord's API."},
		Scheme: Scheme{
			Signature: header("X-Signature-Ed25519"), Methods: []Method{{"", Ed25519, Hex}},
			Signed: template("{timestamp}{body}"), Timestamp: header("X-Signature-Timestamp"), Tolerance: tolerance,
		},
		DedupeBody: paths("id"),
		Handshakes: []Handshake{{Method: "POST", Answer: map[string]any{"type": 1},
			When: []Condition{{Place: field("type"), Is: "1"}}}},
		Response: &everhook.Answer{Status: 200, Body: everhook.Of(map[string]any{"type": 5})},
		Wait:     2500 * time.Millisecond, Patience: 3 * time.Second,
	},
	{
		Name: "discord-events", Title: "Discord webhook events",
		Docs: "https://docs.discord.com/developers/events/webhook-events",
		Setup: []string{"In the developer portal: your application, Webhooks, Endpoint. \"Public Key\" of the " +
			"application becomes the secret."},
		Scheme: Scheme{
			Signature: header("X-Signature-Ed25519"), Methods: []Method{{"", Ed25519, Hex}},
			Signed: template("{timestamp}{body}"), Timestamp: header("X-Signature-Timestamp"), Tolerance: tolerance,
		},
		Handshakes: []Handshake{{Method: "POST", Status: 204, When: []Condition{{Place: field("type"), Is: "0"}}}},
		Response:   &everhook.Answer{Status: 204},
		Wait:       2500 * time.Millisecond, Patience: 3 * time.Second,
	},
	{
		Name: "telegram", Title: "Telegram", Docs: "https://core.telegram.org/bots/api#setwebhook",
		Setup: []string{"Call `https://api.telegram.org/bot<TOKEN>/setWebhook` with `url` and a `secret_token` that " +
			"you choose; it becomes the secret."},
		Notes:      []string{"The secret token itself is sent; the body is not signed."},
		Scheme:     Scheme{Signature: header("X-Telegram-Bot-Api-Secret-Token"), Methods: []Method{{"", Token, Raw}}},
		DedupeBody: paths("update_id"),
		Wait:       10 * time.Second,
	},
	{
		Name: "line", Title: "LINE",
		Docs: "https://developers.line.biz/en/docs/messaging-api/verify-webhook-signature/",
		Setup: []string{"In the LINE Developers console: your channel, Basic settings, \"Channel secret\" becomes " +
			"the secret. Messaging API, Webhook URL: the flow's."},
		Scheme:     bodyHMAC("x-line-signature", "", SHA256, Base64),
		DedupeBody: paths("events[0].webhookEventId"),
		Handshakes: []Handshake{{Method: "POST", When: []Condition{{Place: field("events"), Empty: true}}}},
		Wait:       1500 * time.Millisecond, Patience: 2 * time.Second,
	},
	{
		Name: "meta", Title: "Meta", Docs: "https://developers.facebook.com/docs/graph-api/webhooks/getting-started",
		Setup: []string{"In the app's dashboard: Settings, Basic, \"App secret\" becomes the secret. Webhooks: " +
			"Callback URL, and a verify token that you choose; it becomes `verifyToken`."},
		Scheme: bodyHMAC("X-Hub-Signature-256", "sha256=", SHA256, Hex),
		Handshakes: []Handshake{{Method: "GET", Challenge: parameter("hub.challenge"), Answer: "{challenge}",
			When: []Condition{{Place: parameter("hub.mode"), Is: "subscribe"},
				{Place: parameter("hub.verify_token"), Secret: true}}}},
		Wait: 5 * time.Second, Patience: 5 * time.Second,
	},
	{
		Name: "x", Title: "X", Docs: "https://docs.x.com/x-api/webhooks/introduction",
		Setup: []string{"In the developer portal: Keys and tokens. \"API Key Secret\" (consumer secret) becomes the " +
			"secret."},
		Scheme: bodyHMAC("x-twitter-webhooks-signature", "sha256=", SHA256, Base64),
		Handshakes: []Handshake{{Method: "GET", Challenge: parameter("crc_token"),
			Answer: map[string]any{"response_token": "sha256={hmac}"}, HMAC: Method{"", SHA256, Base64}}},
		Wait: 9 * time.Second, Patience: 10 * time.Second,
	},
	{
		Name: "twitch", Title: "Twitch", Docs: "https://dev.twitch.tv/docs/eventsub/handling-webhook-events/",
		Setup: []string{"Create the subscription with Twitch's API: `transport.callback` is the flow's URL, and " +
			"`transport.secret` one that you choose."},
		Scheme: Scheme{
			Signature: header("Twitch-Eventsub-Message-Signature"), Methods: []Method{{"sha256=", SHA256, Hex}},
			Signed: template("{id}{timestamp}{body}"), ID: header("Twitch-Eventsub-Message-Id"),
			Timestamp: header("Twitch-Eventsub-Message-Timestamp"), Tolerance: 10 * time.Minute,
		},
		DedupeHeader: "Twitch-Eventsub-Message-Id",
		Handshakes: []Handshake{{Method: "POST", Challenge: field("challenge"), Answer: "{challenge}",
			When: []Condition{{Place: header("Twitch-Eventsub-Message-Type"), Is: "webhook_callback_verification"}}}},
		Wait: 4 * time.Second,
	},
	{
		Name: "zoom", Title: "Zoom", Docs: "https://developers.zoom.us/docs/api/webhooks/",
		Setup: []string{"In the app: Features, Access. \"Secret Token\" becomes the secret. Event Subscriptions: the " +
			"flow's URL, then Validate."},
		Scheme: Scheme{
			Signature: header("x-zm-signature"), Methods: []Method{{"v0=", SHA256, Hex}},
			Signed: template("v0:{timestamp}:{body}"), Timestamp: header("x-zm-request-timestamp"),
			Tolerance: tolerance,
		},
		Handshakes: []Handshake{{Method: "POST", Challenge: field("payload.plainToken"),
			Answer: map[string]any{"plainToken": "{challenge}", "encryptedToken": "{hmac}"},
			HMAC:   Method{"", SHA256, Hex},
			When:   []Condition{{Place: field("event"), Is: "endpoint.url_validation"}}}},
		Wait: 2500 * time.Millisecond, Patience: 3 * time.Second,
	},
	{
		Name: "twilio", Title: "Twilio", Docs: "https://www.twilio.com/docs/usage/security",
		Setup: []string{"The secret is the account's \"Auth Token\" (console.twilio.com, Account Info). Set the " +
			"flow's URL where the number or service asks for a webhook, with HTTP POST."},
		Notes: []string{"Twilio speaks or sends the text that a webhook answers with. The answer of the preset says " +
			"nothing; a `response` of the flow is TwiML with `Content-Type: text/xml`."},
		Scheme: Scheme{Signature: header("X-Twilio-Signature"), Methods: []Method{{"", SHA1, Base64}},
			Signed: template("{url}{form:sorted}"), Digest: Digest{Query: "bodySHA256", Encoding: Hex}},
		DedupeHeader: "I-Twilio-Idempotency-Token",
		Accept:       []string{"form", "json"},
		Response: &everhook.Answer{Status: 200, Headers: map[string]everhook.HeaderValue{"Content-Type": {"text/xml"}},
			Body: everhook.Of("<Response/>")},
		Wait: 14 * time.Second, Patience: 15 * time.Second,
	},
	{
		Name: "mailgun", Title: "Mailgun",
		Docs: "https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks",
		Setup: []string{"In Mailgun: Send, Webhooks, Add webhook. \"HTTP webhook signing key\" on that page becomes " +
			"the secret."},
		Notes: []string{"Mailgun signs a time and a token, not the body: a stranger with one delivery can send " +
			"others. Keep the URL secret, and set `tolerance` to bound that."},
		Scheme: Scheme{
			Signature: field("signature.signature"), Methods: []Method{{"", SHA256, Hex}},
			Signed: fieldsTemplate("{timestamp}{id}"), ID: field("signature.token"),
			Timestamp: field("signature.timestamp"),
		},
		DedupeBody: paths("event-data.id"),
		Wait:       10 * time.Second,
	},
	{
		Name: "sendgrid", Title: "SendGrid",
		Docs: "https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/" +
			"getting-started-event-webhook-security-features",
		Setup: []string{"In SendGrid: Settings, Mail Settings, Event Webhooks, Create new webhook. Security " +
			"features, Signature Verification: \"Verification Key\" becomes the secret."},
		Scheme: Scheme{
			Signature: header("X-Twilio-Email-Event-Webhook-Signature"), Methods: []Method{{"", ECDSAP256, Base64}},
			Signed: template("{timestamp}{body}"), Timestamp: header("X-Twilio-Email-Event-Webhook-Timestamp"),
		},
		Wait: 10 * time.Second,
	},
	{
		Name: "postmark", Title: "Postmark",
		Docs: "https://postmarkapp.com/developer/webhooks/webhooks-overview#protecting-your-webhook",
		Setup: []string{"In the server's message stream: Webhooks, Add webhook. Basic auth credentials: a user name " +
			"and a password that you choose. The secret is `USER:PASSWORD`."},
		Notes:  []string{"Postmark does not sign. The credentials themselves are sent."},
		Scheme: Scheme{Signature: header("Authorization"), Methods: []Method{{"Basic ", Token, Base64}}},
		Wait:   10 * time.Second,
	},
	{
		Name: "nylas", Title: "Nylas", Docs: "https://developer.nylas.com/docs/v3/notifications/",
		Setup: []string{"Create the webhook in the dashboard or with the API; its `webhook_secret` becomes the " +
			"secret. Nylas asks the URL before it shows the secret: set any secret first, and the real one " +
			"afterwards."},
		Scheme:     bodyHMAC("X-Nylas-Signature", "", SHA256, Hex),
		DedupeBody: paths("id"),
		Handshakes: []Handshake{echo("challenge")},
		Wait:       9 * time.Second, Patience: 10 * time.Second,
	},
}
