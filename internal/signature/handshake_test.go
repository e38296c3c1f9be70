package signature_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/internal/signature"
)

func question(method, query string, header map[string]string, body any) *signature.Question {
	values, _ := url.ParseQuery(query)
	return &signature.Question{Method: method, Query: values.Get, Header: headerOf(header).Get, Body: body}
}

func twitchType(kind string) map[string]string {
	return map[string]string{"Twitch-Eventsub-Message-Type": kind}
}

func TestHandshakes(t *testing.T) {
	t.Parallel()
	event := map[string]any{"event": "endpoint.url_validation",
		"payload": map[string]any{"plainToken": "Kn5a3Wv7SP6YP5b4BWfZpg"}}
	for name, test := range map[string]struct {
		preset   string
		question *signature.Question
		tokens   []string
		secret   string
		want     any
	}{
		"meta": {"meta", question("GET", "hub.mode=subscribe&hub.verify_token=meaty&hub.challenge=1158201444", nil,
			nil),
			[]string{"meaty"}, "", "1158201444"},
		"strava": {"strava", question("GET", "hub.mode=subscribe&hub.verify_token=S&hub.challenge=15f7", nil, nil),
			[]string{"S"}, "", map[string]any{"hub.challenge": "15f7"}},
		"dropbox": {"dropbox", question("GET", "challenge=abc%3Cb%3E", nil, nil), nil, "", "abc<b>"},
		"nylas":   {"nylas", question("GET", "challenge=bc609b38", nil, nil), nil, "", "bc609b38"},
		"slack": {"slack", question("POST", "", nil, map[string]any{"type": "url_verification",
			"challenge": "3eZbrw1a"}),
			nil, "", "3eZbrw1a"},
		"discord": {"discord", question("POST", "", nil, map[string]any{"type": 1}), nil, "", map[string]any{
			"type": 1}},
		"twitch": {"twitch", question("POST", "", twitchType("webhook_callback_verification"),
			map[string]any{"challenge": "pogchamp"}), nil, "", "pogchamp"},
		"trello":      {"trello", question("HEAD", "", nil, nil), nil, "", nil},
		"intercom":    {"intercom", question("HEAD", "", nil, nil), nil, "", nil},
		"line":        {"line", question("POST", "", nil, map[string]any{"events": []any{}}), nil, "", nil},
		"woocommerce": {"woocommerce", question("POST", "", nil, map[string]any{"webhook_id": "17"}), nil, "", nil},
		// github.com/mattermost/mattermost-plugin-zoom, server/webhook_test.go
		"zoom": {"zoom", question("POST", "", nil, event), nil, "zoomwebhooksecret", map[string]any{
			"plainToken":     "Kn5a3Wv7SP6YP5b4BWfZpg",
			"encryptedToken": "2a41c3138d2187a756c51428f78d192e9b88dcf44dd62d1b081ace4ec2241e0a"}},
		// A published test of an answer to a CRC, under the secret 12345.
		"x": {"x", question("GET", "crc_token=I-am-a-token", nil, nil), nil, "12345",
			map[string]any{"response_token": "sha256=rCq4c3Kw116JJ4rIxl0aR3lhY8UZ0ZsQsv6IBQY6YFE="}},
	} {
		preset := find(t, test.preset)
		handshake := preset.Handshakes[0]
		require.True(t, handshake.Is(test.question), name)
		require.True(t, handshake.Knows(test.question, test.tokens), name)
		answer, err := handshake.Reply(test.question, &preset.Scheme, test.secret)
		require.NoError(t, err, name)
		require.Equal(t, test.want, answer, name)
	}
}

