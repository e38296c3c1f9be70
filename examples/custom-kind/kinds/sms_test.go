package kinds

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities/effect/effecttest"
	"github.com/everhook/everhook/nodes/expression"
	"github.com/everhook/everhook/nodes/kind"
	"github.com/everhook/everhook/nodes/kindtest"
)

func sealed(secret string) everhook.Sealed {
	return everhook.Sealed{Places: []everhook.Place{{Segments: []everhook.Segment{{Secret: secret}}}}}
}

func plain(text string) everhook.Sealed { return everhook.Sealed{Value: everhook.Value{V: text}} }

// attempt runs the effect against a gateway.
func attempt(t *testing.T, gateway http.HandlerFunc, secret string) (SMSResult, *effecttest.Failure) {
	t.Helper()
	server := httptest.NewServer(gateway)
	defer server.Close()
	return effecttest.Run[SMSResult](t, sms, SMSInput{
		Gateway: plain(server.URL + "/messages"), Token: sealed(secret), To: "+4930123456", Text: plain("hello"),
		IdempotencyKey: "k1",
	}, effecttest.Secrets{"SMS_TOKEN": "s3cret-token"})
}

func answering(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func TestAMessageIsSentWithTheTokenAndOneKey(t *testing.T) {
	t.Parallel()
	var got *http.Request
	var body string
	result, failed := attempt(t, func(w http.ResponseWriter, r *http.Request) {
		data, _ := io.ReadAll(r.Body)
		got, body = r.Clone(context.Background()), string(data)
		answering(201, `{"id":"msg_1"}`)(w, r)
	}, "SMS_TOKEN")
	require.Nil(t, failed)
	require.Equal(t, "msg_1", result.ID)
	require.Equal(t, "Bearer s3cret-token", got.Header.Get("Authorization"))
	require.Equal(t, "k1", got.Header.Get("Idempotency-Key"))
	require.JSONEq(t, `{"to":"+4930123456","text":"hello"}`, body)
}

func TestWhatFailsIsTriedAgainOnlyIfThatHelps(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		gateway http.HandlerFunc
		secret  string
		status  everhook.Status
		typ     string
		again   bool
		message string
	}{
		"the gateway is overloaded": {answering(503, ""), "SMS_TOKEN", everhook.Errored, everhook.TypeStatus, true,
			"503"},
		"the number is refused": {answering(422, "no such number"), "SMS_TOKEN", everhook.Failed, TypeSMSRefused,
			false, "no such number"},
		"the token is refused": {answering(401, ""), "SMS_TOKEN", everhook.Errored, everhook.TypeStatus, false,
			"401"},
		"the answer is no message": {answering(200, "{}"), "SMS_TOKEN", everhook.Errored, everhook.TypeStatus, false,
			"without the ID"},
		"the secret is not set": {answering(200, "{}"), "OTHER", everhook.Errored, everhook.TypeSecret, false,
			"OTHER is not set"},
		"the gateway hangs up": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
			"SMS_TOKEN", everhook.Errored, everhook.TypeInternal, true, "EOF"},
		"the gateway tells a secret": {answering(422, "bad s3cret-token"), "SMS_TOKEN", everhook.Failed, TypeSMSRefused,
			false, "bad [secret SMS_TOKEN]"},
	} {
		_, failed := attempt(t, test.gateway, test.secret)
		require.NotNil(t, failed, name)
		require.Equal(t, test.status, failed.Status, name)
		require.Equal(t, test.typ, failed.Type, name)
		require.Contains(t, failed.Message, test.message, name)
		require.NotContains(t, failed.Message, "s3cret-token", name)
		require.Equal(t, test.again, failed.Again, name)
	}
}

func TestAnIDThatIsASecretIsNotKept(t *testing.T) {
	t.Parallel()
	result, failed := attempt(t, answering(200, `{"id":"s3cret-token"}`), "SMS_TOKEN")
	require.Nil(t, failed)
	require.Equal(t, "[secret SMS_TOKEN]", result.ID)
}

// step is the Run of a test: it records the input of the effect.
type step struct {
	kind.WaitingRun
	id, origin everhook.RunID
	text       string
	sent       SMSInput
}

func (s *step) ID() everhook.RunID     { return s.id }
func (s *step) Origin() everhook.RunID { return s.origin }
func (s *step) Iteration() string      { return "" }
func (s *step) Node() *everhook.Node   { return &everhook.Node{Key: "tell"} }
func (s *step) Scope() *expression.Scope {
	return &expression.Scope{Values: map[string]any{"trigger": map[string]any{"body": s.text}}}
}

func (s *step) Activity(_ workflow.Context, _ string, input, _ any) error {
	s.sent = input.(SMSInput)
	return nil
}

func TestARetryOfTheRunSendsTheSameMessageOnce(t *testing.T) {
	t.Parallel()
	sms := kindtest.Kind(t, Registry(), kindtest.Flow(t, everhook.Async, `{"type":"webhook"}`,
		`{"key":"tell","type":"sms",
		"config":{"gateway":"https://a.example","token":"{{ secret.T }}","to":"+4930123456","text":"{{ trigger.body }}"}}`), "tell")
	key := func(id, origin everhook.RunID, text string) string {
		s := &step{id: id, origin: origin, text: text}
		_, err := sms.(kind.Waiting).Execute(nil, s)
		require.NoError(t, err)
		return s.sent.IdempotencyKey
	}
	first := key("first", "first", "hello")
	require.Equal(t, first, key("retry", "first", "hello"))
	require.NotEqual(t, first, key("other", "other", "hello"))
	require.NotEqual(t, first, key("retry", "first", "hello again"), "the gateway would take it for the message that "+
		"it has sent")
}
