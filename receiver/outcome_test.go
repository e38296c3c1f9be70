package receiver_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/receiver"
)

const someRun = everhook.RunID("abcdefghijklmnopqrstuvwxyz")

// RUN replaces the ID of the run in goldens, because it differs in every test.
func withoutRun(reply string, engine *starter) string {
	for _, d := range engine.got() {
		reply = strings.ReplaceAll(reply, string(d.RunID), "RUN")
	}
	return reply
}

const textType = "Content-Type: text/plain; charset=utf-8\n"

func TestAnswers(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer everhook.Answer
		want   string
	}{
		"text is sent as it is": {everhook.Answer{Status: 200, Body: everhook.Of("<ok> & \"fine\"")},
			"200\n" + textType + "Everhook-Run-Id: RUN\n<ok> & \"fine\""},
		"text with a type of its own": {everhook.Answer{Status: 200,
			Headers: map[string]everhook.HeaderValue{"content-type": {"application/xml"}}, Body: everhook.Of("<a/>")},
			"200\nContent-Type: application/xml\nEverhook-Run-Id: RUN\n<a/>"},
		"a mapping is JSON": {everhook.Answer{Status: 201,
			Body: everhook.Of(map[string]any{"b": 1, "a": "<"})},
			"201\nContent-Type: application/json\nEverhook-Run-Id: RUN\n{\"a\":\"<\",\"b\":1}"},
		"a list is JSON": {everhook.Answer{Status: 200, Body: everhook.Of([]any{1, 1.5, true})},
			"200\nContent-Type: application/json\nEverhook-Run-Id: RUN\n[1,1.5,true]"},
		"nil is the JSON null": {everhook.Answer{Status: 200, Body: everhook.Of(nil)},
			"200\nContent-Type: application/json\nEverhook-Run-Id: RUN\nnull"},
		"JSON with a type of its own": {everhook.Answer{Status: 200,
			Headers: map[string]everhook.HeaderValue{"Content-Type": {"application/hal+json"}}, Body: everhook.Of(1)},
			"200\nContent-Type: application/hal+json\nEverhook-Run-Id: RUN\n1"},
		"no body is empty": {everhook.Answer{Status: 200}, "200\nEverhook-Run-Id: RUN\n"},
		"204 has no body": {everhook.Answer{Status: 204, Body: everhook.Of("x")},
			"204\nEverhook-Run-Id: RUN\n"},
		"304 has no body": {everhook.Answer{Status: 304, Body: everhook.Of("x")},
			"304\nEverhook-Run-Id: RUN\n"},
		"bytes": {everhook.Answer{Status: 200, Headers: map[string]everhook.HeaderValue{"Content-Type": {"image/png"}},
			Body: everhook.Of("iVBO/w=="), Base64: true},
			"200\nContent-Type: image/png\nEverhook-Run-Id: RUN\n\x89PN\xff"},
		"no bytes": {everhook.Answer{Status: 200, Body: everhook.Of(""), Base64: true},
			"200\n" + textType + "Everhook-Run-Id: RUN\n"},
		"204 has no bytes": {everhook.Answer{Status: 204, Body: everhook.Of("iVBO/w=="), Base64: true},
			"204\nEverhook-Run-Id: RUN\n"},
		"a redirect": {everhook.Answer{Status: 302,
			Headers: map[string]everhook.HeaderValue{"Location": {"https://example.org/?a=b#c"}}},
			"302\nEverhook-Run-Id: RUN\nLocation: https://example.org/?a=b#c\n"},
		"a status that HTTP has not": {everhook.Answer{Status: 99, Body: everhook.Of("x")}, "500\n" +
			textType + "Everhook-Run-Id: RUN\nx"},
		"an informational status": {everhook.Answer{Status: 101}, "500\nEverhook-Run-Id: RUN\n"},
		"line ends cannot leave a header": {everhook.Answer{Status: 200,
			Headers: map[string]everhook.HeaderValue{"X-A": {"b\r\nSet-Cookie: c=d\x00\x7f\te"}}},
			"200\nEverhook-Run-Id: RUN\nX-A: bSet-Cookie: c=d\te\n"},
		"a name that is no token is dropped": {everhook.Answer{Status: 200,
			Headers: map[string]everhook.HeaderValue{"X A": {"1"}, "X-B\r\nX-C": {"1"}, "": {"1"}, "X:D": {"1"}, "Ä": {"1"}}},
			"200\nEverhook-Run-Id: RUN\n"},
		"what is the connection's is dropped": {everhook.Answer{Status: 200,
			Headers: map[string]everhook.HeaderValue{"connection": {"close"}, "Transfer-Encoding": {"chunked"}, "content-length": {"7"},
				"Keep-Alive": {"x"}, "TE": {"x"}, "Trailer": {"x"}, "Upgrade": {"x"}, "Proxy-Authenticate": {"x"}, "Date": {"x"},
				"Server": {"x"}, "everhook-run-id": {"x"}, "Everhook-Other": {"x"}}, Body: everhook.Of("ok")}, "200\n" +
			textType + "Everhook-Run-Id: RUN\nok"},
		"several cookies, and other headers, can be set": {everhook.Answer{Status: 200,
			Headers: map[string]everhook.HeaderValue{"set-cookie": {"a=b; Path=/; HttpOnly", "c=d\r\nX-Bad: 1", "e=f"},
				"Link": {"</a>; rel=next", "</b>; rel=prev"}, "X-None": {}, "Vary": {"Origin"}}},
			"200\nEverhook-Run-Id: RUN\nLink: </a>; rel=next | </b>; rel=prev\n" +
				"Set-Cookie: a=b; Path=/; HttpOnly | c=dX-Bad: 1 | e=f\nVary: Origin\n"},
		"a redirect never leaves its header": {everhook.Answer{Status: 303,
			Headers: map[string]everhook.HeaderValue{
				"location": {"/a b\r\nX-Bad: 1?q=\"<grün>\"&r=%20"}}},
			"303\nEverhook-Run-Id: RUN\nLocation: /a%20bX-Bad:%201?q=%22%3Cgr%C3%BCn%3E%22&r=%20\n"},
		"cookies can be set": {everhook.Answer{Status: 200,
			Headers: map[string]everhook.HeaderValue{"Set-Cookie": {"a=b; Path=/; HttpOnly"}}},
			"200\nEverhook-Run-Id: RUN\nSet-Cookie: a=b; Path=/; HttpOnly\n"},
		"a header value with other characters": {everhook.Answer{Status: 200,
			Headers: map[string]everhook.HeaderValue{"X-A": {"grün"}}}, "200\nEverhook-Run-Id: RUN\nX-A: grün\n"},
		"a problem": {
			everhook.Answer{Status: 500, Problem: &everhook.Problem{Type: everhook.ProblemRunFailed,
				Title: "The run failed", Status: 500, Node: "charge"}},
			"500\nContent-Type: application/problem+json\nEverhook-Run-Id: RUN\n" +
				`{"type":"urn:everhook:problem:run-failed","title":"The run failed","status":500,"runId":"RUN",` +
				`"node":"charge"}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			engine := &starter{run: func(context.Context, everhook.Delivery, time.Duration) (*everhook.Answer, error) {
				return &test.answer, nil
			}}
			all := someFlows()
			all[asyncToken].AsyncAnswer = func(everhook.Mapping, everhook.RunID) (everhook.Answer,
				error) {
				return test.answer, nil
			}
			s := serve(t, receiver.Options{}, all, engine)
			got := exchange(t, s, post(syncToken, "{}")+post(asyncToken, "{}")+last)
			require.Len(t, got, 3, "an answer must not disturb the next")
			require.Equal(t, test.want, withoutRun(got[0], engine), "of a sync flow")
			require.Equal(t, test.want, withoutRun(got[1], engine), "of an async flow")
		})
	}
}

func TestAsyncOutcomes(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err    error
		answer func(everhook.Mapping, everhook.RunID) (everhook.Answer, error)
		want   string
	}{
		"no answer of its own is ok": {want: "200\n" + textType + "Everhook-Run-Id: RUN\nok"},
		"an answer over the trigger and the run": {
			answer: func(trigger everhook.Mapping, run everhook.RunID) (everhook.Answer, error) {
				return everhook.Answer{Status: 202,
					Body: everhook.Of(map[string]any{"got": trigger["body"], "run": string(run)})}, nil
			},
			want: "202\nContent-Type: application/json\nEverhook-Run-Id: RUN\n" + `{"got":7,"run":"RUN"}`,
		},
		"an answer that cannot be made is ok": {
			answer: func(everhook.Mapping, everhook.RunID) (everhook.Answer, error) {
				return everhook.Answer{Status: 500}, errors.New("no such name")
			},
			want: "200\n" + textType + "Everhook-Run-Id: RUN\nok",
		},
		"a delivery too large for the engine": {
			err: everhook.Errorf(everhook.TypeLimit, "definition and delivery may have 1.9MiB together"),
			want: "413\n" + problemType +
				`{"type":"urn:everhook:problem:body-too-large","title":"Too large","status":413,` +
				`"detail":"definition and delivery may have 1.9MiB together"}`,
		},
		"an engine that is away":       {err: errors.New("dial tcp 10.0.0.7: refused"), want: notStored},
		"an engine that is overloaded": {err: everhook.ErrOverloaded, want: overloaded},
		"another error of ours":        {err: everhook.Errorf(everhook.TypeInternal, "x"), want: notStored},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			engine := &starter{start: func(ctx context.Context, _ everhook.Delivery) error {
				_, limited := ctx.Deadline()
				require.True(t, limited, "a start has a deadline")
				return test.err
			}}
			all := someFlows()
			all[asyncToken].AsyncAnswer = test.answer
			var counted atomic.Int64
			s := serve(t, receiver.Options{Observe: func(r receiver.Record) {
				if r.NoAnswer {
					counted.Add(1)
				}
			}}, all, engine)
			require.Equal(t, test.want, withoutRun(exchange(t, s, post(asyncToken, "7")+last)[0], engine))
			if name == "an answer that cannot be made is ok" {
				require.Contains(t, s.log.String(), "level=WARN")
				require.EqualValues(t, 1, counted.Load())
			} else {
				require.Zero(t, counted.Load())
			}
		})
	}
}

const notStored = "503\n" + problemType + "Retry-After: 5\n" +
	`{"type":"urn:everhook:problem:unavailable","title":"Unavailable","status":503,"detail":"the delivery is not ` +
	`stored; send it again"}`

const overloaded = "503\n" + problemType + "Retry-After: 5\n" +
	`{"type":"urn:everhook:problem:overloaded","title":"Overloaded","status":503,"detail":"the delivery is not ` +
	`stored; send it again"}`

func TestSyncOutcomes(t *testing.T) {
	t.Parallel()
	accepted := "202\nContent-Type: application/json\nEverhook-Run-Id: RUN\nLocation: ORIGIN/api/webhook:answer/" +
		syncToken + "/RUN\nRetry-After: 5\n" +
		`{"runId":"RUN","status":"pending","location":"ORIGIN/api/webhook:answer/` + syncToken + `/RUN"}`
	for name, test := range map[string]struct {
		err       error
		onWait    int
		publicURL string
		want      string
	}{
		"no answer in time is 202": {want: strings.ReplaceAll(accepted, "ORIGIN", "")},
		"the location is absolute where the URL is known": {publicURL: "https://hooks.example.org/",
			want: strings.ReplaceAll(accepted, "ORIGIN", "https://hooks.example.org")},
		"or 504 where the flow wants that": {
			onWait: 504,
			want: "504\nContent-Type: application/problem+json\nEverhook-Run-Id: RUN\n" +
				`{"type":"urn:everhook:problem:answer-late","title":"No answer in time","status":504,"detail":"the ` +
				`run goes on without its caller","runId":"RUN"}`,
		},
		"an engine that is away":       {err: errors.New("x"), want: notStored},
		"an engine that is overloaded": {err: everhook.ErrOverloaded, want: overloaded},
		"a delivery too large for the engine": {
			err: everhook.Errorf(everhook.TypeLimit, "too much"),
			want: "413\n" + problemType +
				`{"type":"urn:everhook:problem:body-too-large","title":"Too large","status":413,"detail":"too much"}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			engine := &starter{run: func(_ context.Context, _ everhook.Delivery, wait time.Duration) (*everhook.Answer,
				error) {
				require.Equal(t, 10*time.Second, wait)
				return nil, test.err
			}}
			all := someFlows()
			all[syncToken].OnWait = test.onWait
			s := serve(t, receiver.Options{PublicURL: test.publicURL}, all, engine)
			require.Equal(t, test.want, withoutRun(exchange(t, s, post(syncToken, "{}")+last)[0], engine))
			require.Zero(t, s.Held())
		})
	}
}

func TestTheAnswerEndpoint(t *testing.T) {
	t.Parallel()
	done := &everhook.Answer{Status: 201, Body: everhook.Of("made")}
	outcome := func(status everhook.Status, answer *everhook.Answer) *everhook.Outcome {
		return &everhook.Outcome{Status: status, Answer: answer}
	}
	run := "Everhook-Run-Id: " + string(someRun) + "\n"
	unknown := "404\n" + problemType +
		`{"type":"urn:everhook:problem:not-found","title":"Not found","status":404,"detail":"there is no such run, ` +
		`or it has expired"}`
	for name, test := range map[string]struct {
		token, path string
		headers     []string
		outcome     *everhook.Outcome
		err         error
		wait        time.Duration
		want        string
	}{
		"the answer of a sync run": {token: syncToken, outcome: outcome(everhook.Resolved, done), want: "201\n" +
			textType + run + "made"},
		"a run that has none yet": {token: syncToken, outcome: outcome(everhook.Queued, nil),
			want: "202\nContent-Type: application/json\n" + run + "Location: /api/webhook:answer/" + syncToken + "/" +
				string(someRun) + "\nRetry-After: 5\n" + `{"runId":"` + string(someRun) +
				`","status":"queued","location":"/api/webhook:answer/` + syncToken + "/" + string(someRun) + `"}`},
		"a run that ended without": {token: syncToken, outcome: outcome(everhook.Cancelled, nil),
			want: "200\nContent-Type: application/json\n" + run + `{"runId":"` + string(someRun) +
				`","status":"cancelled"}`},
		"a run of an async flow": {token: asyncToken, outcome: outcome(everhook.Pending, nil),
			want: "200\nContent-Type: application/json\n" + run + `{"runId":"` + string(someRun) +
				`","status":"pending"}`},
		"a flow that is disabled": {token: disabledToken, outcome: outcome(everhook.Resolved, done),
			want: "201\n" + textType + run + "made"},
		"a wait": {token: syncToken, path: "?wait=20s", wait: 20 * time.Second,
			outcome: outcome(everhook.Resolved, done), want: "201\n" + textType + run + "made"},
		"a wait that is too long": {token: syncToken, path: "?wait=1h", wait: 5 * time.Minute,
			outcome: outcome(everhook.Resolved, done), want: "201\n" + textType + run + "made"},
		"an unknown flow": {token: unknownToken, want: gone},
		"an unknown run":  {token: syncToken, err: everhook.ErrNoRun, want: unknown},
		"more than a run": {token: syncToken, path: "/x", want: gone},
		"an engine that is away": {token: syncToken, err: errors.New("10.0.0.7 refused"), want: "503\n" +
			problemType + "Retry-After: 5\n" +
			`{"type":"urn:everhook:problem:unavailable","title":"Unavailable","status":503,"detail":"the run cannot ` +
			`be looked up now; try again"}`},
		"no credentials": {token: lockedToken,
			want: unauthorized("send a user name and a password: curl -u USER:PASSWORD …")},
		"credentials": {token: lockedToken, headers: []string{basic("shop", password)},
			outcome: outcome(everhook.Resolved, nil), want: "200\nContent-Type: application/json\n" + run +
				`{"runId":"` + string(someRun) + `","status":"resolved"}`},
		"credentials before the run's": {token: lockedToken, path: "x",
			want: unauthorized("send a user name and a password: curl -u USER:PASSWORD …")},
		"what cannot be a run": {token: syncToken, path: "x", want: unknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			engine := &starter{outcome: func(_ context.Context, flow string, run everhook.RunID,
				wait time.Duration) (*everhook.Outcome, error) {
				require.Equal(t, someFlows()[test.token].Flow, flow)
				require.Equal(t, someRun, run)
				require.Equal(t, test.wait, wait)
				return test.outcome, test.err
			}}
			s := serve(t, receiver.Options{}, someFlows(), engine)
			head := append([]string{"GET /api/webhook:answer/" + test.token + "/" + string(someRun) + test.path +
				" HTTP/1.1", "Host: x"}, test.headers...)
			require.Equal(t, test.want, exchange(t, s, lines(head...)+last)[0])
			require.Zero(t, s.Held())
		})
	}
}

func TestHealthAndReadiness(t *testing.T) {
	t.Parallel()
	away := errors.New("the engine at 10.0.0.7 is away")
	for name, test := range map[string]struct {
		path  string
		ready error
		want  string
	}{
		"healthy":                {"/healthz", nil, "200\n" + textType + closing + "ok"},
		"healthy, but not ready": {"/healthz", away, "200\n" + textType + closing + "ok"},
		"ready":                  {"/readyz", nil, "200\n" + textType + closing + "ok"},
		"not ready": {"/readyz", away, "503\n" + problemType + closing +
			`{"type":"urn:everhook:problem:unavailable","title":"Unavailable","status":503,"detail":"not ready"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, receiver.Options{Ready: func() error { return test.ready }}, someFlows(), &starter{})
			require.Equal(t, test.want,
				exchange(t, s, lines("GET "+test.path+" HTTP/1.1", "Host: x", "Connection: close"))[0])
		})
	}
}

func TestAPanicIsOneReplyAndEndsTheConnection(t *testing.T) {
	t.Parallel()
	all := someFlows()
	all[lockedToken].Basic[0].Password = func() (string, error) { panic("no secrets") }
	engine := &starter{start: func(context.Context, everhook.Delivery) error { panic("no engine") }}
	want := "500\n" + problemType + closing +
		`{"type":"urn:everhook:problem:internal","title":"Internal error","status":500}`
	for _, request := range []string{
		post(asyncToken, "{}"),
		post(lockedToken, "{}", basic("shop", password)),
		post(lockedToken, "{}", basic("shop", password), "Expect: 100-continue"),
	} {
		s := serve(t, receiver.Options{}, all, engine)
		require.Equal(t, []string{want}, exchange(t, s, request+last))
		require.Contains(t, s.log.String(), "outcome=internal")
		require.Contains(t, s.log.String(), "level=ERROR")
		require.Len(t, exchange(t, s, last), 1, "the receiver lives on")
	}
}
