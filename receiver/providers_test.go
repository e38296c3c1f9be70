package receiver_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/signature"
	published "github.com/everhook/everhook/internal/signature/vectors"
	"github.com/everhook/everhook/receiver"
)

const jsonType = "Content-Type: application/json\n"

const publicURL = "https://hooks.example.org"

// provider returns the flow of a preset as the catalog makes it.
func provider(preset signature.Preset, secret string, topics []string) flows {
	route := &receiver.Route{Flow: preset.Name, Enabled: true, Mode: everhook.Async, MaxBody: 1 << 20,
		Signature: &receiver.Signature{Preset: preset, Topics: topics}}
	if preset.TakesSecrets() {
		if preset.CheckSecret("another") == nil {
			route.Signature.Secrets = []receiver.Credential{given("another")}
		}
		route.Signature.Secrets = append(route.Signature.Secrets, given(secret))
	}
	for _, format := range preset.Accept {
		route.Accept = append(route.Accept, receiver.Format(format))
	}
	for _, handshake := range preset.Handshakes {
		answered := receiver.Handshake{Handshake: handshake}
		for range handshake.Tokens() {
			answered.Tokens = append(answered.Tokens, given(password))
		}
		route.Handshakes = append(route.Handshakes, answered)
	}
	return flows{signedToken: route}
}

// request is a vector as a provider sends it. Slack's and some others' bodies are no JSON: they are sent as text.
func request(v published.Vector, header map[string]string, body string) string {
	_, target, _ := strings.Cut(strings.TrimPrefix(v.URL, "https://"), "/")
	if target = "/" + target; v.URL == "" {
		target = "/api/webhook:trigger/" + signedToken
	}
	head := []string{"POST " + target + " HTTP/1.1", "Host: x", fmt.Sprintf("Content-Length: %d", len(body)),
		"Content-Type: " + cmp.Or(v.Type, "application/json")}
	for _, name := range everhook.SortedKeys(header) {
		head = append(head, name+": "+header[name])
	}
	return lines(head...) + body
}

// servable reports whether the vector's URL is one of the receiver's.
func servable(v published.Vector) bool {
	return v.URL == "" || strings.HasPrefix(v.URL, publicURL+"/api/webhook:trigger/"+signedToken)
}

// TestProvidersAreServed sends every vector, and wrong ones, through a receiver.
func TestProvidersAreServed(t *testing.T) {
	t.Parallel()
	tested := map[string]bool{}
	for _, v := range published.All {
		if !servable(v) {
			continue
		}
		tested[v.Preset] = true
		t.Run(strings.TrimSpace(v.Preset+" "+v.Name), func(t *testing.T) {
			t.Parallel()
			preset, _ := signature.Find(v.Preset)
			all := provider(preset, v.Secret, v.Topics)
			if v.Type == "" && (!strings.ContainsAny(v.Body[:1], "{[") || v.Body[1] == '\'') {
				all[signedToken].Accept = []receiver.Format{receiver.FormatText}
				v.Type = "text/plain"
			}
			engine := &starter{}
			fetch := func(context.Context, string) ([]byte, error) { return []byte(v.Secret), nil }
			s := serve(t, receiver.Options{PublicURL: publicURL, Clock: func() time.Time { return v.At }, Fetch: fetch},
				all,
				engine)
			right := request(v, v.Header, v.Body)
			wrongs := wrongRequests(v)
			got := exchange(t, s, right+strings.Join(wrongs, "")+last)
			require.Len(t, got, len(wrongs)+2)
			require.True(t, strings.HasPrefix(got[0], "200\n"), "%s\n%s", got[0], s.log.String())
			for i := range wrongs {
				require.Equal(t, badSignature, got[i+1], wrongs[i])
			}
			want := 1
			if v.Name == "confirmation" {
				want = 0
			}
			require.Len(t, engine.got(), want)
			require.NotContains(t, s.log.String(), "level=ERROR")
		})
	}
	for _, preset := range signature.Presets() {
		if preset.Name != signature.Generic && !preset.Unsigned {
			require.True(t, tested[preset.Name], preset.Name)
		}
	}
}

