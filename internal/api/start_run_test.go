package api

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/store"
)

// fakeCalls keep what they are called with.
type fakeCalls struct {
	calls   []Call
	started StartedRun
	by      string
	err     error
}

func (f *fakeCalls) Start(_ context.Context, _ string, call Call) (StartedRun, error) {
	f.calls = append(f.calls, call)
	return f.started, f.err
}

func (f *fakeCalls) Answer(context.Context, string, everhook.RunID, time.Duration) (RunAnswer, string, error) {
	return f.started.RunAnswer, f.by, f.err
}

func callable(t *testing.T) (*service, *fakeCalls) {
	t.Helper()
	s, d := onStore(t)
	s.applied(t, "orders", "200")
	s.applied(t, "refunds", "200")
	require.NoError(t, d.SetLabels(t.Context(), "orders", []string{"sales"}))
	f := &fakeCalls{started: StartedRun{RunAnswer: RunAnswer{ID: someRun, Flow: "orders", Version: 1,
		Answer: &everhook.Answer{Status: 201, Body: everhook.Of("done")}}}, by: "token:p"}
	s.Calls = f
	return s, f
}

// as sends a request of an actor.
func (s *service) as(actor access.Actor, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.mux.ServeHTTP(w, r.WithContext(access.With(r.Context(), actor)))
	return w
}

const (
	startTarget  = "/api/v1/flows/orders/runs"
	answerTarget = startTarget + "/" + string(someRun) + "/answer"
)

var partner = access.Actor{ID: "token:p", Kind: access.KindToken, Role: access.Caller, Flows: []string{"orders"}}

func TestAFlowIsCalledWithAnInput(t *testing.T) {
	t.Parallel()
	s, f := callable(t)
	w := s.call(t, "POST", startTarget, `{"input":{"n":9007199254740993},"waitSeconds":5}`)
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	require.Equal(t, answerTarget, w.Header().Get("Location"))
	require.Equal(t, someRun, decode[StartedRun](t, w).ID)
	require.Equal(t, Call{Actor: "local", Input: map[string]any{"n": int(9007199254740993)}, Wait: 5 * time.Second},
		f.calls[0], "a number keeps its digits")

	f.started.Answer = nil
	require.Equal(t, http.StatusAccepted, s.call(t, "POST", startTarget, "").Code)
	require.Equal(t, Call{Actor: "local", Wait: -1}, f.calls[1], "a body is not needed")
	f.started = StartedRun{Skipped: true}
	w = s.call(t, "POST", startTarget, `{}`)
	require.Equal(t, http.StatusOK, w.Code)
	require.Empty(t, w.Header().Get("Location"), "there is no run")
}

func TestACallWithAKeyIsMadeOnce(t *testing.T) {
	t.Parallel()
	s, f := callable(t)
	first := s.call(t, "POST", startTarget, `{"input":1}`, keyHeader, "k")
	again := s.call(t, "POST", startTarget, `{"input":1}`, keyHeader, "k")
	require.Equal(t, first.Body.String(), again.Body.String())
	require.Len(t, f.calls, 1)
	require.Equal(t, "k", f.calls[0].Name)
	require.Equal(t, 422, s.call(t, "POST", startTarget, `{"input":2}`, keyHeader, "k").Code)

	// A process that ended before it kept the answer: the same request has the same key, and so the same run.
	lossy := s.Options
	lossy.Requests = forgetful{s.Store.(*deployed)}
	died := newService(lossy)
	for range 2 {
		require.Equal(t, 200, died.call(t, "POST", startTarget, `{"input":3}`, keyHeader, "lost").Code)
	}
	require.Equal(t, f.calls[1].Key, f.calls[2].Key)
	require.NotEmpty(t, f.calls[1].Key)
}

func TestACallerCallsItsFlowsAndReadsItsAnswers(t *testing.T) {
	t.Parallel()
	s, f := callable(t)
	seller := access.Actor{Role: access.Operator, Labels: []string{"sales"}}
	elsewhere := access.Actor{ID: "token:v", Role: access.Operator, Labels: []string{"money"}}
	for name, c := range map[string]struct {
		actor          access.Actor
		method, target string
		by             string
		want           int
	}{
		"its flow":                  {partner, "POST", startTarget, "", 200},
		"another flow":              {partner, "POST", "/api/v1/flows/refunds/runs", "", 404},
		"no flow":                   {partner, "POST", "/api/v1/flows/none/runs", "", 404},
		"its answer":                {partner, "GET", answerTarget, "token:p", 200},
		"the answer of another":     {partner, "GET", answerTarget, "token:q", 404},
		"the answer of a webhook":   {partner, "GET", answerTarget, "", 404},
		"its runs":                  {partner, "GET", "/api/v1/runs", "", 403},
		"its flows":                 {partner, "GET", "/api/v1/flows", "", 403},
		"a viewer reads the run":    {access.Actor{Role: access.Viewer}, "GET", answerTarget, "token:p", 403},
		"an operator reads":         {seller, "GET", answerTarget, "token:p", 200},
		"a viewer does not call":    {access.Actor{Role: access.Viewer}, "POST", startTarget, "", 403},
		"an operator calls":         {access.Actor{Role: access.Operator}, "POST", startTarget, "", 200},
		"an operator of others":     {elsewhere, "GET", answerTarget, "token:p", 404},
		"an operator of such flows": {seller, "POST", startTarget, "", 200},
	} {
		f.by = c.by
		require.Equal(t, c.want, s.as(c.actor, c.method, c.target, "").Code, name)
	}
}

func TestACallThatCannotBeSaysWhy(t *testing.T) {
	t.Parallel()
	s, f := callable(t)
	for name, c := range map[string]struct {
		body    string
		err     error
		want    int
		pointer string
	}{
		"an unknown field": {`{"inputs":1}`, nil, 400, "/body/inputs"},
		"too long a wait":  {`{"waitSeconds":60}`, nil, 400, "/body/waitSeconds"},
		"a wrong input": {`{"input":{"n":"x"}}`, &WrongInput{[]everhook.ProblemDetail{{Pointer: "/n",
			Detail: "is no number"}}}, 422, "/body/input/n"},
		"too large":     {`{}`, everhook.Errorf(everhook.TypeLimit, "too large"), 422, "/body/input"},
		"disabled":      {`{}`, everhook.Errorf(everhook.TypeNoFlow, "the flow is disabled"), 409, ""},
		"gone":          {`{}`, store.ErrNotFound, 404, ""},
		"Temporal away": {`{}`, everhook.ErrOverloaded, 503, ""},
	} {
		f.err = c.err
		w := s.call(t, "POST", startTarget, c.body)
		require.Equal(t, c.want, w.Code, "%s: %s", name, w.Body)
		if c.pointer != "" {
			require.Contains(t, w.Body.String(), `"pointer":"`+c.pointer+`"`, name)
		}
	}
	require.Equal(t, 413, s.call(t, "POST", startTarget, `{"input":"`+strings.Repeat("a", maxCall)+`"}`).Code)
	require.Equal(t, 400, s.call(t, "GET", startTarget+"/none/answer", "").Code)
}
