package receiver_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/receiver"
)

// filtered accepts deliveries whose body has take: true; for a text, its condition fails.
func filtered(mode everhook.Mode, skipped func(everhook.Mapping) (everhook.Answer, error)) *receiver.Route {
	return &receiver.Route{
		Flow: "filtered", Enabled: true, Mode: mode, MaxBody: 1000, Wait: time.Second, SkippedAnswer: skipped,
		Body: []everhook.Path{},
		When: func(headers, query everhook.Mapping, body any) (bool, error) {
			if _, isText := body.(string); isText {
				return false, everhook.Errorf(everhook.TypeExpression, "no")
			}
			values, _ := body.(map[string]any)
			return values["take"] == true || headers["x-take"] == "yes" || query["take"] == "1", nil
		},
		Dedupe: &receiver.Dedupe{Optional: true, Secret: []byte("s"),
			Key: func(headers, _ everhook.Mapping, _ any) (string, error) {
				key, _ := headers["x-key"].(string)
				return key, nil
			}},
	}
}

func TestADeliveryThatTheFlowSkipsStartsNoRun(t *testing.T) {
	t.Parallel()
	const token = "filtered-token-filtered"
	for _, mode := range []everhook.Mode{everhook.Async, everhook.Sync} {
		var mutex sync.Mutex
		var records []receiver.Record
		observe := func(r receiver.Record) {
			mutex.Lock()
			defer mutex.Unlock()
			records = append(records, r)
		}
		s := &starter{run: func(context.Context, everhook.Delivery, time.Duration) (*everhook.Answer, error) {
			return &everhook.Answer{Status: 201}, nil
		}}
		service := serve(t, receiver.Options{Observe: observe}, flows{token: filtered(mode, nil)}, s)
		type reply struct {
			status int
			header http.Header
			text   string
		}
		post := func(body, query string, headers ...string) reply {
			request, err := http.NewRequest(http.MethodPost, service.url("/api/webhook:trigger/"+token+query),
				strings.NewReader(body))
			require.NoError(t, err)
			request.Header.Set("Content-Type", "application/json")
			for i := 0; i < len(headers); i += 2 {
				request.Header.Set(headers[i], headers[i+1])
			}
			response, err := http.DefaultClient.Do(request)
			require.NoError(t, err)
			data, err := io.ReadAll(response.Body)
			require.NoError(t, err)
			require.NoError(t, response.Body.Close())
			return reply{response.StatusCode, response.Header, string(data)}
		}
		for range 2 { // a redelivery is skipped again
			skipped := post(`{"take": false}`, "", "X-Key", "k")
			require.Equal(t, 200, skipped.status)
			require.Equal(t, "ok", skipped.text)
			require.Equal(t, "true", skipped.header.Get("Everhook-Skipped"))
			require.Empty(t, skipped.header.Get("Everhook-Run-Id"))
		}
		require.Empty(t, s.got())
		for _, started := range []reply{post(`{"take": true}`, ""), post(`{}`, "?take=1"),
			post(`{}`, "", "X-Take", "yes"), post(`"text"`, "", "X-Key", "k")} {
			require.Empty(t, started.header.Get("Everhook-Skipped"))
			require.NotEmpty(t, started.header.Get("Everhook-Run-Id"))
		}
		got := s.got()
		require.Len(t, got, 4)
		require.Nil(t, got[0].Failure)
		require.Equal(t, &everhook.Error{Status: everhook.Errored, Type: everhook.TypeExpression, Message: "no",
			Node: "trigger"}, got[3].Failure)
		require.Equal(t, "k", got[3].DedupeKey)
		mutex.Lock()
		require.Equal(t, receiver.Skipped, records[0].Reason)
		require.Empty(t, records[0].Run)
		mutex.Unlock()
	}
}

func TestTheAnswerToASkippedDeliveryIsTheFlows(t *testing.T) {
	t.Parallel()
	const token = "filtered-token-filtered"
	for name, test := range map[string]struct {
		answer everhook.Answer
		err    error
		status int
		body   string
	}{
		"its own": {everhook.Answer{Status: 202, Headers: map[string]everhook.HeaderValue{"X-A": {"b"}},
			Body: everhook.Of(map[string]any{"n": 1})}, nil, 202, `{"n":1}`},
		"none can be made": {everhook.Answer{}, errors.New("no"), 200, "ok"},
	} {
		route := filtered(everhook.Async, func(trigger everhook.Mapping) (everhook.Answer, error) {
			require.Contains(t, trigger, "receivedAt")
			return test.answer, test.err
		})
		service := serve(t, receiver.Options{}, flows{token: route}, &starter{})
		response, err := http.Post(service.url("/api/webhook:trigger/"+token), "application/json",
			strings.NewReader(`{}`))
		require.NoError(t, err)
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, test.status, response.StatusCode, name)
		require.Equal(t, test.body, string(body), name)
		require.Equal(t, "true", response.Header.Get("Everhook-Skipped"), name)
	}
}