// wrongRequests returns a vector with a changed signature, without one, and with another body if that is signed.
func wrongRequests(v published.Vector) []string {
	preset, _ := signature.Find(v.Preset)
	var wrongs []string
	if preset.Signature.Header != "" {
		without := map[string]string{}
		for other, value := range v.Header {
			if !slices.Contains(preset.SecretHeaders(), other) {
				without[other] = value
			}
		}
		wrongs = append(wrongs, request(v, without, v.Body))
		changed := map[string]string{}
		for other, value := range v.Header {
			if _, kept := without[other]; !kept {
				value = changedText(value)
			}
			changed[other] = value
		}
		wrongs = append(wrongs, request(v, changed, v.Body))
	} else {
		wrongs = append(wrongs, request(v, v.Header, strings.Replace(v.Body, "ignature\":\"", "ignature\":\"AAAA", 1)))
	}
	if strings.Contains(preset.Signed.String(), "{body}") {
		wrongs = append(wrongs, request(v, v.Header, v.Body+" "))
	}
	return wrongs
}

// changedText returns a text that is changed near its end.
func changedText(text string) string {
	at, other := len(text)-8, "A"
	if text[at] == 'A' {
		other = "B"
	}
	return text[:at] + other + text[at+1:]
}

// TestEveryPresetTakesWhatItsSenderSends signs a delivery of its own for every preset, and sends it.
func TestEveryPresetTakesWhatItsSenderSends(t *testing.T) {
	t.Parallel()
	for _, preset := range signature.Presets() {
		if preset.Name == signature.Generic || preset.Certificate != nil || preset.TakesPublicKeys() {
			continue
		}
		t.Run(preset.Name, func(t *testing.T) {
			t.Parallel()
			secret := "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
			if preset.Keys == signature.HexKeys {
				secret = "00ff"
			}
			for query, padding := range map[string]string{"?a=b": "", "?a": strings.Repeat(" ", largeBody)} {
				body := `{"id":1,"webhookTimestamp":` + fmt.Sprint(time.Now().UnixMilli()) +
					`,"notificationItems":[{"NotificationRequestItem":{}}]` + padding + `}`
				target := "/api/webhook:trigger/" + signedToken + query
				signed, err := preset.Sign(signature.Delivery{ID: "msg_1", SentAt: time.Now(), Body: []byte(body),
					Method: http.MethodPost, Base: publicURL, Target: target}, secret)
				require.NoError(t, err)
				engine := &starter{}
				s := serve(t, receiver.Options{PublicURL: publicURL}, provider(preset, secret, nil), engine)
				v := published.Vector{URL: publicURL + signed.Target(target)}
				got := exchange(t, s, request(v, signed.Headers, string(signed.Body))+last)
				require.True(t, strings.HasPrefix(got[0], "200\n"), "%s\n%s", got[0], s.log.String())
				require.Len(t, engine.got(), 1)
			}
		})
	}
}

