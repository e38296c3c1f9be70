package receiver_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/receiver"
)

const (
	waitToken  = "wait-token-of-a-flow"
	waitSecret = "the secret of the flow"
)

// waitingFlows have a node "done" that accepts every call, and nodes that each refuse for one reason, with the names of
// the flows that do so.
func waitingFlows() map[string]*receiver.Resumable {
	routes := map[string]*receiver.Route{
		"done": {MaxBody: 1000, Headers: []string{"X-Kept"}, ResumeAnswer: func(call everhook.Mapping,
			run everhook.RunID, iteration string) (everhook.Answer, error) {
			if call["body"] == "broken" {
				return everhook.Answer{}, errors.New("no such name")
			}
			return everhook.Answer{Status: 201,
				Body: everhook.Of(map[string]any{"got": call["body"], "run": string(run), "iteration": iteration})}, nil
		}},
		"plain": {MaxBody: 1000},
		"large": {MaxBody: 1 << 20},
		"linked": {MaxBody: 1000, Link: &receiver.Link{Title: "Freigabe <7>", Text: "Noch ist nichts geschehen.",
			Button: "Freigeben & senden", Done: "Danke.", Language: "de"}},
		"linked_own": {MaxBody: 1000, Link: &receiver.Link{Title: "t", Text: "t", Button: "b", Done: "d",
			Language: "en", OwnAnswer: true}, ResumeAnswer: func(everhook.Mapping, everhook.RunID,
			string) (everhook.Answer, error) {
			return everhook.Answer{Status: 303, Headers: map[string]everhook.HeaderValue{
				"Location": {"https://shop.example/thanks"}}}, nil
		}},
		"linked_locked": {MaxBody: 1000, Link: &receiver.Link{Title: "t", Language: "en"},
			Basic: []receiver.BasicCredential{{Username: "u", Password: given(password)}}},
	}
	for token, route := range guardedFlows() {
		routes[strings.ReplaceAll(strings.TrimSuffix(token, "-token"), "-", "_")] = route
	}
	for key, route := range routes {
		route.Flow, route.Node, route.Enabled = "waiting", key, true
	}
	return map[string]*receiver.Resumable{waitToken: {
		Flow: "waiting", Secret: []byte(waitSecret),
		Route: func(_ context.Context, version int, node string) (*receiver.Route, error) {
			switch {
			case version == 13:
				return nil, errors.New("the store is away")
			case routes[node] == nil || version != 7:
				return nil, receiver.ErrNoWait
			}
			return routes[node], nil
		},
	}}
}

// waiting is a Starter whose run waits in version 7.
func waiting() *starter {
	return &starter{version: func(context.Context, string, everhook.RunID) (int, error) { return 7, nil }}
}

// resumePath is the path of a wait of someRun, with its ticket.
func resumePath(node, iteration string) string {
	return everhook.NewResume(everhook.ResumePath+waitToken, []byte(waitSecret), someRun).URL(someRun, node, iteration)
}

func resume(path, body string, headers ...string) string {
	head := append([]string{"POST " + path + " HTTP/1.1", "Host: x"}, headers...)
	return lines(append(head, fmt.Sprintf("Content-Length: %d", len(body)))...) + body
}

func TestACallIsBroughtToItsRun(t *testing.T) {
	t.Parallel()
	engine := waiting()
	var brought []everhook.ResumeCall
	engine.resume = func(ctx context.Context, flow string, run everhook.RunID,
		call everhook.ResumeCall) (everhook.Resumed,
		error) {
		_, limited := ctx.Deadline()
		require.True(t, limited)
		require.Equal(t, "waiting", flow)
		require.Equal(t, someRun, run)
		brought = append(brought, call)
		return everhook.Resumed{Answer: call.Answer, Duplicate: len(brought) > 1}, nil
	}
	now := time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)
	s := serve(t, receiver.Options{Clock: func() time.Time { return now }}, someFlows(), engine)
	path := resumePath("done", "items[3]")
	got := exchange(t, s, resume(path+"&a[b]=c&ticket=other&iteration=other", `{"x":1}`, "X-Kept: yes",
		"X-Other: no")+resume(path, "7")+resume(resumePath("plain", ""), `"broken"`)+
		resume(resumePath("done", ""), `"broken"`)+last)
	created := "201\nContent-Type: application/json\n"
	require.Equal(t, []string{
		created + "Everhook-Run-Id: " + string(someRun) + "\n" + `{"got":{"x":1},"iteration":"items[3]","run":"` +
			string(someRun) + `"}`,
		created + "Everhook-Duplicate: true\nEverhook-Run-Id: " + string(someRun) + "\n" +
			`{"got":7,"iteration":"items[3]","run":"` + string(someRun) + `"}`,
		"200\n" + textType + "Everhook-Duplicate: true\nEverhook-Run-Id: " + string(someRun) + "\nok",
		"200\n" + textType + "Everhook-Duplicate: true\nEverhook-Run-Id: " + string(someRun) + "\nok",
	}, got[:4])
	require.Equal(t, "done", brought[0].Node)
	require.Equal(t, "items[3]", brought[0].Iteration)
	require.Equal(t, everhook.Mapping{
		"headers": map[string]any{"x-kept": "yes"}, "query": map[string]any{"a": map[string]any{"b": "c"}},
		"body": map[string]any{"x": 1}, "receivedAt": "2026-02-03T04:05:06Z",
	}, brought[0].Data, "what the URL needs is no part of the call")
	require.NotEmpty(t, brought[0].ID)
	require.NotEqual(t, brought[0].ID, brought[1].ID)
	require.Contains(t, s.log.String(), "level=WARN")
	require.Contains(t, s.log.String(), "flow=waiting run="+string(someRun)+" outcome=accepted status=201")
	require.Contains(t, s.log.String(), "node=done")
	require.NotContains(t, s.log.String(), waitToken)
	require.NotContains(t, s.log.String(), "ticket")
}