func TestWhatIsNoHandshake(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		preset   string
		question *signature.Question
	}{
		"another mode":   {"meta", question("GET", "hub.mode=unsubscribe&hub.challenge=1", nil, nil)},
		"no challenge":   {"meta", question("GET", "hub.mode=subscribe", nil, nil)},
		"another method": {"meta", question("HEAD", "hub.mode=subscribe&hub.challenge=1", nil, nil)},
		"an event": {"slack", question("POST", "", nil,
			map[string]any{"type": "event_callback", "challenge": "x"})},
		"no text": {"slack", question("POST", "", nil,
			map[string]any{"type": "url_verification", "challenge": true})},
		"no body":        {"slack", question("POST", "", nil, nil)},
		"an interaction": {"discord", question("POST", "", nil, map[string]any{"type": 2})},
		"a notification": {"twitch", question("POST", "", twitchType("notification"),
			map[string]any{"challenge": "x"})},
		"events":              {"line", question("POST", "", nil, map[string]any{"events": []any{1}})},
		"no events":           {"line", question("POST", "", nil, map[string]any{})},
		"an empty webhook ID": {"woocommerce", question("POST", "", nil, map[string]any{"webhook_id": ""})},
	} {
		handshake := find(t, test.preset).Handshakes[0]
		require.False(t, handshake.Is(test.question), name)
	}
}

func TestVerifyTokensOfHandshakes(t *testing.T) {
	t.Parallel()
	handshake := find(t, "meta").Handshakes[0]
	for _, test := range []struct {
		given string
		known []string
		right bool
	}{
		{"meaty", []string{"meaty"}, true}, {"other", []string{"meaty"}, false}, {"", []string{""}, false},
		{"", []string{"meaty"}, false}, {"meaty", []string{""}, false}, {"meaty", nil, false},
	} {
		q := question("GET", "hub.mode=subscribe&hub.challenge=1&hub.verify_token="+test.given, nil, nil)
		require.Equal(t, test.right, handshake.Knows(q, test.known), test)
	}
}

// TestNoDeliveryIsSignedByAHandshake: a stranger cannot have the signature of a delivery made as an answer.
func TestNoDeliveryIsSignedByAHandshake(t *testing.T) {
	t.Parallel()
	x, zoom := find(t, "x"), find(t, "zoom")
	for _, challenge := range []string{`{"forged":true}`, "[]", `"a"`, "a:b", "a b", strings.Repeat("a", 201), "a\n"} {
		q := question("GET", "crc_token="+url.QueryEscape(challenge), nil, nil)
		_, err := x.Handshakes[0].Reply(q, &x.Scheme, "s")
		require.Equal(t, signature.ErrChallenge, err, challenge)
		q = question("POST", "", nil, map[string]any{"event": "endpoint.url_validation",
			"payload": map[string]any{"plainToken": challenge}})
		_, err = zoom.Handshakes[0].Reply(q, &zoom.Scheme, "s")
		require.Equal(t, signature.ErrChallenge, err, challenge)
	}
	dropbox := find(t, "dropbox")
	_, err := dropbox.Handshakes[0].Reply(question("GET", "challenge="+strings.Repeat("a", 5000), nil, nil),
		&dropbox.Scheme, "")
	require.Equal(t, signature.ErrChallenge, err)
}

// FuzzHandshake sends any request to every preset: it must not panic, and must never return the HMAC of a JSON
// document.
func FuzzHandshake(f *testing.F) {
	f.Add("GET", "hub.mode=subscribe&hub.challenge=1", "x", "y")
	f.Add("POST", "", "endpoint.url_validation", "{}")
	f.Fuzz(func(t *testing.T, method, query, kind, challenge string) {
		body := map[string]any{"type": kind, "event": kind, "challenge": challenge, "events": []any{},
			"payload": map[string]any{"plainToken": challenge}, "webhook_id": kind}
		q := question(method, query, twitchType("webhook_callback_verification"), body)
		for _, preset := range signature.Presets() {
			for _, handshake := range preset.Handshakes {
				if !handshake.Is(q) {
					continue
				}
				_ = handshake.Knows(q, []string{kind})
				_, err := handshake.Reply(q, &preset.Scheme, "s")
				if err == nil && handshake.NeedsSecret() && method == http.MethodPost {
					require.NotContains(t, challenge, "{")
				}
			}
		}
	})
}
