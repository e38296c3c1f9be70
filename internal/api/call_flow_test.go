package api

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheWebhookOfAFlowIsCalled(t *testing.T) {
	t.Parallel()
	s, _ := onStore(t)
	s.applied(t, "orders", "200")
	const path = "/api/v1/flows/orders/call"
	require.Equal(t, 409, s.call(t, "POST", path, `{}`).Code, "this process has no receiver")
	var called HookCall
	s.CallHook = func(_ context.Context, token string, call HookCall) (HookAnswer, error) {
		require.Len(t, token, 26)
		called = call
		return HookAnswer{Status: 202, Headers: []HookHeader{}, Body: "ok", Run: "r"}, nil
	}
	answer := decode[HookAnswer](t, s.call(t, "POST", path, `{"body":"{}","query":"a=1"}`))
	require.Equal(t, 202, answer.Status)
	require.Equal(t, HookCall{Body: "{}", Query: "a=1"}, called)
	require.Equal(t, 400, s.call(t, "POST", path, `{"method":"DELETE"}`).Code)
	require.Equal(t, 404, s.call(t, "POST", "/api/v1/flows/none/call", `{}`).Code)
	s.CallHook = func(context.Context, string, HookCall) (HookAnswer, error) { return HookAnswer{}, errors.New("away") }
	require.Contains(t, s.call(t, "POST", path, `{}`).Body.String(), "away")
}