// TestQuestionsOfProviders sends the handshakes of providers.
func TestQuestionsOfProviders(t *testing.T) {
	t.Parallel()
	get := func(method, query string) func(*testing.T, signature.Preset) string {
		return func(*testing.T, signature.Preset) string {
			return lines(method+" /api/webhook:trigger/"+signedToken+query+" HTTP/1.1", "Host: x")
		}
	}
	delivered := func(body string, more ...string) func(*testing.T, signature.Preset) string {
		return func(t *testing.T, preset signature.Preset) string {
			signed, err := preset.Sign(signature.Delivery{ID: "m", SentAt: time.Now(), Body: []byte(body)}, password)
			require.NoError(t, err)
			for i := 0; i+1 < len(more); i += 2 {
				signed.Headers[more[i]] = more[i+1]
			}
			return request(published.Vector{}, signed.Headers, body)
		}
	}
	const nosniff = "X-Content-Type-Options: nosniff\n"
	const token = "&hub.verify_token=" + password
	for name, test := range map[string]struct {
		preset  string
		request func(*testing.T, signature.Preset) string
		want    string
	}{
		"strava": {"strava", get("GET", "?hub.mode=subscribe&hub.challenge=15f7"+token),
			"200\n" + jsonType + nosniff + `{"hub.challenge":"15f7"}`},
		"strava, wrong token": {"strava", get("GET", "?hub.mode=subscribe&hub.challenge=15f7&hub.verify_token=x"),
			"401"},
		"dropbox":              {"dropbox", get("GET", "?challenge=abc"), "200\n" + textType + nosniff + "abc"},
		"dropbox, no question": {"dropbox", get("GET", ""), "405"},
		"nylas":                {"nylas", get("GET", "?challenge=abc"), "200\n" + textType + nosniff + "abc"},
		"trello":               {"trello", get("HEAD", ""), "200\n" + nosniff},
		"trello, GET":          {"trello", get("GET", ""), "405"},
		"intercom":             {"intercom", get("HEAD", ""), "200\n" + nosniff},
		"x": {"x", get("GET", "?crc_token=abc"),
			"200\n" + jsonType + nosniff + `{"response_token":"sha256=`},
		"x, a body to sign": {"x", get("GET", "?crc_token=%7B%22a%22%3A1%7D"), "400"},
		"slack": {"slack", delivered(`{"type":"url_verification","challenge":"3eZ"}`),
			"200\n" + textType + nosniff + "3eZ"},
		"zoom": {"zoom", delivered(`{"event":"endpoint.url_validation","payload":{"plainToken":"q"}}`),
			"200\n" + jsonType + nosniff + `{"encryptedToken":"`},
		"twitch": {"twitch", delivered(`{"challenge":"pog"}`, "Twitch-Eventsub-Message-Type",
			"webhook_callback_verification"), "200\n" + textType + nosniff + "pog"},
		"xero": {"xero", delivered(`{"events":[],"firstEventSequence":0}`), "200\n" + nosniff},
		"line": {"line", delivered(`{"events":[]}`), "200\n" + nosniff},
		"woocommerce, not signed": {"woocommerce", func(*testing.T, signature.Preset) string {
			return request(published.Vector{Type: "application/x-www-form-urlencoded"}, nil, "webhook_id=17")
		}, "200\n" + nosniff},
		"woocommerce, a form that is no question": {"woocommerce", func(*testing.T, signature.Preset) string {
			return request(published.Vector{Type: "application/x-www-form-urlencoded"}, nil, "order=17")
		}, "401"},
		"zoom, not signed": {"zoom", func(*testing.T, signature.Preset) string {
			return request(published.Vector{}, nil, `{"event":"endpoint.url_validation","payload":{"plainToken":"q"}}`)
		}, "401"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			preset, _ := signature.Find(test.preset)
			engine := &starter{}
			all := provider(preset, password, nil)
			if len(all[signedToken].Signature.Secrets) > 0 {
				all[signedToken].Signature.Secrets = []receiver.Credential{given(password)}
			}
			s := serve(t, receiver.Options{PublicURL: publicURL}, all, engine)
			got := exchange(t, s, test.request(t, preset)+last)
			require.True(t, strings.HasPrefix(got[0], test.want), "%s\n%s", got[0], s.log.String())
			require.Empty(t, engine.got())
			require.NotContains(t, s.log.String(), password)
		})
	}
}

func TestDiscordAsksWithItsKey(t *testing.T) {
	t.Parallel()
	// The vector of discord-events is an event; that of discord with the type 1 is signed by the same key in Go.
	i := slices.IndexFunc(published.All, func(v published.Vector) bool { return v.Preset == "discord" })
	v := published.All[i]
	preset, _ := signature.Find("discord")
	const seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
	const body = `{"type":1,"id":"1"}`
	signed, err := preset.Sign(signature.Delivery{SentAt: v.At, Body: []byte(body)}, seed+v.Secret)
	require.NoError(t, err)
	engine := &starter{}
	s := serve(t, receiver.Options{Clock: func() time.Time { return v.At }}, provider(preset, v.Secret, nil), engine)
	got := exchange(t, s, request(v, signed.Headers, body)+last)
	require.Equal(t, "200\n"+jsonType+"X-Content-Type-Options: nosniff\n"+`{"type":1}`, got[0], s.log.String())
	require.Empty(t, engine.got())
}

// snsVector is that of a notification, or of a confirmation.
func snsVector(t *testing.T, name string) published.Vector {
	t.Helper()
	i := slices.IndexFunc(published.All, func(v published.Vector) bool {
		return v.Preset == "aws-sns" &&
			v.Name == name
	})
	require.GreaterOrEqual(t, i, 0)
	return published.All[i]
}

