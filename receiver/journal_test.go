package receiver_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/receiver"
)

// entries collects what is recorded.
type entries struct {
	mutex sync.Mutex
	all   []receiver.Entry
}

func (e *entries) add(entry receiver.Entry) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	e.all = append(e.all, entry)
}

func (e *entries) last(t *testing.T) receiver.Entry {
	t.Helper()
	e.mutex.Lock()
	defer e.mutex.Unlock()
	require.NotEmpty(t, e.all)
	return e.all[len(e.all)-1]
}

const journalToken = "journal-token-journal"

// recorded is a flow whose deliveries are recorded with up to 50 bytes of their bodies.
func recorded() *receiver.Route {
	return &receiver.Route{Flow: "orders", Enabled: true, Mode: everhook.Async, MaxBody: 1000, Record: 50,
		Version:   &everhook.Version{Number: 7},
		NeverKept: []string{"x-key"}, Body: []everhook.Path{},
		Index: func(headers, query everhook.Mapping, body any) []receiver.Field {
			values, _ := body.(map[string]any)
			return []receiver.Field{{Name: "id", Value: fmt.Sprint(values["id"], query["q"], headers["x-a"])}}
		},
		Schema: func(body any) ([]everhook.ProblemDetail, error) {
			if _, ok := body.(map[string]any); !ok {
				return []everhook.ProblemDetail{{Pointer: "/0", Detail: "it is 4711"}}, nil
			}
			return nil, nil
		}}
}

func TestDeliveriesAreRecordedWithWhatTheFlowKeeps(t *testing.T) {
	t.Parallel()
	seen := &entries{}
	s := &starter{}
	service := serve(t, receiver.Options{Journal: seen.add}, flows{journalToken: recorded()}, s)
	send := func(method, query string, body []byte, headers ...string) receiver.Entry {
		request, err := http.NewRequest(method, service.url("/api/webhook:trigger/"+journalToken+query),
			bytes.NewReader(body))
		require.NoError(t, err)
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("X-Key", "a credential")
		request.Header.Set("Authorization", "Bearer x")
		for i := 0; i < len(headers); i += 2 {
			request.Header.Set(headers[i], headers[i+1])
		}
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		return seen.last(t)
	}

	e := send(http.MethodPost, "?q=1", []byte(`{"id": 7}`), "X-A", "b")
	require.Equal(t, receiver.Accepted, e.Reason)
	require.Equal(t, s.got()[0].ID, e.ID)
	require.Equal(t, s.got()[0].RunID, e.Run)
	require.Equal(t, 7, e.Version)
	require.Equal(t, []receiver.Field{{Name: "id", Value: "71b"}}, e.Fields)
	require.Equal(t, "POST", e.Request.Method)
	require.Equal(t, "q=1", e.Request.Query)
	require.JSONEq(t, `{"id": 7}`, string(e.Request.Body))
	require.Equal(t, "b", e.Request.Headers["x-a"])
	require.NotContains(t, e.Request.Headers, "x-key")
	require.NotContains(t, e.Request.Headers, "authorization")
	at, ok := everhook.DeliveryTime(e.ID)
	require.True(t, ok)
	require.WithinDuration(t, time.Now(), at, time.Minute)

	e = send(http.MethodPost, "", []byte(`[4711]`))
	require.Equal(t, receiver.Invalid, e.Reason)
	require.Equal(t, "the body does not fit the webhook's schema: /0", e.Cause, "no value of the body")
	require.Equal(t, "[4711]", string(e.Request.Body))
	require.Empty(t, e.Run)

	e = send(http.MethodPost, "", []byte(`{"id": `))
	require.Equal(t, receiver.Malformed, e.Reason)
	require.Equal(t, `{"id": `, string(e.Request.Body))

	e = send(http.MethodDelete, "", nil)
	require.Equal(t, receiver.Method, e.Reason)
	require.Nil(t, e.Request, "the checks of the head come first")
	require.NotEmpty(t, e.ID)

	long := []byte(`{"id": 1, "text": "` + strings.Repeat("x", 100) + `"}`)
	e = send(http.MethodPost, "", long)
	require.Equal(t, long[:50], e.Request.Body)
	require.True(t, e.Request.Cut)

	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	_, _ = writer.Write([]byte(`{"id": 2}`))
	require.NoError(t, writer.Close())
	e = send(http.MethodPost, "", packed.Bytes(), "Content-Encoding", "gzip")
	require.Equal(t, `{"id": 2}`, string(e.Request.Body))
	require.NotContains(t, e.Request.Headers, "content-encoding")
	require.False(t, e.Request.Cut)
}

func TestStrangersAndQuestionsLeaveNoBody(t *testing.T) {
	t.Parallel()
	seen := &entries{}
	all := guardedFlows()
	all[signedToken].Record, all[signedToken].NeverKept = 1000, []string{"x-hub-signature-256"}
	service := serve(t, receiver.Options{Journal: seen.add}, all, &starter{})
	exchange(t, service, post(signedToken, `{}`)+last)
	e := seen.last(t)
	require.Equal(t, receiver.BadSignature, e.Reason)
	require.Equal(t, "a header of the signature is missing", e.Cause)
	require.Nil(t, e.Request)
	exchange(t, service, post(signedToken, `{}`, signedBy(t, all[signedToken], time.Now(), `{}`, password)...)+last)
	e = seen.last(t)
	require.True(t, e.Verified)
	require.NotNil(t, e.Request)
	require.NotContains(t, e.Request.Headers, "x-hub-signature-256")

	before := len(seen.all)
	exchange(t, service, post("an-unknown-token-unknown", `{}`)+last)
	exchange(t, service, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"+last)
	exchange(t, service, "GET /api/webhook:answer/"+signedToken+"/"+strings.Repeat("a", 26)+
		" HTTP/1.1\r\nHost: x\r\n\r\n"+last)
	require.Len(t, seen.all, before, "neither unknown URLs nor questions for answers are recorded")
}
