package signature

import "time"

// codePresets are services for software, its teams and its alerts.
var codePresets = []Preset{
	{
		Name: "github", Title: "GitHub",
		Docs: "https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries",
		Setup: []string{"In the repository: Settings, Webhooks, Add webhook. Payload URL: the flow's. Content type: " +
			"`application/json`. Secret: one that you choose (`openssl rand -hex 32`)."},
		Scheme:       bodyHMAC("X-Hub-Signature-256", "sha256=", SHA256, Hex),
		DedupeHeader: "X-GitHub-Delivery",
		Wait:         9 * time.Second, Patience: 10 * time.Second,
	},
	{
		Name: "gitlab", Title: "GitLab", Docs: "https://docs.gitlab.com/user/project/integrations/webhooks/",
		Setup: []string{"In the project: Settings, Webhooks, Add new webhook. Secret token: one that you choose."},
		Notes: []string{
			"The secret token itself is sent; the body is not signed. So the URL must have TLS.",
			"A webhook with a signing token (`whsec_…`) follows Standard Webhooks: use `standard-webhooks` for it.",
		},
		Scheme:       Scheme{Signature: header("X-Gitlab-Token"), Methods: []Method{{"", Token, Raw}}},
		DedupeHeader: "Idempotency-Key",
		Wait:         9 * time.Second, Patience: 10 * time.Second,
	},
	{
		Name: "bitbucket", Title: "Bitbucket",
		Docs: "https://support.atlassian.com/bitbucket-cloud/docs/manage-webhooks/",
		Setup: []string{"In the repository: Repository settings, Webhooks, Add webhook. Secret: one that you " +
			"choose."},
		Scheme:       bodyHMAC("X-Hub-Signature", "sha256=", SHA256, Hex),
		DedupeHeader: "X-Request-UUID",
		Wait:         9 * time.Second, Patience: 10 * time.Second,
	},
	{
		Name: "jira", Title: "Jira", Docs: "https://developer.atlassian.com/cloud/jira/platform/webhooks/",
		Setup:        []string{"In Jira: Settings, System, WebHooks, Create a WebHook. Secret: one that you choose."},
		Scheme:       bodyHMAC("X-Hub-Signature", "sha256=", SHA256, Hex),
		DedupeHeader: "X-Atlassian-Webhook-Identifier",
		Wait:         10 * time.Second,
	},
	{
		Name: "linear", Title: "Linear", Docs: "https://linear.app/developers/webhooks",
		Setup: []string{"In Linear: Settings, API, Webhooks, New webhook. \"Signing secret\" becomes the secret."},
		Scheme: Scheme{
			Signature: header("Linear-Signature"), Methods: []Method{{"", SHA256, Hex}}, Signed: template("{body}"),
			Timestamp: field("webhookTimestamp"), Tolerance: time.Minute,
		},
		DedupeHeader: "Linear-Delivery",
		Wait:         5 * time.Second, Patience: 5 * time.Second,
	},
	{
		Name: "trello", Title: "Trello", Docs: "https://developer.atlassian.com/cloud/trello/guides/rest-api/webhooks/",
		Setup: []string{"The secret is the API secret of your Power-Up (trello.com/power-ups/admin, API key). " +
			"Create the webhook with `POST https://api.trello.com/1/webhooks?callbackURL=URL&idModel=ID`."},
		Scheme: Scheme{Signature: header("X-Trello-Webhook"), Methods: []Method{{"", SHA1, Base64}},
			Signed: template("{body}{url}")},
		DedupeBody: paths("action.id"),
		Handshakes: []Handshake{alive},
		Wait:       10 * time.Second,
	},
	{
		Name: "sentry", Title: "Sentry",
		Docs: "https://docs.sentry.io/organization/integrations/integration-platform/webhooks/",
		Setup: []string{"In Sentry: Settings, Developer Settings, Custom Integrations. Webhook URL: the flow's. " +
			"\"Client Secret\" becomes the secret."},
		Scheme:       bodyHMAC("Sentry-Hook-Signature", "", SHA256, Hex),
		DedupeHeader: "Request-ID",
		Wait:         800 * time.Millisecond, Patience: time.Second,
	},
	{
		Name: "pagerduty", Title: "PagerDuty",
		Docs: "https://developer.pagerduty.com/docs/verifying-webhook-signatures",
		Setup: []string{"In PagerDuty: Integrations, Generic Webhooks (v3), New Webhook. The secret is shown once, " +
			"after the subscription is made."},
		Scheme: Scheme{Signature: header("X-PagerDuty-Signature"), Separator: ",",
			Methods: []Method{{"v1=", SHA256, Hex}}, Signed: template("{body}")},
		DedupeBody: paths("event.id"),
		Wait:       4500 * time.Millisecond, Patience: 5 * time.Second,
	},
	{
		Name: "netlify", Title: "Netlify", Docs: "https://docs.netlify.com/deploy/deploy-notifications/",
		Setup: []string{"In the site: Deploy notifications, HTTP POST request. JWS secret token: one that you choose."},
		Notes: []string{"The signature is a JWT with the SHA-256 of the body; it has no time."},
		Scheme: Scheme{Signature: header("X-Webhook-Signature"), Methods: []Method{{"", JWT, Raw}},
			Digest: Digest{Claim: "sha256", Encoding: Hex}},
		Wait: 10 * time.Second,
	},
}
