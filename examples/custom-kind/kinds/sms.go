package kinds

import (
	"bytes"
	"context"
	_ "embed" // for the comments of the config
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
	"github.com/everhook/everhook/activities/effect"
	"github.com/everhook/everhook/nodes/expression"
	"github.com/everhook/everhook/nodes/kind"
)

// SMS sends a text message through Acme's gateway.
type SMS struct {
	// Gateway is the URL to which messages are posted. Only env and secret may supply its scheme or host.
	Gateway expression.URL `json:"gateway" required:"true"`
	// Token is the gateway's token, as `{{ secret.NAME }}`.
	Token expression.Template[string] `json:"token" required:"true"`
	// To is the telephone number, for example +4930123456.
	To expression.Template[string] `json:"to" required:"true"`
	// Text is the message, at most 1,000 bytes.
	Text expression.Template[string] `json:"text" required:"true"`
}

var _ kind.Kind = (*SMS)(nil)

// Spec describes the kind.
func (*SMS) Spec() kind.Spec {
	return kind.Spec{
		Kind: "sms", Group: kind.Effects,
		Summary: "Sends a text message through Acme's gateway.",
		Result:  "The gateway's ID of the message.", Type: expression.Text,
		Failures: "Failed, with type `sms-refused`, when the gateway does not take the number or the text. " +
			"Error when it does not answer after all attempts, refuses the token, or a template cannot be evaluated.",
		Effect: &kind.EffectSpec{Timeout: 10 * time.Second, MaxAttempts: 5},
		Example: `key: tell
type: sms
config:
  gateway: 'https://sms.acme.example/messages'
  token: '{{ secret.SMS_TOKEN }}'
  to: '{{ trigger.body.phone }}'
  text: 'Your parcel {{ trigger.body.parcel }} is on its way.'
`,
	}
}

const maxText = 1000

var phone = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)

// Validate checks everything that does not depend on a run.
func (s *SMS) Validate(v *kind.Validation) {
	if to, ok := s.To.Literal(); ok && !phone.MatchString(to) {
		v.Error("/config/to", fmt.Sprintf("%q is no telephone number", everhook.Shorten(to, 40)),
			"write it with its country, for example +4930123456")
	}
	if text, ok := s.Text.Literal(); ok && len(text) > maxText {
		v.Error("/config/text", fmt.Sprintf("the message has %d bytes", len(text)), "write at most 1000")
	}
	if len(s.Token.References().Secrets) == 0 {
		v.Warn("/config/token", "a credential without a secret",
			"write `{{ secret.NAME }}` and set EVERHOOK_SECRET_NAME")
	}
	if retry := v.Node.Retry; retry != nil && len(retry.On)+len(retry.Never) > 0 {
		v.Error("/retry", "what sms tries again is fixed", "remove it")
	}
}

// Execute makes the message; the effect sends it. Secrets are inserted only there.
func (s *SMS) Execute(ctx workflow.Context, run kind.WaitingRun) (kind.Result, error) {
	var input SMSInput
	var err error
	scope := run.Scope()
	if input.Gateway, err = s.Gateway.EvalSealed(scope); err != nil {
		return kind.Result{}, err
	}
	if input.Token, err = s.Token.EvalSealed(scope); err != nil {
		return kind.Result{}, err
	}
	if input.To, err = s.To.Eval(scope); err != nil {
		return kind.Result{}, err
	}
	if input.Text, err = s.Text.EvalSealed(scope); err != nil {
		return kind.Result{}, err
	}
	if !phone.MatchString(input.To) {
		return kind.Result{}, everhook.Errorf(everhook.TypeConfig, "to is %q, which is no telephone number",
			everhook.Shorten(input.To, 40))
	}
	if input.IdempotencyKey, err = activities.IdempotencyKey(run, input); err != nil {
		return kind.Result{}, err
	}
	var sent SMSResult
	if err := run.Activity(ctx, sendSMS, input, &sent); err != nil {
		return kind.Result{}, err
	}
	return kind.Result{Value: sent.ID}, nil
}

// sendSMS is the effect's name. It is stored in histories, so it is never edited.
const sendSMS = "acme.send-sms"

// SMSInput is one message. It is stored in histories, so fields are added, never renamed.
type SMSInput struct {
	Gateway everhook.Sealed `json:"gateway"`
	Token   everhook.Sealed `json:"token"`
	To      string          `json:"to"`
	Text    everhook.Sealed `json:"text"`
	// IdempotencyKey is the same for every attempt and every retry of the run, so that the gateway sends one message.
	IdempotencyKey string `json:"idempotencyKey"`
}

// SMSResult is the answer of the gateway. It is stored in histories, as SMSInput is.
type SMSResult struct {
	ID string `json:"id"`
}

// TypeSMSRefused is the type of the node's error if the gateway refuses the message.
const TypeSMSRefused = "sms-refused"

// smsSender is the effect. It is made once in each worker, and used by many runs concurrently.
type smsSender struct{ activities.Dependencies }

// sms is the effect, for the registry and for tests.
var sms = effect.New(effect.Spec[SMSInput, SMSResult]{Name: sendSMS, Build: newSMSSender})

func newSMSSender(d activities.Dependencies) effect.Function[SMSInput, SMSResult] {
	return (&smsSender{d}).send
}

// send makes one attempt. It may use the clock, the network and secrets. The frame around it limits its time, reports
// to Temporal while it works, and redacts its result.
func (s *smsSender) send(ctx context.Context, input SMSInput) (SMSResult, error) {
	gateway, err := s.Dependencies.Text(input.Gateway)
	if err != nil {
		return SMSResult{}, err
	}
	token, err := s.Dependencies.Text(input.Token)
	if err != nil {
		return SMSResult{}, err
	}
	text, err := s.Dependencies.Text(input.Text)
	if err != nil {
		return SMSResult{}, err
	}
	body, err := json.Marshal(map[string]string{"to": input.To, "text": text})
	if err != nil {
		return SMSResult{}, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, gateway, bytes.NewReader(body))
	if err != nil {
		return SMSResult{}, everhook.Errorf(everhook.TypeConfig, "gateway: %v", err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Idempotency-Key", input.IdempotencyKey)
	response, err := s.HTTP.Do(request)
	if err != nil {
		return SMSResult{}, err // the frame handles refused addresses and timeouts; all other errors are retried
	}
	defer func() { _ = response.Body.Close() }()
	return answer(response)
}

// answer reads the gateway's answer. It decides which failures are retried.
func answer(response *http.Response) (SMSResult, error) {
	body, err := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	if err != nil {
		return SMSResult{}, err
	}
	switch status := response.StatusCode; {
	case status == http.StatusTooManyRequests || status >= 500:
		return SMSResult{}, activities.Fail(everhook.Errorf(everhook.TypeStatus, "the gateway answered %s",
			response.Status), true, 0)
	case status == http.StatusUnprocessableEntity:
		return SMSResult{}, everhook.Failuref(TypeSMSRefused, "the gateway refused the message: %s",
			everhook.Shorten(string(body), 200))
	case status < 200 || status > 299:
		return SMSResult{}, everhook.Errorf(everhook.TypeStatus, "the gateway answered %s", response.Status)
	}
	var sent SMSResult
	if err := json.Unmarshal(body, &sent); err != nil || sent.ID == "" {
		return SMSResult{}, everhook.Errorf(everhook.TypeStatus, "the gateway answered %s without the ID of a message",
			response.Status)
	}
	return sent, nil
}