func TestAmazonIsAskedOnlyForTopicsOfTheFlow(t *testing.T) {
	t.Parallel()
	notification, confirmation := snsVector(t, ""), snsVector(t, "confirmation")
	preset, _ := signature.Find("aws-sns")
	var asked atomic.Int64
	var failing atomic.Bool
	fetch := func(_ context.Context, url string) ([]byte, error) {
		asked.Add(1)
		if failing.Load() {
			return nil, errors.New("it is away")
		}
		return []byte(notification.Secret), nil
	}
	engine := &starter{}
	topics := slices.Clone(notification.Topics)
	s := serve(t, receiver.Options{Clock: func() time.Time { return notification.At }, Fetch: fetch},
		provider(preset, "", topics), engine)
	send := func(body string) string {
		return exchange(t, s, request(published.Vector{Type: "text/plain; charset=UTF-8"}, nil, body)+last)[0]
	}
	certificateOf := func(url string) string {
		return strings.Replace(notification.Body, "https://sns.us-west-2.amazonaws.com/Simple", url, 1)
	}
	for name, body := range map[string]string{
		"another topic": strings.Replace(notification.Body, "dongie-standard-topic\",\"Subject", "other\",\"Subject",
			1),
		"another host":   certificateOf("https://sns.us-west-2.amazonaws.com.evil.example/Simple"),
		"without TLS":    certificateOf("http://sns.us-west-2.amazonaws.com/Simple"),
		"another port":   certificateOf("https://sns.us-west-2.amazonaws.com:444/Simple"),
		"a user":         certificateOf("https://a@sns.us-west-2.amazonaws.com/Simple"),
		"no certificate": strings.Replace(notification.Body, ".pem", ".txt", 1),
		"no JSON":        "{",
	} {
		require.NotEqual(t, notification.Body, body, name)
		require.Equal(t, badSignature, send(body), name)
	}
	require.Zero(t, asked.Load(), "nothing is fetched for them")
	require.Empty(t, engine.got())

	failing.Store(true)
	require.True(t, strings.HasPrefix(send(notification.Body), "503\n"))
	failing.Store(false)
	require.True(t, strings.HasPrefix(send(notification.Body), "200\n"))
	require.True(t, strings.HasPrefix(send(notification.Body), "200\n"))
	require.EqualValues(t, 2, asked.Load(), "a certificate is fetched once")
	require.Len(t, engine.got(), 2)
	require.Equal(t, badSignature, send(strings.Replace(notification.Body, "Hello!", "Hallo!", 1)))

	require.True(t, strings.HasPrefix(send(confirmation.Body), "200\n"))
	require.EqualValues(t, 3, asked.Load(), "the confirmation is called")
	require.Equal(t, badSignature, send(strings.Replace(confirmation.Body, "SubscribeURL\":\"https://sns.us-west-2",
		"SubscribeURL\":\"https://sns.us-east-1", 1)))
	require.EqualValues(t, 3, asked.Load(), "but not one that is not signed")
	require.Len(t, engine.got(), 2)
	for range 20 {
		send(confirmation.Body)
	}
	require.EqualValues(t, 10, asked.Load(), "ten a minute")
	require.Contains(t, s.log.String(), "ten a minute are allowed")
	require.True(t, strings.HasPrefix(send(confirmation.Body), "503\n"), "it is asked to send it again")
}

func TestACertificateIsFetchedAgainAfterADay(t *testing.T) {
	t.Parallel()
	v := snsVector(t, "")
	preset, _ := signature.Find("aws-sns")
	var asked, later atomic.Int64
	fetch := func(context.Context, string) ([]byte, error) {
		asked.Add(1)
		return []byte(v.Secret), nil
	}
	// The message is of the same moment for its check: its age counts from the time of receipt.
	s := serve(t, receiver.Options{Clock: func() time.Time { return v.At.Add(time.Duration(later.Load())) },
		Fetch: fetch}, provider(preset, "", v.Topics), &starter{})
	for _, test := range []struct {
		later time.Duration
		asked int64
	}{{0, 1}, {24*time.Hour - 1, 1}, {24 * time.Hour, 2}, {25 * time.Hour, 2}} {
		later.Store(int64(test.later))
		exchange(t, s, request(published.Vector{Type: "text/plain"}, nil, v.Body)+last)
		require.Equal(t, test.asked, asked.Load(), test.later)
	}
}