func TestWhatACallThatIsNotKeptGets(t *testing.T) {
	t.Parallel()
	problem := func(typ, title string, status int, detail string) string {
		return fmt.Sprintf(`{"type":"urn:everhook:problem:%s","title":%q,"status":%d,"detail":%q}`, typ, title, status,
			detail)
	}
	run := "Everhook-Run-Id: " + string(someRun) + "\n"
	again := "Retry-After: 5\n"
	unavailable := func(detail string) string {
		return "503\n" + problemType + run + again + problem("unavailable", "Unavailable", 503, detail)
	}
	unknown := "404\n" + problemType + run + problem("not-found", "Not found", 404,
		"there is no such run, or it has expired")
	for name, test := range map[string]struct {
		version int
		looked  error
		err     error
		want    string
	}{
		"the run is unknown": {looked: everhook.ErrNoRun, want: unknown},
		"the run cannot be looked up": {looked: errors.New("away"),
			want: unavailable("the run cannot be looked up now; send the call again")},
		"the version cannot be read": {version: 13,
			want: unavailable("the run cannot be looked up now; send the call again")},
		"the version has no such node": {version: 8, want: unknown},
		"the run expires meanwhile":    {version: 7, err: everhook.ErrNoRun, want: unknown},
		"the run has ended": {version: 7, err: everhook.ErrRunEnded, want: "410\n" +
			problemType + run + problem("run-ended", "The run has ended", 410,
			"the run has ended and takes no calls; the call is not kept")},
		"the wait is over": {version: 7, err: everhook.ErrWaitOver, want: "410\n" +
			problemType + run + problem("wait-over", "The wait is over", 410,
			"the call came after its deadline, or the run went on without it; the call is not kept")},
		"too many came early": {version: 7, err: everhook.ErrInboxFull, want: "503\n" +
			problemType + run + again + problem("too-many-early-calls", "Too many early calls", 503,
			"the run keeps many calls that came before it waits for them, and takes no more; send the call again "+
				"later")},
		"the call is too large": {version: 7, err: everhook.Errorf(everhook.TypeLimit, "too large"),
			want: "413\n" + problemType + run + problem("body-too-large", "Too large", 413, "too large")},
		"the engine or a worker is away": {version: 7, err: context.DeadlineExceeded,
			want: unavailable("it is not known whether the call is kept; send it again")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			engine := &starter{
				version: func(context.Context, string, everhook.RunID) (int, error) {
					return test.version,
						test.looked
				},
				resume: func(context.Context, string, everhook.RunID, everhook.ResumeCall) (everhook.Resumed, error) {
					return everhook.Resumed{}, test.err
				},
			}
			s := serve(t, receiver.Options{}, someFlows(), engine)
			require.Equal(t, test.want, exchange(t, s, resume(resumePath("done", ""), "{}")+last)[0])
		})
	}
}

func TestAForgedURLReachesNothing(t *testing.T) {
	t.Parallel()
	var touched atomic.Int32
	engine := &starter{version: func(context.Context, string, everhook.RunID) (int, error) {
		touched.Add(1)
		return 7,
			nil
	}}
	s := serve(t, receiver.Options{}, someFlows(), engine)
	path := resumePath("done", "")
	_, ticket, _ := strings.Cut(path, "?")
	nothing := exchange(t, s, post(unknownToken, "{}")+last)[0]
	for name, forged := range map[string]string{
		"no ticket":          strings.TrimSuffix(path, "?"+ticket),
		"an empty ticket":    strings.TrimSuffix(path, ticket) + "ticket=",
		"a wrong ticket":     path[:len(path)-1] + "?",
		"a second ticket":    strings.TrimSuffix(path, ticket) + "ticket=x&" + ticket,
		"an iteration":       path + "&iteration=items%5B0%5D",
		"another iteration":  strings.Replace(resumePath("done", "items[0]"), "%5B0", "%5B1", 1),
		"another node":       strings.Replace(path, "/done?", "/plain?", 1),
		"another run":        strings.Replace(path, string(someRun), "bbcdefghijklmnopqrstuvwxyz", 1),
		"no run ID":          strings.Replace(path, string(someRun), "run", 1),
		"another token":      strings.Replace(path, waitToken, asyncToken, 1),
		"no token":           strings.Replace(path, waitToken, "..", 1),
		"no node":            everhook.ResumePath + waitToken + "/" + string(someRun) + "?" + ticket,
		"a node of no shape": strings.Replace(path, "/done?", "/do%6ee?", 1),
		"one part more":      strings.Replace(path, "/done?", "/done/done?", 1),
	} {
		for _, request := range []string{resume(forged, "{}"), resume(forged, "{}", "Expect: 100-continue"),
			lines("GET "+forged+" HTTP/1.1", "Host: x"), lines("PUT "+forged+" HTTP/1.1", "Host: x",
				"Content-Length: 0")} {
			got := strings.Replace(exchange(t, s, request+last)[0], "(closes)\n", "", 1)
			require.Equal(t, nothing, got, name)
		}
	}
	require.Zero(t, touched.Load(), "nothing was looked up")
	require.Equal(t, methodNotAllowed("POST"),
		strings.Replace(exchange(t, s, lines("DELETE "+path+" HTTP/1.1", "Host: x")+last)[0], "Everhook-Run-Id: "+
			string(someRun)+"\n", "", 1))
	require.Zero(t, touched.Load(), "a method that no node takes is refused before")
}

