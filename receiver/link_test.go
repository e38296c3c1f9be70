package receiver_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/receiver"
)

// openLink is what a browser sends that opens a URL.
func openLink(method, path string, headers ...string) string {
	return lines(append([]string{method + " " + path + " HTTP/1.1", "Host: x",
		"Accept: text/html,application/xhtml+xml,*/*;q=0.8"}, headers...)...)
}

// browsed is what a browser sends after the button of a page was pressed.
func browsed(path string) string {
	return openLink("POST", path, "Content-Type: application/x-www-form-urlencoded", "Content-Length: 0",
		"Origin: null", "Sec-Fetch-Dest: document")
}

func TestOnlyTheButtonOfALinkActs(t *testing.T) {
	t.Parallel()
	engine := waiting()
	var brought []everhook.ResumeCall
	engine.resume = func(_ context.Context, _ string, _ everhook.RunID,
		call everhook.ResumeCall) (everhook.Resumed, error) {
		brought = append(brought, call)
		return everhook.Resumed{Answer: call.Answer, Duplicate: len(brought) > 1}, nil
	}
	s := serve(t, receiver.Options{}, someFlows(), engine)
	path := resumePath("linked", "items[2]") + "&decision=yes"
	for _, method := range []string{"GET", "HEAD"} {
		for _, opened := range []string{openLink(method, path), lines(method+" "+path+" HTTP/1.1", "Host: x"),
			lines(method+" "+path+" HTTP/1.1", "Host: x", "Purpose: prefetch", "Content-Length: 2") + "{}",
			lines(method+" "+path+" HTTP/1.1", "Host: x", "X-HTTP-Method-Override: POST")} {
			got := exchange(t, s, opened+last)
			require.True(t, strings.HasPrefix(got[0], "200\nCache-Control: no-store\nContent-Security-Policy: "+
				"default-src 'none'; style-src 'sha256-"), got[0])
			require.Contains(t, got[0], "Content-Type: text/html; charset=utf-8\nEverhook-Run-Id: "+string(someRun)+
				"\nReferrer-Policy: no-referrer\nX-Content-Type-Options: nosniff\nX-Frame-Options: DENY\n"+
				"X-Robots-Tag: noindex\n")
			require.Equal(t, method == "GET", strings.Contains(got[0], `<button type="submit">Freigeben &amp; senden`))
			require.NotContains(t, got[0], "script")
			require.NotContains(t, got[0], "ticket", "the page does not repeat its URL")
		}
	}
	require.Empty(t, brought, "opening a link does nothing")
	got := exchange(t, s, openLink("GET", path)+last)
	for _, text := range []string{`<html lang="de">`,
		"<title>Freigabe &lt;7&gt;</title>", "<h1>Freigabe &lt;7&gt;</h1>",
		"<p>Noch ist nichts geschehen.</p>", `<form method="post">`} {
		require.Contains(t, got[0], text)
	}

	got = exchange(t, s, browsed(path)+browsed(path)+resume(path, "{}")+last)
	require.Len(t, brought, 3)
	require.Equal(t, map[string]any{"decision": "yes"}, brought[0].Data["query"])
	require.Nil(t, brought[0].Data["body"])
	require.Equal(t, "items[2]", brought[0].Iteration)
	for i, shown := range got[:2] {
		require.Contains(t, shown, "<p>Danke.</p>")
		require.NotContains(t, shown, "<button")
		require.Equal(t, i == 1, strings.Contains(shown, "Everhook-Duplicate: true"))
	}
	require.Contains(t, got[2], "\nok", "a program gets what every resume URL gives")
}

func TestALinkSaysWhyItFails(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err  error
		node string
		want []string
	}{
		"the run has ended": {everhook.ErrRunEnded, "linked", []string{"410\n", "<h1>The run has ended</h1>",
			"<p>The run has ended and takes no calls; the call is not kept.</p>", `<html lang="en">`}},
		"the deadline has passed": {everhook.ErrWaitOver, "linked", []string{"410\n", "<h1>The wait is over</h1>"}},
		"the inbox is full": {everhook.ErrInboxFull, "linked", []string{"503\n", "Retry-After: 5\n",
			"<h1>Too many early calls</h1>"}},
		"no user name":          {nil, "linked_locked", []string{"401\n", "Www-Authenticate: Basic", "<h1>Unauthorized</h1>"}},
		"an answer of the node": {nil, "linked_own", []string{"303\n", "Location: https://shop.example/thanks\n"}},
	} {
		engine := waiting()
		engine.resume = func(_ context.Context, _ string, _ everhook.RunID,
			call everhook.ResumeCall) (everhook.Resumed, error) {
			return everhook.Resumed{Answer: call.Answer}, test.err
		}
		s := serve(t, receiver.Options{}, someFlows(), engine)
		got := exchange(t, s, browsed(resumePath(test.node, ""))+last)
		for _, text := range test.want {
			require.Contains(t, got[0], text, name)
		}
		require.Equal(t, test.node != "linked_own", strings.Contains(got[0], "Referrer-Policy: no-referrer"), name)
		program := exchange(t, s, resume(resumePath(test.node, ""), "")+last)
		require.NotContains(t, program[0], "<html", name)
	}
	locked := exchange(t, serve(t, receiver.Options{}, someFlows(), waiting()),
		openLink("GET", resumePath("linked_locked", ""))+last)
	require.True(t, strings.HasPrefix(locked[0], "401\n"), "who may not call does not see the page")
}

func TestALinkRefusesWhatItDoesNotTake(t *testing.T) {
	t.Parallel()
	s := serve(t, receiver.Options{}, someFlows(), waiting())
	for name, test := range map[string]struct{ request, want string }{
		"PUT":            {lines("PUT "+resumePath("linked", "")+" HTTP/1.1", "Host: x", "Content-Length: 0"), "405\nAllow: POST\n"},
		"a wrong ticket": {openLink("GET", strings.Replace(resumePath("linked", ""), "ticket=", "ticket=x", 1)), "404\n"},
		"no link":        {openLink("GET", resumePath("plain", "")), "405\nAllow: POST\n"},
	} {
		got := exchange(t, s, test.request+last)
		require.True(t, strings.HasPrefix(got[0], test.want), "%s: %s", name, got[0])
	}
}
