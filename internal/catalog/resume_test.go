package catalog

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/nodes/trigger"
	"github.com/everhook/everhook/receiver"
)

const waitingRun = everhook.RunID("abcdefghijklmnopqrstuvwxyz")

func waitingFlow(more string) string {
	return fmt.Sprintf(`
key: waiting
mode: async
trigger: { type: webhook, response: { body: '{{ resumeUrl("done") }}' } }
nodes:
  - { key: done, type: wait-for-call, config: { maxBody: 2KiB, request: { body: [n] }, response: { status: 201, body: { n: '{{ call.body.n }}', region: '{{ env.REGION }}', next: '{{ resumeUrl("each_one") }}' } } } }
  - key: each
    type: loop
    config: { over: 2 }
    branches: { do: [ { key: one, type: wait-for-call, config: { response: { body: '{{ resumeUrl("one") }}' }%s } } ] }
  - { key: each_one, type: wait-for-call }
`, more)
}

func TestTheRouteOfAWaitIsThatOfItsVersion(t *testing.T) {
	t.Parallel()
	f := fresh(t)
	f.options.PublicURL = func() string { return "https://hooks.example" }
	f.env["REGION"] = "eu"
	first := f.apply(t, waitingFlow(""))
	second := f.apply(t, "key: waiting\nmode: async\ntrigger: { type: webhook }\n")
	require.NoError(t, f.Disable(t.Context(), "waiting"))
	stored, err := f.options.Store.Flow(t.Context(), "waiting")
	require.NoError(t, err)
	token := everhook.ResumeToken(stored.Secret)
	require.NotEqual(t, stored.Token, token)
	_, ok := f.Resumable(stored.Token)
	require.False(t, ok, "who is to call back learns nothing about the trigger, and the other way round")

	flow, ok := f.Resumable(token)
	require.True(t, ok, "also while it is disabled")
	require.Equal(t, "waiting", flow.Flow)
	base, secret, err := f.ResumeBase("waiting")
	require.NoError(t, err)
	require.Equal(t, "https://hooks.example/api/webhook:resume/"+token, base)
	require.Equal(t, flow.Secret, secret)

	route, err := flow.Route(t.Context(), first.Number, "done")
	require.NoError(t, err)
	require.Equal(t, "done", route.Node)
	require.EqualValues(t, 2<<10, route.MaxBody)
	require.Len(t, route.Body, 1)
	urls := everhook.NewResume(base, secret, waitingRun)
	answer, err := route.ResumeAnswer(everhook.Mapping{"body": map[string]any{"n": 5}}, waitingRun, "")
	require.NoError(t, err)
	require.Equal(t, everhook.Answer{Status: 201,
		Body: everhook.Of(map[string]any{"n": 5, "region": "eu", "next": urls.URL(waitingRun, "each_one", "")})},
		answer)

	inLoop, err := flow.Route(t.Context(), first.Number, "one")
	require.NoError(t, err)
	require.EqualValues(t, trigger.DefaultMaxBody, inLoop.MaxBody)
	answer, err = inLoop.ResumeAnswer(everhook.Mapping{}, waitingRun, "each[1]")
	require.NoError(t, err)
	require.Equal(t, urls.URL(waitingRun, "one", "each[1]"), answer.Body.V)

	again, err := flow.Route(t.Context(), first.Number, "done")
	require.NoError(t, err)
	require.Equal(t, route.MaxBody, again.MaxBody)
	for name, wanted := range map[string]struct {
		version int
		node    string
	}{"no node": {first.Number, "none"}, "no wait": {first.Number, "each"}, "another version": {second.Number, "done"},
		"no version": {99, "done"}} {
		_, err := flow.Route(t.Context(), wanted.version, wanted.node)
		require.ErrorIs(t, err, receiver.ErrNoWait, name)
	}
	_, ok = f.Resumable("unknown-token")
	require.False(t, ok)
	_, _, err = f.ResumeBase("unknown")
	require.ErrorContains(t, err, "unknown")
}

func TestACallerOfAnAsyncFlowIsToldWhereToCallBack(t *testing.T) {
	t.Parallel()
	f := fresh(t)
	f.apply(t, waitingFlow(""))
	_, route := flow(t, f.Catalog, "waiting")
	base, secret, err := f.ResumeBase("waiting")
	require.NoError(t, err)
	answer, err := route.AsyncAnswer(everhook.Mapping{}, waitingRun)
	require.NoError(t, err)
	require.Equal(t, everhook.NewResume(base, secret, waitingRun).URL(waitingRun, "done", ""), answer.Body.V)
}

func TestAFlowWhoseWaitLacksASecretIsNotServed(t *testing.T) {
	t.Parallel()
	f := fresh(t)
	f.apply(t, waitingFlow(", auth: { bearer: { tokens: { secret: BACK } } }, signature: { preset: "+
		"standard-webhooks, secrets: { secret: SIGNED } }"))
	shown, _ := flow(t, f.Catalog, "waiting")
	require.Contains(t, shown.Note, "the secrets BACK and SIGNED are not set")
	for name, value := range map[string]string{"BACK": "tok", "SIGNED": "no base64 !"} {
		require.NoError(t, os.WriteFile(filepath.Join(f.secrets, name), []byte(value), 0o600))
	}
	require.NoError(t, f.Refresh(t.Context()))
	shown, _ = flow(t, f.Catalog, "waiting")
	require.Contains(t, shown.Note, "the secret SIGNED cannot be used for standard-webhooks")
}

func TestAnAnswerThatIsTooLargeIsNone(t *testing.T) {
	t.Parallel()
	f := fresh(t)
	version := f.apply(t, "key: large\nmode: async\ntrigger: { type: webhook }\nnodes: [ { key: done, type: "+
		"wait-for-call, config: { response: { body: '{{ repeat(call.body, 2) }}' } } } ]\n")
	stored, err := f.options.Store.Flow(t.Context(), f.Flows()[0].Key)
	require.NoError(t, err)
	resumable, _ := f.Resumable(everhook.ResumeToken(stored.Secret))
	route, err := resumable.Route(t.Context(), version.Number, "done")
	require.NoError(t, err)
	large := make([]byte, 600<<10)
	for i := range large {
		large[i] = 'x'
	}
	_, err = route.ResumeAnswer(everhook.Mapping{"body": string(large)}, waitingRun, "")
	require.ErrorContains(t, err, "the answer is larger than 1MiB")
}