// The same requests are sent to triggers in TestWhoMayCall and others.
func TestANodeRefusesAsATriggerDoes(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ request, want string }{
		"no token":           {resume(resumePath("bearer", ""), "{}"), "401"},
		"the token":          {resume(resumePath("bearer", ""), "{}", "Authorization: Bearer "+password), "200"},
		"no key":             {resume(resumePath("key", ""), "{}"), "401"},
		"elsewhere":          {resume(resumePath("elsewhere", ""), "{}"), "403"},
		"no signature":       {resume(resumePath("signed", ""), "{}"), "401"},
		"a body of no shape": {resume(resumePath("schema", ""), `"unfit"`), "422"},
		"the shape":          {resume(resumePath("schema", ""), `"fits"`), "200"},
		"no JSON":            {resume(resumePath("done", ""), `{`), "400"},
		"another type":       {resume(resumePath("done", ""), `x`, "Content-Type: text/plain"), "415"},
		"too large":          {resume(resumePath("done", ""), strings.Repeat(" ", 1001)), "413"},
		"too large, and no ticket": {resume(everhook.ResumePath+waitToken+"/"+string(someRun)+"/done",
			strings.Repeat(" ", 1001)), "404"},
		"asked first":           {resume(resumePath("done", ""), `{}`, "Expect: 100-continue"), "201"},
		"asked first, no token": {resume(resumePath("bearer", ""), `{}`, "Expect: 100-continue"), "401"},
		"a rate":                {resume(resumePath("limited", ""), "{}"), "429"},
		"a subscription": {lines("GET "+resumePath("meta", "")+"&hub.mode=subscribe&hub.verify_token="+
			password+"&hub.challenge=42 HTTP/1.1", "Host: x"), "200"},
		"GET": {lines("GET "+resumePath("done", "")+" HTTP/1.1", "Host: x"), "405"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			var seen []receiver.Record
			s := serve(t, receiver.Options{Observe: func(r receiver.Record) {
				mu.Lock()
				defer mu.Unlock()
				seen = append(seen, r)
			}}, someFlows(), waiting())
			replies := exchange(t, s, test.request+last)
			got := replies[0]
			if strings.HasPrefix(got, "100") {
				got = replies[1]
			}
			require.True(t, strings.HasPrefix(got, test.want+"\n"), got)
			mu.Lock()
			defer mu.Unlock()
			if test.want != "404" {
				require.Contains(t, got, "Everhook-Run-Id: "+string(someRun))
				require.Equal(t, "waiting", seen[0].Flow)
				require.NotEmpty(t, seen[0].Node)
				require.Equal(t, someRun, seen[0].Run)
			}
		})
	}
}

func FuzzResumeURL(f *testing.F) {
	s := serve(f, receiver.Options{}, someFlows(), waiting())
	right := resumePath("done", "items[3]")
	f.Add(right)
	f.Add(resumePath("done", ""))
	f.Add(everhook.ResumePath + waitToken + "/" + string(someRun) + "/done?ticket=&iteration=%5B")
	f.Add(everhook.ResumePath + "../..//%00?ticket=a;b")
	f.Fuzz(func(t *testing.T, path string) {
		if strings.ContainsAny(path, " \r\n\t#") || !strings.HasPrefix(path, "/") {
			return // not a request line
		}
		got := exchange(t, s, resume(path, "1", "Connection: close"))
		require.NotEmpty(t, got)
		if strings.HasPrefix(got[0], "201\n") {
			unescaped, err := url.QueryUnescape(path)
			require.NoError(t, err)
			resume := everhook.NewResume("", []byte(waitSecret), someRun)
			require.True(t, strings.Contains(unescaped, resume.Ticket("done", "")) ||
				strings.Contains(unescaped, resume.Ticket("done", "items[3]")), "let in without a ticket: %s", path)
		}
	})
}
