package receiver_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/receiver"
)

func TestPathsAsProxiesAndSendersWriteThem(t *testing.T) {
	t.Parallel()
	mac := func(text string) string {
		h := hmac.New(sha256.New, []byte(password))
		h.Write([]byte(text))
		return hex.EncodeToString(h.Sum(nil))
	}
	const token = urlToken
	for path, found := range map[string]bool{
		"/api/webhook:trigger/" + token:                  true,
		"/api/webhook:trigger/" + token + "/":            true,
		"/api/webhook:trigger/" + token + "//":           true,
		"//api/webhook:trigger/" + token:                 true,
		"/api//webhook:trigger///" + token:               true,
		"/api/webhook%3Atrigger/" + token:                true,
		"/api/webhook%3atrigger/" + token + "/":          true,
		"//api/webhook%3Atrigger//" + token + "/?a=/b//": true,
		"/api/webhook%253Atrigger/" + token:              false,
		"/x/../api/webhook:trigger/" + token:             false,
		"/x//api/webhook:trigger/" + token:               false,
		"/api/webhook:trigger/" + token + "/x":           false,
		"/api/webhook:trigger/" + token + "%2F":          false,
		"/api/webhook:trigger/" + token + "%00":          false,
		"/api/webhook%2Ftrigger/" + token:                false,
		"/api/webhook:trigger%2F" + token:                false,
		"/api/webhook::trigger/" + token:                 false,
		"/api/webhook:trigger//":                         false,
		"//":                                             false,
		"/healthz/":                                      false,
	} {
		for _, expect := range []string{"X-A: b", "Expect: 100-continue"} {
			engine := &starter{}
			s := serve(t, receiver.Options{PublicURL: publicURL}, someFlows(), engine)
			got := exchange(t, s, lines("POST "+path+" HTTP/1.1", "Host: x", "Content-Length: 2", expect,
				"X-Signature: "+mac("POST "+publicURL+path+" {}"))+"{}"+last)
			status := "404\n"
			if found {
				status = "200\n"
			}
			got[0] = strings.TrimPrefix(got[0], "100\n")
			if got[0] == "" {
				got = got[1:]
			}
			require.True(t, strings.HasPrefix(got[0], status), "%s: %s", path, got[0])
			require.Equal(t, found, len(engine.got()) == 1)

			wrong := exchange(t, s, lines("POST "+path+" HTTP/1.1", "Host: x", "Content-Length: 2",
				"X-Signature: "+mac("POST "+publicURL+"/api/webhook:trigger/"+token+"x {}"))+"{}"+last)
			require.False(t, strings.HasPrefix(wrong[0], "200\n"), path)
		}
	}
}

func TestOtherURLsMayBeWrittenOddlyToo(t *testing.T) {
	t.Parallel()
	engine := waiting()
	engine.outcome = func(context.Context, string, everhook.RunID, time.Duration) (*everhook.Outcome, error) {
		return &everhook.Outcome{Answer: &everhook.Answer{Status: 200, Body: everhook.Of("done")}}, nil
	}
	engine.resume = func(_ context.Context, _ string, _ everhook.RunID,
		call everhook.ResumeCall) (everhook.Resumed, error) {
		return everhook.Resumed{Answer: call.Answer}, nil
	}
	s := serve(t, receiver.Options{}, someFlows(), engine)
	for _, path := range []string{"/api/webhook%3Aanswer/" + syncToken + "/" + string(someRun) + "/",
		"//api/webhook:answer/" + syncToken + "//" + string(someRun)} {
		got := exchange(t, s, lines("GET "+path+" HTTP/1.1", "Host: x")+last)
		require.Contains(t, got[0], "\ndone", path)
	}
	path := strings.Replace(resumePath("plain", ""), "webhook:resume", "webhook%3Aresume", 1)
	for _, expect := range []string{"X-A: b", "Expect: 100-continue"} {
		got := exchange(t, s, resume(strings.Replace(path, "?", "/?", 1), "{}", expect)+last)
		require.Contains(t, got[len(got)-2], "\nok")
	}
}
