package signature

import (
	"time"

	"github.com/everhook/everhook"
)

// paymentPresets are services for payments, shops and accounts.
var paymentPresets = []Preset{
	{
		Name: "stripe", Title: "Stripe", Docs: "https://docs.stripe.com/webhooks/signature",
		Setup: []string{"In the dashboard: Developers, Webhooks, Add destination. \"Signing secret\" (`whsec_…`) " +
			"becomes the secret."},
		Scheme: Scheme{
			Signature: header("Stripe-Signature"), Separator: ",", Methods: []Method{{"v1=", SHA256, Hex}},
			Signed: template("{timestamp}.{body}"), Timestamp: element("t="), Tolerance: tolerance,
		},
		DedupeBody: paths("id"),
		Wait:       15 * time.Second, Patience: 15 * time.Second,
	},
	{
		Name: "paddle", Title: "Paddle", Docs: "https://developer.paddle.com/webhooks/signature-verification",
		Setup: []string{"In Paddle: Developer tools, Notifications, New destination. \"Secret key\" (`pdl_ntfset_…`) " +
			"becomes the secret."},
		Scheme: Scheme{
			Signature: header("Paddle-Signature"), Separator: ";", Methods: []Method{{"h1=", SHA256, Hex}},
			Signed: template("{timestamp}:{body}"), Timestamp: element("ts="), Tolerance: tolerance,
		},
		DedupeBody: paths("event_id"),
		Wait:       4500 * time.Millisecond, Patience: 5 * time.Second,
	},
	{
		Name: "square", Title: "Square", Docs: "https://developer.squareup.com/docs/webhooks/step3validate",
		Setup: []string{"In the developer console: your application, Webhooks, Subscriptions, Add subscription. " +
			"\"Signature key\" becomes the secret."},
		Scheme: Scheme{Signature: header("x-square-hmacsha256-signature"), Methods: []Method{{"", SHA256, Base64}},
			Signed: template("{url}{body}")},
		DedupeBody: paths("event_id"),
		Wait:       9 * time.Second, Patience: 10 * time.Second,
	},
	{
		Name: "paystack", Title: "Paystack", Docs: "https://paystack.com/docs/payments/webhooks/",
		Setup: []string{"In the dashboard: Settings, API Keys & Webhooks, Webhook URL. The secret key (`sk_…`) is " +
			"the secret."},
		Scheme: bodyHMAC("x-paystack-signature", "", SHA512, Hex),
		Wait:   10 * time.Second,
	},
	{
		Name: "adyen", Title: "Adyen",
		Docs: "https://docs.adyen.com/development-resources/webhooks/secure-webhooks/verify-hmac-signatures",
		Setup: []string{"In the Customer Area: Developers, Webhooks, Create new webhook, Standard webhook. \"HMAC " +
			"Key\", Generate: the key becomes the secret. Add basic authentication there, and to the flow's `auth`."},
		Notes: []string{
			"Adyen signs eight fields of a notification, not the whole body: do not act on other fields without " +
				"asking Adyen's API. A body with more than one item is refused.",
			"Webhooks of Adyen for Platforms have the signature in a header: `adyen-platform`.",
		},
		Scheme: Scheme{
			Signature: field("notificationItems[0].NotificationRequestItem.additionalData.hmacSignature"),
			Methods:   []Method{{"", SHA256, Base64}}, Keys: HexKeys, Only: path("notificationItems"),
			Signed: template("{body:notificationItems[0].NotificationRequestItem.pspReference}:" +
				"{body:notificationItems[0].NotificationRequestItem.originalReference}:" +
				"{body:notificationItems[0].NotificationRequestItem.merchantAccountCode}:" +
				"{text:notificationItems[0].NotificationRequestItem.merchantReference}:" +
				"{body:notificationItems[0].NotificationRequestItem.amount.value}:" +
				"{body:notificationItems[0].NotificationRequestItem.amount.currency}:" +
				"{body:notificationItems[0].NotificationRequestItem.eventCode}:" +
				"{body:notificationItems[0].NotificationRequestItem.success}"),
		},
		DedupeBody: paths("notificationItems[0].NotificationRequestItem.pspReference",
			"notificationItems[0].NotificationRequestItem.eventCode",
			"notificationItems[0].NotificationRequestItem.success"),
		Response: &everhook.Answer{Status: 200, Body: everhook.Of("[accepted]")},
		Wait:     9 * time.Second, Patience: 10 * time.Second,
	},
	{
		Name: "adyen-platform", Title: "Adyen for Platforms",
		Docs: "https://docs.adyen.com/development-resources/webhooks/secure-webhooks/verify-hmac-signatures",
		Setup: []string{"In the Customer Area: Developers, Webhooks, Create new webhook, any but Standard webhook. " +
			"\"HMAC Key\", Generate: the key becomes the secret."},
		Scheme: Scheme{Signature: header("HmacSignature"), Methods: []Method{{"", SHA256, Base64}}, Keys: HexKeys,
			Signed: template("{body}")},
		Response: &everhook.Answer{Status: 200, Body: everhook.Of("[accepted]")},
		Wait:     9 * time.Second, Patience: 10 * time.Second,
	},
	{
		Name: "shopify", Title: "Shopify", Docs: "https://shopify.dev/docs/apps/build/webhooks/subscribe/https",
		Setup: []string{"In the app's settings: the client secret is the secret. Subscribe to topics in " +
			"`shopify.app.toml` or with the API."},
		Scheme:       bodyHMAC("X-Shopify-Hmac-Sha256", "", SHA256, Base64),
		DedupeHeader: "X-Shopify-Webhook-Id",
		Wait:         4 * time.Second, Patience: 5 * time.Second,
	},
	{
		Name: "woocommerce", Title: "WooCommerce",
		Docs: "https://developer.woocommerce.com/docs/apis/rest-api/v3/webhooks/",
		Setup: []string{"In the shop: WooCommerce, Settings, Advanced, Webhooks, Add webhook. Secret: one that you " +
			"choose."},
		Notes: []string{"When the webhook is saved, WooCommerce sends a form with `webhook_id`, without a " +
			"signature; it is answered without a run."},
		Scheme:       bodyHMAC("X-WC-Webhook-Signature", "", SHA256, Base64),
		DedupeHeader: "X-WC-Webhook-Delivery-ID",
		Handshakes: []Handshake{{Method: "POST", Unsigned: true,
			When: []Condition{{Place: field("webhook_id")}, {Place: header("X-WC-Webhook-Signature"), Empty: true}}}},
		Wait: 10 * time.Second, Patience: time.Minute,
	},
	{
		Name: "xero", Title: "Xero",
		Docs: "https://developer.xero.com/documentation/guides/webhooks/configuring-your-server/",
		Setup: []string{"In the app: Webhooks, Delivery URL. \"Webhooks key\" becomes the secret. \"Send intent to " +
			"receive\" then checks the URL."},
		Scheme:     bodyHMAC("x-xero-signature", "", SHA256, Base64),
		Handshakes: []Handshake{{Method: "POST", When: []Condition{{Place: field("events"), Empty: true}}}},
		Response:   &everhook.Answer{Status: 200},
		Wait:       4500 * time.Millisecond, Patience: 5 * time.Second,
	},
}