func TestACertificateOfAnotherNameIsNotUsed(t *testing.T) {
	t.Parallel()
	v := snsVector(t, "")
	preset, _ := signature.Find("aws-sns")
	for name, test := range map[string]struct {
		data string
		at   time.Time
	}{
		"not valid any more": {v.Secret, v.At.AddDate(5, 0, 0)},
		"not yet valid":      {v.Secret, v.At.AddDate(-5, 0, 0)},
		"no certificate":     {"<html>", v.At},
	} {
		fetch := func(context.Context, string) ([]byte, error) { return []byte(test.data), nil }
		s := serve(t, receiver.Options{Clock: func() time.Time { return test.at }, Fetch: fetch},
			provider(preset, "", v.Topics), &starter{})
		got := exchange(t, s, request(published.Vector{Type: "text/plain"}, nil, v.Body)+last)[0]
		require.True(t, strings.HasPrefix(got, "503\n"), name)
	}
	other := *preset.Certificate
	other.Name = "other.example"
	require.Error(t, other.Check([]byte(v.Secret), v.At))
	require.NoError(t, preset.Certificate.Check([]byte(v.Secret), v.At))
}

func TestAHandshakeOfTheFlowsOwn(t *testing.T) {
	t.Parallel()
	all := someFlows()
	all[asyncToken].Handshakes = []receiver.Handshake{
		{Handshake: signature.Handshake{Method: "GET", Challenge: signature.Place{Header: "X-Verify"},
			Answer: map[string]any{"verification": "{challenge}"}}},
		{Handshake: signature.Handshake{Method: "POST", When: []signature.Condition{{
			Place: signature.Place{Body: everhook.Path{{Name: "ping"}}}, Is: "yes"}}}},
	}
	engine := &starter{}
	s := serve(t, receiver.Options{}, all, engine)
	got := exchange(t, s, lines("GET /api/webhook:trigger/"+asyncToken+" HTTP/1.1", "Host: x", "X-Verify: abc")+
		post(asyncToken, `{"ping":"yes"}`)+post(asyncToken, `{"ping":"no"}`)+last)
	require.Equal(t, "200\n"+jsonType+"X-Content-Type-Options: nosniff\n"+`{"verification":"abc"}`, got[0])
	require.Equal(t, "200\nX-Content-Type-Options: nosniff\n", got[1])
	require.True(t, strings.HasPrefix(got[2], "200\n"+textType), got[2])
	require.Len(t, engine.got(), 1)
}

// TestOnlySmallUnsignedQuestionsAreRead checks the bound of what is parsed for strangers.
func TestOnlySmallUnsignedQuestionsAreRead(t *testing.T) {
	t.Parallel()
	all := guardedFlows()
	all[signedToken].Handshakes = []receiver.Handshake{{Handshake: signature.Handshake{Method: "POST", Unsigned: true,
		When: []signature.Condition{{Place: signature.Place{Body: everhook.Path{{Name: "ping"}}}, Is: "yes"}}}}}
	s := serve(t, receiver.Options{}, all, &starter{})
	const question = `{"ping":"yes"}`
	sized := func(size int) string { return question + strings.Repeat(" ", size-len(question)) }
	got := exchange(t, s, post(signedToken, sized(4<<10))+post(signedToken, sized(4<<10+1))+last)
	require.Equal(t, []string{"200\nX-Content-Type-Options: nosniff\n", badSignature}, got[:2])
}

// TestATokenInTheURLIsNotKept checks that no run sees the token.
func TestATokenInTheURLIsNotKept(t *testing.T) {
	t.Parallel()
	all := someFlows()
	all[asyncToken].Signature = &receiver.Signature{Secrets: []receiver.Credential{given(password)},
		Preset: signature.Preset{Scheme: signature.Scheme{Signature: signature.Place{Query: "key"},
			Methods: []signature.Method{{Algorithm: signature.Token, Encoding: signature.Raw}}}}}
	engine := &starter{}
	s := serve(t, receiver.Options{}, all, engine)
	with := func(query string) string { return strings.Replace(post(asyncToken, "{}"), " HTTP", query+" HTTP", 1) }
	got := exchange(t, s, with("?a=1&key="+password)+with("?a=1&key=x")+with("?a=1")+last)
	require.True(t, strings.HasPrefix(got[0], "200\n"), got[0])
	require.Equal(t, []string{badSignature, badSignature}, got[1:3])
	require.Len(t, engine.got(), 1)
	require.Equal(t, map[string]any{"a": "1"}, engine.got()[0].Trigger["query"])
	require.NotContains(t, s.log.String(), password)
}
