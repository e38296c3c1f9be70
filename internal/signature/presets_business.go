package signature

import (
	"regexp"
	"time"
)

// businessPresets are services for customers, documents, identities and data.
var businessPresets = []Preset{
	{
		Name: "calendly", Title: "Calendly",
		Docs: "https://developer.calendly.com/api-docs/4c305798a61d3-webhook-signatures",
		Setup: []string{"Create the subscription with `POST https://api.calendly.com/webhook_subscriptions`. Its " +
			"`signing_key`, which you choose, becomes the secret."},
		Scheme: Scheme{
			Signature: header("Calendly-Webhook-Signature"), Separator: ",", Methods: []Method{{"v1=", SHA256, Hex}},
			Signed: template("{timestamp}.{body}"), Timestamp: element("t="), Tolerance: 3 * time.Minute,
		},
		Wait: 10 * time.Second,
	},
	{
		Name: "typeform", Title: "Typeform", Docs: "https://www.typeform.com/developers/webhooks/secure-your-webhooks/",
		Setup:      []string{"In the form: Connect, Webhooks, Add a webhook. Secret: one that you choose."},
		Scheme:     bodyHMAC("Typeform-Signature", "sha256=", SHA256, Base64),
		DedupeBody: paths("event_id"),
		Wait:       25 * time.Second, Patience: 30 * time.Second,
	},
	{
		Name: "hubspot", Title: "HubSpot (v3)",
		Docs: "https://developers.hubspot.com/docs/apps/legacy-apps/authentication/validating-requests",
		Setup: []string{"In the developer account: your app, Auth, \"Client secret\" becomes the secret. Webhooks, " +
			"Target URL: the flow's."},
		Notes: []string{"A delivery is a list of events, and a list that is sent again may be cut in another way: " +
			"so there is no dedupe key. `eventId` is that of one event."},
		Scheme: Scheme{
			Signature: header("X-HubSpot-Signature-v3"), Methods: []Method{{"", SHA256, Base64}},
			Signed:    template("{method}{url:decoded}{body}{timestamp}"),
			Timestamp: header("X-HubSpot-Request-Timestamp"),
			Tolerance: tolerance,
		},
		Wait: 4500 * time.Millisecond, Patience: 5 * time.Second,
	},
	{
		Name: "hubspot-v1", Title: "HubSpot (v1)",
		Docs: "https://developers.hubspot.com/docs/apps/legacy-apps/authentication/validating-requests",
		Setup: []string{"In the developer account: your app, Auth, \"Client secret\" becomes the secret. Webhooks, " +
			"Target URL: the flow's."},
		Notes: []string{"HubSpot sends both signatures; `hubspot` checks the newer one, which has a time."},
		Scheme: Scheme{Signature: header("X-HubSpot-Signature"), Methods: []Method{{"", PlainSHA256, Hex}},
			Signed: template("{secret}{body}")},
		Wait: 4500 * time.Millisecond, Patience: 5 * time.Second,
	},
	{
		Name: "intercom", Title: "Intercom", Docs: "https://developers.intercom.com/docs/webhooks/setting-up-webhooks",
		Setup: []string{"In the Developer Hub: your app, Basic information, \"Client secret\" becomes the secret. " +
			"Webhooks, Endpoint URL: the flow's."},
		Scheme:     bodyHMAC("X-Hub-Signature", "sha1=", SHA1, Hex),
		DedupeBody: paths("id"),
		Handshakes: []Handshake{alive},
		Wait:       4500 * time.Millisecond, Patience: 5 * time.Second,
	},
	{
		Name: "zendesk", Title: "Zendesk", Docs: "https://developer.zendesk.com/documentation/webhooks/verifying/",
		Setup: []string{"In the Admin Center: Apps and integrations, Webhooks, your webhook, Reveal secret. It " +
			"becomes the secret. Test webhooks before it is created have Zendesk's own, which its documentation " +
			"shows."},
		Scheme: Scheme{
			Signature: header("X-Zendesk-Webhook-Signature"), Methods: []Method{{"", SHA256, Base64}},
			Signed: template("{timestamp}{body}"), Timestamp: header("X-Zendesk-Webhook-Signature-Timestamp"),
			Tolerance: tolerance,
		},
		DedupeHeader: "X-Zendesk-Webhook-Invocation-Id",
		Wait:         10 * time.Second, Patience: 12 * time.Second,
	},
	{
		Name: "workos", Title: "WorkOS", Docs: "https://workos.com/docs/events/data-syncing/webhooks",
		Setup: []string{"In the dashboard: Developer, Webhooks, Create webhook. \"Signing secret\" becomes the " +
			"secret."},
		Scheme: Scheme{
			Signature: header("WorkOS-Signature"), Separator: ",", Methods: []Method{{"v1=", SHA256, Hex}},
			Signed: template("{timestamp}.{body}"), Timestamp: element("t="), Tolerance: 3 * time.Minute,
		},
		DedupeBody: paths("id"),
		Wait:       10 * time.Second,
	},
	{
		Name: "mux", Title: "Mux", Docs: "https://www.mux.com/docs/core/verify-webhook-signatures",
		Setup: []string{"In the dashboard: Settings, Webhooks, Create new webhook. \"Signing secret\" becomes the " +
			"secret."},
		Scheme: Scheme{
			Signature: header("Mux-Signature"), Separator: ",", Methods: []Method{{"v1=", SHA256, Hex}},
			Signed: template("{timestamp}.{body}"), Timestamp: element("t="), Tolerance: tolerance,
		},
		DedupeBody: paths("id"),
		Wait:       4500 * time.Millisecond, Patience: 5 * time.Second,
	},
	{
		Name: "dropbox", Title: "Dropbox", Docs: "https://www.dropbox.com/developers/reference/webhooks",
		Setup: []string{"In the App Console: your app, Settings, \"App secret\" becomes the secret. Webhooks, " +
			"Webhook URIs: the flow's."},
		Notes:      []string{"A delivery names accounts that have changes, no changes and no ID."},
		Scheme:     bodyHMAC("X-Dropbox-Signature", "", SHA256, Hex),
		Handshakes: []Handshake{echo("challenge")},
		Wait:       9 * time.Second, Patience: 10 * time.Second,
	},
	{
		Name: "docusign", Title: "Docusign", Docs: "https://developers.docusign.com/platform/webhooks/connect/hmac/",
		Setup: []string{"In Docusign Admin: Connect, Connect Keys, Add Secret Key. It becomes the secret, as it is " +
			"shown. The configuration needs \"Include HMAC Signature\"."},
		Notes: []string{"With several keys Docusign sends a signature for each; any of them is enough."},
		Scheme: Scheme{
			Signature: header("X-DocuSign-Signature-1"),
			Others: []string{"X-DocuSign-Signature-2", "X-DocuSign-Signature-3", "X-DocuSign-Signature-4",
				"X-DocuSign-Signature-5", "X-DocuSign-Signature-6", "X-DocuSign-Signature-7", "X-DocuSign-Signature-8"},
			Methods: []Method{{"", SHA256, Base64}}, Signed: template("{body}"),
		},
		Accept: []string{"json", "xml"},
		Wait:   30 * time.Second, Patience: 100 * time.Second,
	},
	{
		Name: "strava", Title: "Strava", Docs: "https://developers.strava.com/docs/webhooks/",
		Setup: []string{"Create the subscription with `POST https://www.strava.com/api/v3/push_subscriptions`: " +
			"`callback_url` is the flow's, and `verify_token` one that you choose; it becomes `verifyToken`."},
		Notes:    []string{"Strava does not sign events. The token of the URL is the only secret: keep it long."},
		Unsigned: true,
		Handshakes: []Handshake{{Method: "GET", Challenge: parameter("hub.challenge"),
			Answer: map[string]any{"hub.challenge": "{challenge}"},
			When: []Condition{{Place: parameter("hub.mode"), Is: "subscribe"},
				{Place: parameter("hub.verify_token"), Secret: true}}}},
		Wait: 1500 * time.Millisecond, Patience: 2 * time.Second,
	},
	{
		Name: "aws-sns", Title: "Amazon SNS",
		Docs: "https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html",
		Setup: []string{"Add the topic's ARN to `topics`. Create an HTTPS subscription of the topic with the flow's " +
			"URL, without raw message delivery. The subscription is confirmed by itself."},
		Notes: []string{
			"Amazon's keys sign for all topics of all customers, so `topics` decides what is taken. It is compared " +
				"before anything is fetched.",
			"Everhook fetches Amazon's certificate and calls the confirmation URL, both only from hosts " +
				"`sns.<region>.amazonaws.com`: one at a time, ten a minute.",
		},
		Scheme: Scheme{
			Signature: field("Signature"), Methods: []Method{{"", RSASHA256, Base64}, {"", RSASHA1, Base64}},
			Signed: template("{line:Message}{line:MessageId}{line:Subject}{line:SubscribeURL}{line:Timestamp}" +
				"{line:Token}{line:TopicArn}{line:Type}"),
			Timestamp: field("Timestamp"), JSON: true,
		},
		Certificate: &Certificate{URL: path("SigningCertURL"), Hosts: snsHosts, Name: "sns.amazonaws.com"},
		Topic:       path("TopicArn"),
		DedupeBody:  paths("MessageId"),
		Handshakes: []Handshake{
			{Method: "POST", When: []Condition{{Place: field("Type"), Is: "SubscriptionConfirmation"}},
				Call: field("SubscribeURL")},
			{Method: "POST", When: []Condition{{Place: field("Type"), Is: "UnsubscribeConfirmation"}}},
		},
		Wait: 14 * time.Second, Patience: 15 * time.Second,
	},
}

var snsHosts = regexp.MustCompile(`^sns\.[a-z0-9-]{1,32}\.amazonaws\.com$`)
