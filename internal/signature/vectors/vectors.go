// Package vectors has signed deliveries of other systems, for tests: at least one of every preset.
package vectors

import "time"

// A Vector is a valid delivery, with the secret and the time of its receipt.
type Vector struct {
	// Preset is the name of a preset, Name distinguishes its vectors.
	Preset, Name string
	// Source is the publication of the delivery. Made is set if none was found, and the delivery was made by the
	// provider's documented algorithm, with tools that share no code with this repository; Source then says what was
	// searched.
	Source string
	Made   bool
	Secret string
	// Method is POST unless it is set, and Type the Content-Type application/json.
	Method, Type string
	// URL is the URL that is signed, if any is.
	URL string
	// Topics are the topics that the flow accepts.
	Topics []string
	Header map[string]string
	Body   string
	At     time.Time
}

// All are all vectors.
var All = []Vector{
	{
		Preset: "standard-webhooks",
		Source: `github.com/standard-webhooks/standard-webhooks, the test vectors of the specificatio` +
			`n`,
		Secret: `whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw`,
		Header: map[string]string{
			"webhook-id":        `msg_p5jXN8AQM9LWM0D4loKWxJek`,
			"webhook-timestamp": `1614265330`,
			"webhook-signature": `v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=`,
		},
		Body: `{"test": 2432232314}`,
		At:   time.Unix(1614265330, 0),
	},
	{
		Preset: "svix",
		Source: `github.com/svix/svix-webhooks, go/webhook_test.go, TestWebhookSign`,
		Secret: `whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw`,
		Header: map[string]string{
			"svix-id":        `msg_p5jXN8AQM9LWM0D4loKWxJek`,
			"svix-timestamp": `1614265330`,
			"svix-signature": `v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=`,
		},
		Body: `{"test": 2432232314}`,
		At:   time.Unix(1614265330, 0),
	},
	{
		Preset: "github",
		Source: `https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries`,
		Secret: `It's a Secret to Everybody`,
		Header: map[string]string{
			"X-Hub-Signature-256": `sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17`,
		},
		Body: `Hello, World!`,
		At:   time.Unix(1700000000, 0),
	},
	{
		Preset: "bitbucket",
		Source: `https://support.atlassian.com/bitbucket-cloud/docs/manage-webhooks/, testing the web` +
			`hook payload validation`,
		Secret: `It's a Secret to Everybody`,
		Header: map[string]string{
			"X-Hub-Signature": `sha256=a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9`,
		},
		Body: `Hello World!`,
		At:   time.Unix(1700000000, 0),
	},
	{
		Preset: "jira",
		Source: `https://developer.atlassian.com/cloud/jira/platform/webhooks/, securing a webhook`,
		Secret: `It's a Secret to Everybody`,
		Header: map[string]string{
			"X-Hub-Signature": `sha256=a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9`,
		},
		Body: `Hello World!`,
		At:   time.Unix(1700000000, 0),
	},
	{
		Preset: "slack",
		Source: `https://docs.slack.dev/authentication/verifying-requests-from-slack`,
		Secret: `8f742231b10e8888abcd99yyyzzz85a5`,
		Header: map[string]string{
			"X-Slack-Request-Timestamp": `1531420618`,
			"X-Slack-Signature":         `v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503`,
		},
		Body: `token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=` +
			`G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebh` +
			`ook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%` +
			`2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0b` +
			`c887a14d10d2c447fce8b6703c`,
		At: time.Unix(1531420618, 0),
	},
	{
		Preset: "stripe",
		Source: `github.com/stripe/stripe-go and docs.stripe.com give the algorithm and make signatur` +
			`es in tests, no fixed one; made with openssl and Python's hmac by the documented alg` +
			`orithm`,
		Made:   true,
		Secret: `whsec_test_secret`,
		Header: map[string]string{
			"Stripe-Signature": `t=1700000000,v1=0c8670ed117751cc551a20e35839447075c42800ea3cf3e8a2fbda99cd1e6edd`,
		},
		Body: `{"id":"evt_1","object":"event"}`,
		At:   time.Unix(1700000000, 0),
	},
	{
		Preset: "twilio",
		Source: `github.com/twilio/twilio-python, tests/unit/test_request_validator.py, test_compute_` +
			`signature`,
		Secret: `12345`,
		URL:    `https://mycompany.com/myapp.php?foo=1&bar=2`,
		Type:   "application/x-www-form-urlencoded",
		Header: map[string]string{
			"X-Twilio-Signature": `RSOYDt4T1cUTdK1PDd93/VVr8B8=`,
		},
		Body: `CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309&To=%` +
			`2B18005551212`,
		At: time.Unix(1700000000, 0),
	},
	{
		Preset: "twilio", Name: "a field twice",
		Source: `github.com/twilio/twilio-python, tests/unit/test_request_validator.py, test_compute_` +
			`signature_duplicate_multi_dict`,
		Secret: `12345`,
		URL:    `https://mycompany.com/myapp.php?foo=1&bar=2`,
		Type:   "application/x-www-form-urlencoded",
		Header: map[string]string{
			"X-Twilio-Signature": `IK+Dwps556ElfBT0I3Rgjkr1wJU=`,
		},
		Body: `Sid=CA123&SidAccount=AC123&Digits=5678&Digits=1234`,
		At:   time.Unix(1700000000, 0),
	},
	{
		Preset: "twilio", Name: "JSON",
		Source: `github.com/twilio/twilio-python, tests/unit/test_request_validator.py, test_validati` +
			`on_of_body_succeeds`,
		Secret: `12345`,
		URL: `https://mycompany.com/myapp.php?foo=1&bar=2&bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe94` +
			`16e41502b283a80c7cf19632632f96e6620`,
		Header: map[string]string{
			"X-Twilio-Signature": `a9nBmqA0ju/hNViExpshrM61xv4=`,
		},
		Body: `{"property": "value", "boolean": true}`,
		At:   time.Unix(1700000000, 0),
	},
	{
		Preset: "square",
		Source: `github.com/square/square-nodejs-sdk, tests/integration/webhooks.test.ts`,
		Secret: `Ibxx_5AKakO-3qeNVR61Dw`,
		URL:    `https://webhook.site/679a4f3a-dcfa-49ee-bac5-9d0edad886b9`,
		Header: map[string]string{
			"x-square-hmacsha256-signature": `GF4YkrJgGBDZ9NIYbNXBnMzqb2HoL4RW/S6vkZ9/2N4=`,
		},
		Body: `{"merchant_id":"MLEFBHHSJGVHD","type":"webhooks.test_notification","event_id":"ac3ac` +
			`95b-f97d-458c-a6e6-18981597e05f","created_at":"2022-07-13T20:30:59.037339943Z","data` +
			`":{"type":"webhooks","id":"bc368e64-01aa-407e-b46e-3231809b1129"}}`,
		At: time.Unix(1700000000, 0),
	},
	{
		Preset: "hubspot-v1",
		Source: `github.com/HubSpot/hubspot-api-python, tests/spec/utils/test_signature.py, test_is_v` +
			`alid__v1`,
		Secret: `yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy`,
		Header: map[string]string{
			"X-HubSpot-Signature": `69fc6631a867edd4f9e9e627fc5c1148e3fbdd8b21837b6d2b8901c1fa57f750`,
		},
		Body: `{'example_field':'example_value'}`,
		At:   time.Unix(1700000000, 0),
	},
	{
		Preset: "hubspot",
		Source: `github.com/HubSpot/hubspot-api-python, tests/spec/utils/test_signature.py, test_get_` +
			`signature__v3`,
		Secret: `yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy`,
		URL:    `https://www.example.com/webhook_uri`,
		Header: map[string]string{
			"X-HubSpot-Signature-v3":      `HPW73RUtKmcYoEDADG0s6MmGFWUzWJKAW07r8RDgcQw=`,
			"X-HubSpot-Request-Timestamp": `15000000`,
		},
		Body: `{'example_field':'example_value'}`,
		At:   time.Unix(15000000, 0),
	},
	{
		Preset: "pagerduty",
		Source: `github.com/PagerDuty/go-pagerduty, webhookv3/webhookv3_test.go`,
		Secret: `lDQHScfUeXUKaQRNF+8XIiDKZ7XX3itBAYzwU0TARw8lJqRnkKl2iB1anSb0Z+IK`,
		Header: map[string]string{
			"X-PagerDuty-Signature": `v1=0c0b9495b893a39e70d1fea2fe11fbe0a825f88b9f67846f6cc07dd2bc5476cd`,
		},
		Body: `{"event":{"id":"01BWDWL3NYY7LUFPZCC28QUCMK","event_type":"incident.priority_updated"` +
			`,"resource_type":"incident","occurred_at":"2021-04-26T17:36:27.458Z","agent":{"html_` +
			`url":"https://acme.pagerduty.com/users/PLH1HKV","id":"PLH1HKV","self":"https://api.p` +
			`agerduty.com/users/PLH1HKV","summary":"Tenex Engineer","type":"user_reference"},"cli` +
			`ent":null,"data":{"id":"PGR0VU2","type":"incident","self":"https://api.pagerduty.com` +
			`/incidents/PGR0VU2","html_url":"https://acme.pagerduty.com/incidents/PGR0VU2","numbe` +
			`r":2,"status":"triggered","title":"A little bump in the road","service":{"html_url":` +
			`"https://acme.pagerduty.com/services/PF9KMXH","id":"PF9KMXH","self":"https://api.pag` +
			`erduty.com/services/PF9KMXH","summary":"API Service","type":"service_reference"},"as` +
			`signees":[{"html_url":"https://acme.pagerduty.com/users/PTUXL6G","id":"PTUXL6G","sel` +
			`f":"https://api.pagerduty.com/users/PTUXL6G","summary":"User 123","type":"user_refer` +
			`ence"}],"escalation_policy":{"html_url":"https://acme.pagerduty.com/escalation_polic` +
			`ies/PUS0KTE","id":"PUS0KTE","self":"https://api.pagerduty.com/escalation_policies/PU` +
			`S0KTE","summary":"Default","type":"escalation_policy_reference"},"teams":[{"html_url` +
			`":"https://acme.pagerduty.com/teams/PFCVPS0","id":"PFCVPS0","self":"https://api.page` +
			`rduty.com/teams/PFCVPS0","summary":"Engineering","type":"team_reference"}],"priority` +
			`":{"html_url":"https://acme.pagerduty.com/account/incident_priorities","id":"PSO75BM` +
			`","self":"https://api.pagerduty.com/priorities/PSO75BM","summary":"P1","type":"prior` +
			`ity_reference"},"urgency":"high","conference_bridge":{"conference_number":1000,"conf` +
			`erence_url":"https://example.com"},"resolve_reason":null}}}`,
		At: time.Unix(1700000000, 0),
	},
	{
		Preset: "mux",
		Source: `https://hexdocs.pm/mux/Mux.Webhooks.TestUtils.html, generate_signature`,
		Secret: `SuperSecret123`,
		Header: map[string]string{
			"Mux-Signature": `t=1591664030,v1=e43496b6aae982c4c2fd6f8e92935f1d90216f1f64d56024e72390acfb988272`,
		},
		Body: `payload`,
		At:   time.Unix(1591664030, 0),
	},
	{
		Preset: "sendgrid",
		Source: `github.com/sendgrid/sendgrid-go, helpers/eventwebhook/eventwebhook_test.go`,
		Secret: `MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEDr2LjtURuePQzplybdC+u4CwrqDqBaWjcMMsTbhdbcwHBce` +
			`pxo7yAQGhHPTnlvFYPAZFceEu/1FwCM/QmGUhA==`,
		Header: map[string]string{
			"X-Twilio-Email-Event-Webhook-Signature": `MEUCIQCtIHJeH93Y+qpYeWrySphQgpNGNr/U+UyUlBkU6n7RAwIgJTz2C+8a8xonZGi6BpSzoQsbVRamr2nl` +
				`xFDWYNH2j/0=`,
			"X-Twilio-Email-Event-Webhook-Timestamp": `1588788367`,
		},
		Body: `{"category":"example_payload","event":"test_event","message_id":"message_id"}`,
		At:   time.Unix(1588788367, 0),
	},
	{
		Preset: "adyen",
		Source: `github.com/Adyen/adyen-ruby-api-library, spec/utils/hmac_validator_spec.rb, in the f` +
			`orm of adyen-go-api-library's webhook tests`,
		Secret: `44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056`,
		Body: `{"live":"false","notificationItems":[{"NotificationRequestItem":{"additionalData":{"` +
			`hmacSignature":"coqCmt/IZ4E3CzPvMY8zTjQVL5hYJUiBRg8UU+iCWo0="},"amount":{"value":113` +
			`0,"currency":"EUR"},"pspReference":"7914073381342284","eventCode":"AUTHORISATION","e` +
			`ventDate":"2019-05-06T17:15:34.121+02:00","merchantAccountCode":"TestMerchant","oper` +
			`ations":["CANCEL","CAPTURE","REFUND"],"merchantReference":"TestPayment-1407325143704` +
			`","paymentMethod":"visa","success":"true"}}]}`,
		At: time.Unix(1700000000, 0),
	},
	{
		Preset: "adyen-platform",
		Source: `https://docs.adyen.com/classic-platforms/configure-notifications/signing-notificatio` +
			`ns-with-hmac`,
		Secret: `79A3EAF309C43708726A8C284C0D72618696A12E840DFA1DF3A158AFA3B577DA`,
		Header: map[string]string{
			"HmacSignature": `A2bHr0WPlKg1fJLVEDReVAdUDWt3znmsuYvp2KdihXY=`,
		},
		Body: `{"eventDate":"2018-07-09T12:07:27+02:00","eventType":"ACCOUNT_HOLDER_CREATED","execu` +
			`tingUserKey":"ws","live":false,"pspReference":"9915311308462016","content":{"invalid` +
			`Fields":[],"pspReference":"9915311308462016","accountCode":"9915311308462024","accou` +
			`ntHolderCode":"6750d8cf-80ab-4a34-b2c5-f8a1f37a79da","accountHolderDetails":{"bankAc` +
			`countDetails":[],"email":"testEmail@gmail.com","individualDetails":{"name":{"firstNa` +
			`me":"TestFirstName","gender":"MALE","lastName":"TestData"}},"merchantCategoryCode":"` +
			`7999"},"accountHolderStatus":{"status":"Active","processingState":{"disabled":false,` +
			`"processedFrom":{"currency":"EUR","value":0},"processedTo":{"currency":"EUR","value"` +
			`:0},"tierNumber":0},"payoutState":{"allowPayout":false,"disabled":false,"tierNumber"` +
			`:0},"events":[]},"legalEntity":"Individual","verification":{}}}`,
		At: time.Unix(1700000000, 0),
	},
	{
		Preset: "paddle",
		Source: `github.com/PaddleHQ/paddle-go-sdk, example_webhook_verifier_test.go`,
		Secret: `pdl_ntfset_01hsdn8d43dt7mezr1ef2jtbaw_hKkRiCGyyRhbFwIUuqiTBgI7gnWoV0Gr`,
		Header: map[string]string{
			"Paddle-Signature": `ts=1710929255;h1=6c05ef8fa83c44d751be6d259ec955ce5638e2c54095bf128e408e2fce1589c8`,
		},
		Body: `{"data":{"id":"pri_01hsdn96k2hxjzsq5yerecdj9j","name":null,"status":"active","quanti` +
			`ty":{"maximum":999999,"minimum":1},"tax_mode":"account_setting","product_id":"pro_01` +
			`hsdn8qp7yydry3x1yeg6a9rv","unit_price":{"amount":"1000","currency_code":"USD"},"cust` +
			`om_data":null,"description":"testing","import_meta":null,"trial_period":null,"billin` +
			`g_cycle":{"interval":"month","frequency":1},"unit_price_overrides":[]},"event_id":"e` +
			`vt_01hsdn97563968dy0szkmgjwh3","event_type":"price.created","occurred_at":"2024-03-2` +
			`0T10:07:35.590857Z","notification_id":"ntf_01hsdn977e920kbgzt6r6c9rqc"}`,
		At: time.Unix(1710929255, 0),
	},
	{
		Preset: "line",
		Source: `github.com/line/line-bot-sdk-nodejs, test/validate-signature.spec.ts`,
		Secret: `test_secret`,
		Header: map[string]string{
			"x-line-signature": `t7Hn4ZDHqs6e+wdvI5TyQIvzie0DmMUmuXEBqyyE/tM=`,
		},
		Body: `{"hello":"world"}`,
		At:   time.Unix(1700000000, 0),
	},
	{
		Preset: "workos",
		Source: `github.com/workos/workos-python, tests/test_webhooks.py`,
		Secret: `1lyKDzhJjuCkIscIWqkSe4YsQ`,
		Header: map[string]string{
			"WorkOS-Signature": `t=1632409405772, v1=67612f0e74f008b436a13b00266f90ef5c13f9cbcf6262206f5f4a539ff61702`,
		},
		Body: `{"id":"wh_01FG9JXJ9C9S052FX59JVG4EG1","data":{"id":"conn_01EHWNC0FCBHZ3BJ7EGKYXK0E6"` +
			`,"name":"Foo Corp's Connection","state":"active","object":"connection","domains":[{"` +
			`id":"conn_domain_01EHWNFTAFCF3CQAE5A9Q0P1YB","domain":"foo-corp.com","object":"conne` +
			`ction_domain"}],"connection_type":"OktaSAML","organization_id":"org_01EHWNCE74X7JSDV` +
			`0X3SZ3KJNY"},"event":"connection.activated"}`,
		At: time.UnixMilli(1632409405772),
	},
	{
		Preset: "zoom",
		Source: `github.com/mattermost/mattermost-plugin-zoom, server/webhook_test.go, TestWebhookVer` +
			`ifySignature`,
		Secret: `zoomwebhooksecret`,
		Header: map[string]string{
			"x-zm-signature":         `v0=7fe2f9e66d133961eff4746eda161096cebe8d677319d66546281d88ea147189`,
			"x-zm-request-timestamp": `1660149894817`,
		},
		Body: `{"payload":{"object": {"id": "123"}},"event":"meeting.ended"}`,
		At:   time.UnixMilli(1660149894817),
	},
	{
		Preset: "zendesk",
		Source: `github.com/aaronellington/zendesk-go, Test_WebhookTriggerVerifySignature_200, with Z` +
			`endesk's static secret for tests`,
		Secret: `dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ==`,
		Header: map[string]string{
			"X-Zendesk-Webhook-Signature":           `PlxjkFT3fSnU9NWSRjLHP86izLX68auazS1Xo8ZfiZE=`,
			"X-Zendesk-Webhook-Signature-Timestamp": `1234`,
		},
		Body: "{\n\t\"type\": \"End User Comment\",\n\t\"ticketID\": \"12345\",\n\t\"priority\": \"Normal\"," +
			"\n\t\"tags\": \"new\",\n\t\"groupID\": \"9000\",\n\t\"assigneeID\": \"9001\",\n\t\"assigneeEmail\": " +
			"\"kren@example.com\"\n}\n",
		At: time.Unix(1234, 0),
	},
	{
		Preset: "aws-sns",
		Source: `github.com/aws/aws-sdk-java-v2, services-custom/sns-message-manager/src/test/resourc` +
			`es, test-notification-with-subject.json`,
		Secret: "-----BEGIN CERTIFICATE-----\nMIIFxTCCBK2gAwIBAgIQBkyRNHAyygLkObkxH5ju+zANBgkqhkiG9w0B" +
			"AQsFADA8\nMQswCQYDVQQGEwJVUzEPMA0GA1UEChMGQW1hem9uMRwwGgYDVQQDExNBbWF6b24g\nUlNBIDIwND" +
			"ggTTAxMB4XDTI1MTExMDAwMDAwMFoXDTI2MTAxNDIzNTk1OVowHDEa\nMBgGA1UEAxMRc25zLmFtYXpvbmF3c" +
			"y5jb20wggEiMA0GCSqGSIb3DQEBAQUAA4IB\nDwAwggEKAoIBAQChbVNQ+DEaT5WN+l+bg0iEeF666Z6LDFc1" +
			"KJr4lNl0odcXQSsk\nKsZYCMVdp4I/Ikk9zWyckRTMkmQGYimpD+bTsMCP5C/sJIU0E9Y2OXjjl5Videkq\nqn" +
			"RL9VdE5N41Rvks7S/5MpYcSmCsmaHfwcv82Gvx2zm9CrA5Xu7K2ZqhzRQPCRSP\nmHTHQr4ED63ujE+qTpPgQ" +
			"Z0TvgmcrAc08Z75Z7Zzs17aTNc3YhAtQx9WowN8uiHk\nkgc+ONNdtwKvWZNmnbmxMHYtYc291WCP1K1Nh4TV" +
			"5XNyjIebzQKDrqTCN0ItAr1x\ne6Bl3BYS3SG9XHAy0q3ekITzQsKypcuaK6dTAgMBAAGjggLhMIIC3TAfBgN" +
			"VHSME\nGDAWgBSBuA5jiokSGOX6OztQlZ/m5ZAThTAdBgNVHQ4EFgQUBQEUzzzuVJAKzAlR\nd0Q//W6HvZUwH" +
			"AYDVR0RBBUwE4IRc25zLmFtYXpvbmF3cy5jb20wEwYDVR0gBAww\nCjAIBgZngQwBAgEwDgYDVR0PAQH/BAQD" +
			"AgWgMBMGA1UdJQQMMAoGCCsGAQUFBwMB\nMDsGA1UdHwQ0MDIwMKAuoCyGKmh0dHA6Ly9jcmwucjJtMDEuYW1" +
			"hem9udHJ1c3Qu\nY29tL3IybTAxLmNybDB1BggrBgEFBQcBAQRpMGcwLQYIKwYBBQUHMAGGIWh0dHA6\nLy9vY" +
			"3NwLnIybTAxLmFtYXpvbnRydXN0LmNvbTA2BggrBgEFBQcwAoYqaHR0cDov\nL2NydC5yMm0wMS5hbWF6b250" +
			"cnVzdC5jb20vcjJtMDEuY2VyMAwGA1UdEwEB/wQC\nMAAwggF/BgorBgEEAdZ5AgQCBIIBbwSCAWsBaQB3ANd" +
			"tfRDRp/V3wsfpX9cAv/mC\nyTNaZeHQswFzF8DIxWl3AAABmnAb33MAAAQDAEgwRgIhANXAgMEZWU326cqxqw" +
			"nf\nntD0XcBjRbmvVMOp3hZ8boPXAiEAkI3NTMXcdLCChHak1ipOae7K7r3spMGUMk6Q\ncEUKqBEAdgDCMX5X" +
			"RRmjRe5/ON6ykEHrx8IhWiK/f9W1rXaa2Q5SzQAAAZpwG9+u\nAAAEAwBHMEUCIQD+Qyok8NYaFuQkccW+XIM" +
			"mxHxj6Yka2wjtg6UN/tbU5wIgcp4z\n8MyC/dUfeLRuHAt0owtVgEu7xXqrMBOYlbXrfC4AdgDLOPcViXyEoU" +
			"RfW8Hd+8lu\n8ppZzUcKaQWFsMsUwxRY5wAAAZpwG9+yAAAEAwBHMEUCIQCmu1jQUG9A2br7OqwM\nFvQXtBX1" +
			"0yIvvDa6a2Ov1Zgg6gIgKlqRvN6WhX0pSHAN2bKmjRwIUI3X9kjS/A/m\nDYULaV4wDQYJKoZIhvcNAQELBQA" +
			"DggEBAIbTQWQhqrG6SzwLq79tKCpI0aL0xlD+\n/jrGPxpwTlK7rtAArHiEVh/bsmwLYRlIxPBiU+NE/kqeT0" +
			"lhJA6/e3X3KRmnpJ6u\nZ70PJGYwmZbSRsFom0vGFBMncX0qYx1iD0dooPeAkkSnM5j81rBh+FepV3HfF+tA\n" +
			"9gaglWLsU7Z/A0fdn9D32UPreVHloOut5EyEinvXRUAWZco9CRloyEXJr7Mxq9MZ\nvYOK+5wuSPHnPij+fGl" +
			"QsPxEgoTnCmU03PqNS49kL13jjEnYYdijqL+4rfHtuZbc\n4hlVoZfttwg8wD3m5brhQ+GkBBNYN8HFtdVy/B" +
			"nFi+SPJqv6BgB3Y00=\n-----END CERTIFICATE-----\n",
		Topics: []string{"arn:aws:sns:us-west-2:131990247566:dongie-standard-topic"},
		Body: `{"Type":"Notification","MessageId":"26858270-545e-5848-82a2-e05566af3dcf","TopicArn"` +
			`:"arn:aws:sns:us-west-2:131990247566:dongie-standard-topic","Subject":"My message su` +
			`bject","Message":"Hello! This message has a subject.","Timestamp":"2026-03-06T19:53:` +
			`21.424Z","SignatureVersion":"1","Signature":"jvNSgHVOF9KUOKI3bmQZhURD0kDN6txhfjiyuvn` +
			`V95Dw6b2SRa7nq3AhM8agP0KUCIrRgKHqUlN6K2XBA35Lzkx1eI5RT0oXIN00pvvzGxSz0ddnuSGmDJM7bd/` +
			`b1vl2RlLjz+KvkhzEtspxLnxjLsGl2EpOmztt+um7owb4475sOLdGTx1QiFV/8HqB2J0DyjeWdRZvu7Xpsf1` +
			`Yd2rgmijFoz8x89Vw8pIksjczr4q16pxdh/XKWjbN2uPoC+3EeYdljL8KUvLYH9ueHSs5E9qq2iLdze4+FtA` +
			`NnE73XRvvSGE0KI+FGOvz1igest6qon3g1/CVy4mq3n19TsCSmA==","SigningCertURL":"https://sns` +
			`.us-west-2.amazonaws.com/SimpleNotificationService-7506a1e35b36ef5a444dd1a8e7cc3ed8.` +
			`pem","UnsubscribeURL":"https://sns.us-west-2.amazonaws.com/?Action=Unsubscribe&Subsc` +
			`riptionArn=arn:aws:sns:us-west-2:131990247566:dongie-standard-topic:b24e11a2-06bd-4e` +
			`73-aa29-0ed2de3b41b5"}`,
		At: time.Unix(1772826801, 0),
	},
	{
		Preset: "aws-sns", Name: "signature version 2",
		Source: `github.com/aws/aws-sdk-java-v2, services-custom/sns-message-manager/src/test/resourc` +
			`es, test-notification-signature-v2.json`,
		Secret: "-----BEGIN CERTIFICATE-----\nMIIFxTCCBK2gAwIBAgIQBkyRNHAyygLkObkxH5ju+zANBgkqhkiG9w0B" +
			"AQsFADA8\nMQswCQYDVQQGEwJVUzEPMA0GA1UEChMGQW1hem9uMRwwGgYDVQQDExNBbWF6b24g\nUlNBIDIwND" +
			"ggTTAxMB4XDTI1MTExMDAwMDAwMFoXDTI2MTAxNDIzNTk1OVowHDEa\nMBgGA1UEAxMRc25zLmFtYXpvbmF3c" +
			"y5jb20wggEiMA0GCSqGSIb3DQEBAQUAA4IB\nDwAwggEKAoIBAQChbVNQ+DEaT5WN+l+bg0iEeF666Z6LDFc1" +
			"KJr4lNl0odcXQSsk\nKsZYCMVdp4I/Ikk9zWyckRTMkmQGYimpD+bTsMCP5C/sJIU0E9Y2OXjjl5Videkq\nqn" +
			"RL9VdE5N41Rvks7S/5MpYcSmCsmaHfwcv82Gvx2zm9CrA5Xu7K2ZqhzRQPCRSP\nmHTHQr4ED63ujE+qTpPgQ" +
			"Z0TvgmcrAc08Z75Z7Zzs17aTNc3YhAtQx9WowN8uiHk\nkgc+ONNdtwKvWZNmnbmxMHYtYc291WCP1K1Nh4TV" +
			"5XNyjIebzQKDrqTCN0ItAr1x\ne6Bl3BYS3SG9XHAy0q3ekITzQsKypcuaK6dTAgMBAAGjggLhMIIC3TAfBgN" +
			"VHSME\nGDAWgBSBuA5jiokSGOX6OztQlZ/m5ZAThTAdBgNVHQ4EFgQUBQEUzzzuVJAKzAlR\nd0Q//W6HvZUwH" +
			"AYDVR0RBBUwE4IRc25zLmFtYXpvbmF3cy5jb20wEwYDVR0gBAww\nCjAIBgZngQwBAgEwDgYDVR0PAQH/BAQD" +
			"AgWgMBMGA1UdJQQMMAoGCCsGAQUFBwMB\nMDsGA1UdHwQ0MDIwMKAuoCyGKmh0dHA6Ly9jcmwucjJtMDEuYW1" +
			"hem9udHJ1c3Qu\nY29tL3IybTAxLmNybDB1BggrBgEFBQcBAQRpMGcwLQYIKwYBBQUHMAGGIWh0dHA6\nLy9vY" +
			"3NwLnIybTAxLmFtYXpvbnRydXN0LmNvbTA2BggrBgEFBQcwAoYqaHR0cDov\nL2NydC5yMm0wMS5hbWF6b250" +
			"cnVzdC5jb20vcjJtMDEuY2VyMAwGA1UdEwEB/wQC\nMAAwggF/BgorBgEEAdZ5AgQCBIIBbwSCAWsBaQB3ANd" +
			"tfRDRp/V3wsfpX9cAv/mC\nyTNaZeHQswFzF8DIxWl3AAABmnAb33MAAAQDAEgwRgIhANXAgMEZWU326cqxqw" +
			"nf\nntD0XcBjRbmvVMOp3hZ8boPXAiEAkI3NTMXcdLCChHak1ipOae7K7r3spMGUMk6Q\ncEUKqBEAdgDCMX5X" +
			"RRmjRe5/ON6ykEHrx8IhWiK/f9W1rXaa2Q5SzQAAAZpwG9+u\nAAAEAwBHMEUCIQD+Qyok8NYaFuQkccW+XIM" +
			"mxHxj6Yka2wjtg6UN/tbU5wIgcp4z\n8MyC/dUfeLRuHAt0owtVgEu7xXqrMBOYlbXrfC4AdgDLOPcViXyEoU" +
			"RfW8Hd+8lu\n8ppZzUcKaQWFsMsUwxRY5wAAAZpwG9+yAAAEAwBHMEUCIQCmu1jQUG9A2br7OqwM\nFvQXtBX1" +
			"0yIvvDa6a2Ov1Zgg6gIgKlqRvN6WhX0pSHAN2bKmjRwIUI3X9kjS/A/m\nDYULaV4wDQYJKoZIhvcNAQELBQA" +
			"DggEBAIbTQWQhqrG6SzwLq79tKCpI0aL0xlD+\n/jrGPxpwTlK7rtAArHiEVh/bsmwLYRlIxPBiU+NE/kqeT0" +
			"lhJA6/e3X3KRmnpJ6u\nZ70PJGYwmZbSRsFom0vGFBMncX0qYx1iD0dooPeAkkSnM5j81rBh+FepV3HfF+tA\n" +
			"9gaglWLsU7Z/A0fdn9D32UPreVHloOut5EyEinvXRUAWZco9CRloyEXJr7Mxq9MZ\nvYOK+5wuSPHnPij+fGl" +
			"QsPxEgoTnCmU03PqNS49kL13jjEnYYdijqL+4rfHtuZbc\n4hlVoZfttwg8wD3m5brhQ+GkBBNYN8HFtdVy/B" +
			"nFi+SPJqv6BgB3Y00=\n-----END CERTIFICATE-----\n",
		Topics: []string{"arn:aws:sns:us-west-2:131990247566:dongie-standard-topic"},
		Body: `{"Type":"Notification","MessageId":"9d2c5580-b61d-550c-8583-37a582870907","TopicArn"` +
			`:"arn:aws:sns:us-west-2:131990247566:dongie-standard-topic","Message":"This message ` +
			`uses signature version 2.","Timestamp":"2026-03-06T20:00:26.893Z","SignatureVersion"` +
			`:"2","Signature":"kGNJ7FIM5DJxRv9bdoSJBty2WHpADFWrJ0ZQU/A2sALy6tBE5hqfUvPRlklTJ+PACF` +
			`MguoFOO7W6ac/Bs4gR+JBRFhx4598X8/HWzrmaLrtB2f7nzViHbpzYN+u+OewXhxjj2lNsu0bLKv6fogkACy` +
			`tDIOhjZylbfJoPphDYAB7T3Ila7u+K3m2wLHH4k1cPYKyBf5FI/kAoQAVsY6qFHeb6CWfHsdM98I2gwyEvwJ` +
			`SzW0iyYBfqckmthQwH3Ex53jrhQlZylXFDYmstSJAdvbLeGqIUxKyk+O25wYgBjbbbeR+2qE2UCGEQrk1Bq0` +
			`18wmTxdHZmDhoBjJXiGmFkfg==","SigningCertURL":"https://sns.us-west-2.amazonaws.com/Si` +
			`mpleNotificationService-7506a1e35b36ef5a444dd1a8e7cc3ed8.pem","UnsubscribeURL":"http` +
			`s://sns.us-west-2.amazonaws.com/?Action=Unsubscribe&SubscriptionArn=arn:aws:sns:us-w` +
			`est-2:131990247566:dongie-standard-topic:b24e11a2-06bd-4e73-aa29-0ed2de3b41b5"}`,
		At: time.Unix(1772827226, 0),
	},
	{
		Preset: "aws-sns", Name: "confirmation",
		Source: `github.com/aws/aws-sdk-java-v2, services-custom/sns-message-manager/src/test/resourc` +
			`es, test-subscription-confirmation.json`,
		Secret: "-----BEGIN CERTIFICATE-----\nMIIFxTCCBK2gAwIBAgIQBkyRNHAyygLkObkxH5ju+zANBgkqhkiG9w0B" +
			"AQsFADA8\nMQswCQYDVQQGEwJVUzEPMA0GA1UEChMGQW1hem9uMRwwGgYDVQQDExNBbWF6b24g\nUlNBIDIwND" +
			"ggTTAxMB4XDTI1MTExMDAwMDAwMFoXDTI2MTAxNDIzNTk1OVowHDEa\nMBgGA1UEAxMRc25zLmFtYXpvbmF3c" +
			"y5jb20wggEiMA0GCSqGSIb3DQEBAQUAA4IB\nDwAwggEKAoIBAQChbVNQ+DEaT5WN+l+bg0iEeF666Z6LDFc1" +
			"KJr4lNl0odcXQSsk\nKsZYCMVdp4I/Ikk9zWyckRTMkmQGYimpD+bTsMCP5C/sJIU0E9Y2OXjjl5Videkq\nqn" +
			"RL9VdE5N41Rvks7S/5MpYcSmCsmaHfwcv82Gvx2zm9CrA5Xu7K2ZqhzRQPCRSP\nmHTHQr4ED63ujE+qTpPgQ" +
			"Z0TvgmcrAc08Z75Z7Zzs17aTNc3YhAtQx9WowN8uiHk\nkgc+ONNdtwKvWZNmnbmxMHYtYc291WCP1K1Nh4TV" +
			"5XNyjIebzQKDrqTCN0ItAr1x\ne6Bl3BYS3SG9XHAy0q3ekITzQsKypcuaK6dTAgMBAAGjggLhMIIC3TAfBgN" +
			"VHSME\nGDAWgBSBuA5jiokSGOX6OztQlZ/m5ZAThTAdBgNVHQ4EFgQUBQEUzzzuVJAKzAlR\nd0Q//W6HvZUwH" +
			"AYDVR0RBBUwE4IRc25zLmFtYXpvbmF3cy5jb20wEwYDVR0gBAww\nCjAIBgZngQwBAgEwDgYDVR0PAQH/BAQD" +
			"AgWgMBMGA1UdJQQMMAoGCCsGAQUFBwMB\nMDsGA1UdHwQ0MDIwMKAuoCyGKmh0dHA6Ly9jcmwucjJtMDEuYW1" +
			"hem9udHJ1c3Qu\nY29tL3IybTAxLmNybDB1BggrBgEFBQcBAQRpMGcwLQYIKwYBBQUHMAGGIWh0dHA6\nLy9vY" +
			"3NwLnIybTAxLmFtYXpvbnRydXN0LmNvbTA2BggrBgEFBQcwAoYqaHR0cDov\nL2NydC5yMm0wMS5hbWF6b250" +
			"cnVzdC5jb20vcjJtMDEuY2VyMAwGA1UdEwEB/wQC\nMAAwggF/BgorBgEEAdZ5AgQCBIIBbwSCAWsBaQB3ANd" +
			"tfRDRp/V3wsfpX9cAv/mC\nyTNaZeHQswFzF8DIxWl3AAABmnAb33MAAAQDAEgwRgIhANXAgMEZWU326cqxqw" +
			"nf\nntD0XcBjRbmvVMOp3hZ8boPXAiEAkI3NTMXcdLCChHak1ipOae7K7r3spMGUMk6Q\ncEUKqBEAdgDCMX5X" +
			"RRmjRe5/ON6ykEHrx8IhWiK/f9W1rXaa2Q5SzQAAAZpwG9+u\nAAAEAwBHMEUCIQD+Qyok8NYaFuQkccW+XIM" +
			"mxHxj6Yka2wjtg6UN/tbU5wIgcp4z\n8MyC/dUfeLRuHAt0owtVgEu7xXqrMBOYlbXrfC4AdgDLOPcViXyEoU" +
			"RfW8Hd+8lu\n8ppZzUcKaQWFsMsUwxRY5wAAAZpwG9+yAAAEAwBHMEUCIQCmu1jQUG9A2br7OqwM\nFvQXtBX1" +
			"0yIvvDa6a2Ov1Zgg6gIgKlqRvN6WhX0pSHAN2bKmjRwIUI3X9kjS/A/m\nDYULaV4wDQYJKoZIhvcNAQELBQA" +
			"DggEBAIbTQWQhqrG6SzwLq79tKCpI0aL0xlD+\n/jrGPxpwTlK7rtAArHiEVh/bsmwLYRlIxPBiU+NE/kqeT0" +
			"lhJA6/e3X3KRmnpJ6u\nZ70PJGYwmZbSRsFom0vGFBMncX0qYx1iD0dooPeAkkSnM5j81rBh+FepV3HfF+tA\n" +
			"9gaglWLsU7Z/A0fdn9D32UPreVHloOut5EyEinvXRUAWZco9CRloyEXJr7Mxq9MZ\nvYOK+5wuSPHnPij+fGl" +
			"QsPxEgoTnCmU03PqNS49kL13jjEnYYdijqL+4rfHtuZbc\n4hlVoZfttwg8wD3m5brhQ+GkBBNYN8HFtdVy/B" +
			"nFi+SPJqv6BgB3Y00=\n-----END CERTIFICATE-----\n",
		Topics: []string{"arn:aws:sns:us-west-2:131990247566:dongie-standard-topic"},
		Body: `{"Type":"SubscriptionConfirmation","MessageId":"f3f2fc87-c426-4c2f-9044-b55890c0939c` +
			`","Token":"2336412f37fb687f5d51e6e2425929f52e8e353134fe72d55ef8b330217d82da14007cbcc` +
			`efffd35b695feb8f0294d01fd9644f41e1ddfad261519a2c0bac743ff375eeb64530147d2da57f3acc54` +
			`739da14c8dbd48a9d58ce996eff0d498ea6b4b9f58720d8959b52b99b8de148081720d7da17434e37661` +
			`4a00c992e7823e4","TopicArn":"arn:aws:sns:us-west-2:131990247566:dongie-standard-topi` +
			`c","Message":"You have chosen to subscribe to the topic arn:aws:sns:us-west-2:131990` +
			`247566:dongie-standard-topic.\nTo confirm the subscription, visit the SubscribeURL i` +
			`ncluded in this message.","SubscribeURL":"https://sns.us-west-2.amazonaws.com/?Actio` +
			`n=ConfirmSubscription&TopicArn=arn:aws:sns:us-west-2:131990247566:dongie-standard-to` +
			`pic&Token=2336412f37fb687f5d51e6e2425929f52e8e353134fe72d55ef8b330217d82da14007cbcce` +
			`fffd35b695feb8f0294d01fd9644f41e1ddfad261519a2c0bac743ff375eeb64530147d2da57f3acc547` +
			`39da14c8dbd48a9d58ce996eff0d498ea6b4b9f58720d8959b52b99b8de148081720d7da17434e376614` +
			`a00c992e7823e4","Timestamp":"2026-03-06T19:31:32.895Z","SignatureVersion":"1","Signa` +
			`ture":"Ce2Ax8UbEq0RrVH7gsjP9WZ9bzif7dUkAY4OH99Pv7FSrvs8cK+uiH3a6ig54rXWUnZRUejk8K6Ke` +
			`K5Q80O9iJp8KbPRKdQ0PkJ3YASdabhfK0e7evC05YR2pFoS6nNaqNzT7HrR1d1Z9iLoFxluo2Dzb7kWVB7e9` +
			`jp/y+ZBXRzRIaZgscM84kahBc6QgXOFJA1/PFA4cB5qaa6tBcUFtTE63o9vJ4wMmKk93W9MoszC+dNJeVFr8` +
			`VHmt3toR+3JauBCZnGdgXgsDhni4PduSfWJJxEpuOK41iYf1hW+xFNFFsv46siTFiHdHiYDfI7/VlaY4spMg` +
			`kq3EndRr7rHzQ==","SigningCertURL":"https://sns.us-west-2.amazonaws.com/SimpleNotific` +
			`ationService-7506a1e35b36ef5a444dd1a8e7cc3ed8.pem"}`,
		At: time.Unix(1772825492, 0),
	},
	{
		Preset: "gitlab",
		Source: `docs.gitlab.com says that the token is sent as it is; made with openssl and Python's` +
			` hmac by the documented algorithm`,
		Made:   true,
		Secret: `gitlab-token`,
		Header: map[string]string{
			"X-Gitlab-Token":  `gitlab-token`,
			"Idempotency-Key": `f5e5f430-f57b-4e6e-9fac-d9128cd7232f`,
		},
		Body: `{"object_kind":"push"}`,
		At:   time.Unix(1700000000, 0),
	},
	{
		Preset: "linear",
		Source: `github.com/linear/linear, packages/sdk/src/webhooks, and linear.app/developers/webho` +
			`oks have the algorithm only; made with openssl and Python's hmac by the documented a` +
			`lgorithm`,
		Made:   true,
		Secret: `lin_wh_secret`,
		Header: map[string]string{
			"Linear-Signature": `183590c07dec2b12f5222bca65a170e056f00d687785f6c46cb7bfb7cc1973c6`,
		},
		Body: `{"action":"create","webhookTimestamp":1676056940508}`,
		At:   time.UnixMilli(1676056940508),
	},
	{
		Preset: "trello",
		Source: `developer.atlassian.com, n8n's TrelloTrigger tests and github.com/lukehorvat/verify-` +
			`trello-webhook (its example is cut off) have the algorithm only; made with openssl a` +
			`nd Python's hmac by the documented algorithm`,
		Made:   true,
		Secret: `trello-api-secret`,
		URL:    `https://hooks.example.org/api/webhook:trigger/signed-token`,
		Header: map[string]string{
			"X-Trello-Webhook": `jNnA1QaU7GjSQvCbtv2VV+vmchU=`,
		},
		Body: `{"action":{"id":"66f1","type":"createCard"},"model":{"id":"123"}}`,
		At:   time.Unix(1700000000, 0),
	},
	{
		Preset: "sentry",
		Source: `docs.sentry.io and github.com/getsentry/integration-platform-example have the algori` +
			`thm only; made with openssl and Python's hmac by the documented algorithm`,
		Made:   true,
		Secret: `sentry-client-secret`,
		Header: map[string]string{
			"Sentry-Hook-Signature": `be833a03aad418be735bb91cc0c5eefb5a92d6402929907dd6a2e2c0e1218e7e`,
			"Request-ID":            `b1a2`,
		},
		Body: `{"action":"created","data":{"issue":{"id":"1170820242"}}}`,
		At:   time.Unix(1700000000, 0),
	},
	{
		Preset: "netlify",
		Source: `docs.netlify.com has the algorithm only; made with openssl and Python's hmac by the ` +
			`documented algorithm`,
		Made:   true,
		Secret: `netlify-jws-secret`,
		Header: map[string]string{
			"X-Webhook-Signature": `eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJuZXRsaWZ5Iiwic2hhMjU2IjoiOWU2NzU1Y2U` +
				`yN2EyMjZmNGMyZTI0Nzg5NTNiMDA5NTc1Nzg5Njc0ZWUwYWZmYmQzOTA5MzVmM2ZlMDQwZjQyZCJ9.PjLWHb` +
				`DoEW4u3_pL9ganx6rSKDH_chaN-Rc7cB_QE-Y`,
		},
		Body: `{"id":"5f2c","state":"ready"}`,
		At:   time.Unix(1700000000, 0),
	},
	{
		Preset: "paystack",
		Source: `paystack.com/docs/payments/webhooks has the algorithm only; made with openssl and Py` +
			`thon's hmac by the documented algorithm`,
		Made:   true,
		Secret: `sk_test_paystack`,
		Header: map[string]string{
			"x-paystack-signature": `d0313c8d7162f3e8bf28e29da2654f271b34d21308fa73d595d04a8fb677d3733781a9fde1433e109230` +
				`328e0229ff00b4d000a3443b4200765d895eec759886`,
		},
		Body: `{"event":"charge.success","data":{"id":302961,"reference":"qTPrJoy9Bx"}}`,
		At:   time.Unix(1700000000, 0),
	},
	{
		Preset: "shopify",
		Source: `shopify.dev and github.com/Shopify/shopify-api-ruby, test/webhooks, make signatures,` +
			` no fixed one; made with openssl and Python's hmac by the documented algorithm`,
		Made:   true,
		Secret: `hush-shopify`,
		Header: map[string]string{
			"X-Shopify-Hmac-Sha256": `MWpyKJYabH72qI/yDN6NYmDSsyVHSs+LeGmsMwtGgRo=`,
		},
		Body: `{"id":820982911946154508,"email":"jon@example.com"}`,
		At:   time.Unix(1700000000, 0),
	},
	{
		Preset: "woocommerce",
		Source: `github.com/woocommerce/woocommerce, unit-tests/webhooks/crud.php, has one with an em` +
			`pty secret, which is refused here; made with openssl and Python's hmac by the docume` +
			`nted algorithm`,
		Made:   true,
		Secret: `woo-secret`,
		Header: map[string]string{
			"X-WC-Webhook-Signature":   `LvZUOgju7ekgfsyNofEgI6eG086kg6Y0Xx+IyVWgGCg=`,
			"X-WC-Webhook-Delivery-ID": `53ef`,
		},
		Body: `{"id":727,"status":"processing"}`,
		At:   time.Unix(1700000000, 0),
	},
	{
		Preset: "xero",
		Source: `developer.xero.com and github.com/XeroAPI/xero-node-oauth2-app have the algorithm on` +
			`ly; made with openssl and Python's hmac by the documented algorithm`,
		Made:   true,
		Secret: `xero-webhooks-key`,
		Header: map[string]string{
			"x-xero-signature": `cyNY9EEKrc2/3gWjO21fh4sJ5iRO3flVsySFyeNZrrg=`,
		},
		Body: `{"events":[{"resourceId":"717f2bfc","eventType":"UPDATE"}],"firstEventSequence":1,"l` +
			`astEventSequence":1,"entropy":"S0m3r4Nd0m"}`,
		At: time.Unix(1700000000, 0),
	},
	{
		Preset: "discord",
		Source: `docs.discord.com and github.com/discord/discord-interactions-python make keys in tes` +
			`ts, no fixed signature; made with Python's cryptography and the key of RFC 8032, 7.1` +
			`, test 1`,
		Made:   true,
		Secret: `d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a`,
		Header: map[string]string{
			"X-Signature-Ed25519": `3c4ef433e2c064f8cc85db94d0e3561cbac0eef4340fb9392a89e0353de72bfb6888b6f82ae25db4a27e` +
				`599df0de1881421d9926f0a65d4311d88daa727d2503`,
			"X-Signature-Timestamp": `1700000000`,
		},
		Body: `{"id":"1103","type":2,"data":{"name":"blep"}}`,
		At:   time.Unix(1700000000, 0),
	},
	{
		Preset: "discord-events",
		Source: `docs.discord.com and github.com/discord/discord-interactions-python make keys in tes` +
			`ts, no fixed signature; made with Python's cryptography and the key of RFC 8032, 7.1` +
			`, test 1`,
		Made:   true,
		Secret: `d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a`,
		Header: map[string]string{
			"X-Signature-Ed25519": `4a9955d7f0471c30acd48a1be712ba05ab7b982b5c90f15995b584d0778aaddab49d3cf9cf5a25b0e91f` +
				`13093bd37be52ae80e050ac23b2d31a0daf51f9eab06`,
			"X-Signature-Timestamp": `1700000000`,
		},
		Body: `{"version":1,"application_id":"1234","type":1,"event":{"type":"APPLICATION_AUTHORIZE` +
			`D"}}`,
		At: time.Unix(1700000000, 0),
	},
	{
		Preset: "telegram",
		Source: `core.telegram.org says that the token is sent as it is; made with openssl and Python` +
			`'s hmac by the documented algorithm`,
		Made:   true,
		Secret: `telegram-secret`,
		Header: map[string]string{
			"X-Telegram-Bot-Api-Secret-Token": `telegram-secret`,
		},
		Body: `{"update_id":10000,"message":{"text":"hi"}}`,
		At:   time.Unix(1700000000, 0),
	},
	{
		Preset: "meta",
		Source: `developers.facebook.com has the algorithm only; made with openssl and Python's hmac ` +
			`by the documented algorithm`,
		Made:   true,
		Secret: `meta-app-secret`,
		Header: map[string]string{
			"X-Hub-Signature-256": `sha256=c86bf0da4fe2f7064daf6a60655f6eaefc0111fcc737903bbe81e4f96d197116`,
		},
		Body: `{"object":"page","text":"\u00e4"}`,
		At:   time.Unix(1700000000, 0),
	},
	{
		Preset: "x",
		Source: `docs.x.com has the algorithm, and a fixed answer of a CRC only; made with openssl an` +
			`d Python's hmac by the documented algorithm`,
		Made:   true,
		Secret: `12345`,
		Header: map[string]string{
			"x-twitter-webhooks-signature": `sha256=RcLMVWJxNhTg71hFeO/2fQccCDUAo7Lnk2mqKFyRRnw=`,
		},
		Body: `{"for_user_id":"2244994945","tweet_create_events":[]}`,
		At:   time.Unix(1700000000, 0),
	},
	{
		Preset: "twitch",
		Source: `dev.twitch.tv and github.com/twitchdev have the algorithm only; made with openssl an` +
			`d Python's hmac by the documented algorithm`,
		Made:   true,
		Secret: `twitch-secret`,
		Header: map[string]string{
			"Twitch-Eventsub-Message-Id":        `e76c6bd4-55c9-4987-8304-da1588d8988b`,
			"Twitch-Eventsub-Message-Timestamp": `2019-11-16T10:11:12.634234626Z`,
			"Twitch-Eventsub-Message-Signature": `sha256=f0535da04f1f81417b36d1b4f894a6074105592b1df94bd34bcb4282c94bd8e0`,
		},
		Body: `{"subscription":{"id":"f1c2","type":"channel.follow"},"event":{}}`,
		At:   time.Unix(1573899072, 0),
	},
	{
		Preset: "mailgun",
		Source: `documentation.mailgun.com and github.com/mailgun/mailgun-go, webhooks_test.go, have ` +
			`no fixed one under a known key; made with openssl and Python's hmac by the documente` +
			`d algorithm`,
		Made:   true,
		Secret: `mailgun-signing-key`,
		Body: `{"signature":{"token":"e0b5477167110d68991efc6b9f89f0a11066af27834600e123","timestam` +
			`p":"1770920772","signature":"adbb83c91c8abbcfd4e37393fb3b2fa9675c9672c7510e241669951` +
			`d5f8b7537"},"event-data":{"id":"G9Bn5sl1TC6nu79C8C0bwg","event":"opened"}}`,
		At: time.Unix(1770920772, 0),
	},
	{
		Preset: "postmark",
		Source: `postmarkapp.com/developer: basic authentication, RFC 7617; made with openssl and Pyt` +
			`hon's hmac by the documented algorithm`,
		Made:   true,
		Secret: `shop:open sesame`,
		Header: map[string]string{
			"Authorization": `Basic c2hvcDpvcGVuIHNlc2FtZQ==`,
		},
		Body: `{"RecordType":"Delivery","MessageID":"883953f4"}`,
		At:   time.Unix(1700000000, 0),
	},
	{
		Preset: "nylas",
		Source: `developer.nylas.com and github.com/nylas/nylas-python, tests, have the algorithm onl` +
			`y; made with openssl and Python's hmac by the documented algorithm`,
		Made:   true,
		Secret: `nylas-webhook-secret`,
		Header: map[string]string{
			"X-Nylas-Signature": `691960c4f46097bbbd2fa2057e972ce4dc3a6777bea158c371aadd6a9cc74a73`,
		},
		Body: `{"specversion":"1.0","type":"message.created","id":"mock-id"}`,
		At:   time.Unix(1700000000, 0),
	},
	{
		Preset: "calendly",
		Source: `developer.calendly.com publishes a header without its body and key; made with openss` +
			`l and Python's hmac by the documented algorithm`,
		Made:   true,
		Secret: `calendly-signing-key`,
		Header: map[string]string{
			"Calendly-Webhook-Signature": `t=1492774577,v1=abea40d8f0e049de90502f76e28841e2259a2e7ffa8334894c4aec20bcaea4a8`,
		},
		Body: `{"event":"invitee.created","payload":{"email":"test@example.com"}}`,
		At:   time.Unix(1492774577, 0),
	},
	{
		Preset: "typeform",
		Source: `typeform.com/developers has the algorithm only; made with openssl and Python's hmac ` +
			`by the documented algorithm`,
		Made:   true,
		Secret: `typeform-secret`,
		Header: map[string]string{
			"Typeform-Signature": `sha256=ImycS9j+QsmWLKJgjNeX8NBMdYo2CuQ71O2uk4UEJjE=`,
		},
		Body: `{"event_id":"01DTXE27VQSA3JP8ZMP0GF9HCP","event_type":"form_response"}`,
		At:   time.Unix(1700000000, 0),
	},
	{
		Preset: "intercom",
		Source: `developers.intercom.com has the algorithm only; made with openssl and Python's hmac ` +
			`by the documented algorithm`,
		Made:   true,
		Secret: `intercom-client-secret`,
		Header: map[string]string{
			"X-Hub-Signature": `sha1=78ee5f856093e9587440dc69dfdacb40f6ce5eae`,
		},
		Body: `{"type":"notification_event","id":"notif_ccd8a4d0","topic":"user.created"}`,
		At:   time.Unix(1700000000, 0),
	},
	{
		Preset: "dropbox",
		Source: `dropbox.com/developers and github.com/dropbox/mdwebhook have the algorithm only; mad` +
			`e with openssl and Python's hmac by the documented algorithm`,
		Made:   true,
		Secret: `dropbox-app-secret`,
		Header: map[string]string{
			"X-Dropbox-Signature": `24ae1721acc7afaa9662c95e7f61cf98f5d80647a5f95493ab3d1fad5275ae2d`,
		},
		Body: `{"list_folder":{"accounts":["dbid:AAH4f99T0taONIb-OurWxbNQ6ywGRopQngc"]}}`,
		At:   time.Unix(1700000000, 0),
	},
	{
		Preset: "docusign",
		Source: `docusign.com/blog/developers and developers.docusign.com have the algorithm only; ma` +
			`de with openssl and Python's hmac by the documented algorithm`,
		Made:   true,
		Secret: `bJ0EqPyWhvsBMXm9RL36Js1Lwv8AlXyG5pYmDLf2hPQ=`,
		Header: map[string]string{
			"X-DocuSign-Signature-1": `Se6DXT3aHNbFZcjGKfYq8dvt762uWiYmArTq7HCzbKE=`,
			"X-DocuSign-Signature-2": `x9Y3B8JPCxv5ALMuq6YJqjyCo/1XJACdXGLyqCJbHxM=`,
		},
		Body: `{"event":"envelope-completed","data":{"envelopeId":"44c0"}}`,
		At:   time.Unix(1700000000, 0),
	},
	{
		Preset: "hubspot", Name: "the receiver's URL",
		Source: `a URL with a colon, as the receiver's has; made with openssl and Python's hmac by th` +
			`e documented algorithm`,
		Made:   true,
		Secret: `hubspot-secret`,
		URL:    `https://hooks.example.org/api/webhook:trigger/signed-token`,
		Header: map[string]string{
			"X-HubSpot-Signature-v3":      `i8Au2Kww6xcrPF6PMtIsodX7ELuAhNY7i2sC5w0oeEQ=`,
			"X-HubSpot-Request-Timestamp": `1700000000123`,
		},
		Body: `[{"eventId":1,"subscriptionType":"contact.creation"}]`,
		At:   time.UnixMilli(1700000000123),
	},
	{
		Preset: "square", Name: "the receiver's URL",
		Source: `a URL with a colon, as the receiver's has; made with openssl and Python's hmac by th` +
			`e documented algorithm`,
		Made:   true,
		Secret: `square-key`,
		URL:    `https://hooks.example.org/api/webhook:trigger/signed-token`,
		Header: map[string]string{
			"x-square-hmacsha256-signature": `XPTqQIx+0oS+WLij6NTH5iEe1pteTUrvibZiM7jMrw8=`,
		},
		Body: `{"merchant_id":"M","type":"payment.updated","event_id":"6a8f5f28"}`,
		At:   time.Unix(1700000000, 0),
	},
	{
		Preset: "twilio", Name: "the receiver's URL",
		Source: `a URL with a colon, as the receiver's has; made with openssl and Python's hmac by th` +
			`e documented algorithm`,
		Made:   true,
		Secret: `twilio-token`,
		URL:    `https://hooks.example.org/api/webhook:trigger/signed-token`,
		Type:   "application/x-www-form-urlencoded",
		Header: map[string]string{
			"X-Twilio-Signature":         `bOQaz10ci6gDB/649xWy+wkjPv0=`,
			"I-Twilio-Idempotency-Token": `t1`,
		},
		Body: `Body=H%C3%A9+%26+co&From=%2B1&MessageSid=SM1`,
		At:   time.Unix(1700000000, 0),
	},
}
