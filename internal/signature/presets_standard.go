package signature

import "time"

// standardPresets are schemes that many senders share.
var standardPresets = []Preset{
	{
		Name: "standard-webhooks", Title: "Standard Webhooks", Docs: "https://www.standardwebhooks.com",
		Setup: []string{"Register the URL with the sender. Its signing secret (`whsec_…`), or its public key " +
			"(`whpk_…`), becomes the secret."},
		Notes: []string{"Many senders follow this specification; their documentation names the headers " +
			"`webhook-id`, `webhook-timestamp` and `webhook-signature`."},
		Scheme: Scheme{
			Signature: header("webhook-signature"), Separator: " ",
			Methods: []Method{{"v1,", SHA256, Base64}, {"v1a,", Ed25519, Base64}},
			Signed:  template("{id}.{timestamp}.{body}"), ID: header("webhook-id"),
			Timestamp: header("webhook-timestamp"), Tolerance: tolerance, Keys: StandardKeys,
		},
		DedupeHeader: "webhook-id",
		Wait:         15 * time.Second, Patience: 15 * time.Second,
	},
	{
		Name: "svix", Title: "Svix", Docs: "https://docs.svix.com/receiving/verifying-payloads/how-manual",
		Setup: []string{"In the sender's portal: Webhooks, Add Endpoint, with the URL. \"Signing Secret\" " +
			"(`whsec_…`) becomes the secret."},
		Notes: []string{"Senders on Svix, such as Clerk or Resend, use the headers `svix-id`, `svix-timestamp` and " +
			"`svix-signature`. For `webhook-…` headers there is `standard-webhooks`."},
		Scheme: Scheme{
			Signature: header("svix-signature"), Separator: " ",
			Methods: []Method{{"v1,", SHA256, Base64}, {"v1a,", Ed25519, Base64}},
			Signed:  template("{id}.{timestamp}.{body}"), ID: header("svix-id"),
			Timestamp: header("svix-timestamp"), Tolerance: tolerance, Keys: StandardKeys,
		},
		DedupeHeader: "svix-id",
		Wait:         15 * time.Second, Patience: 15 * time.Second,
	},
}
