package api

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/runs"
	"github.com/everhook/everhook/internal/store"
)

const someRun = everhook.RunID("aaaaaaaaaaaaaaaaaaaaaaaaaa")

// fakeActions count the retries. Retry waits for a value of hold if there is one.
type fakeActions struct {
	mutex     sync.Mutex
	cancelled []string
	retries   []RetryRequest
	keys      [][]byte
	hold      chan struct{}
	// wait holds retries until it is closed.
	wait chan struct{}
	err  error
}

func (f *fakeActions) Cancel(_ context.Context, flow string, id everhook.RunID) error {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.cancelled = append(f.cancelled, flow+"/"+string(id))
	return f.err
}

func (*fakeActions) CancelFlow(context.Context, string) (int, error) { return 0, nil }

func (f *fakeActions) Retry(_ context.Context, flow string, id everhook.RunID, wanted RetryRequest,
	key []byte) (runs.Retried, error) {
	f.mutex.Lock()
	f.retries, f.keys = append(f.retries, wanted), append(f.keys, key)
	f.mutex.Unlock()
	if f.wait != nil {
		<-f.wait
	}
	if f.hold != nil {
		f.hold <- struct{}{}
		<-f.hold
	}
	return runs.Retried{ID: everhook.NewRunID(), Flow: flow, RetryOf: id}, f.err
}

func openStore(t *testing.T) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "everhook.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// call sends a request as an administrator. Headers are names and values in turn.
func (s *service) call(t *testing.T, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.mux.ServeHTTP(w, r.WithContext(access.With(r.Context(), access.Local)))
	return w
}

const retryTarget = "/api/v1/runs/" + string(someRun) + "/retry?flow=orders"

func TestARequestWithAKeyIsCarriedOutOnce(t *testing.T) {
	t.Parallel()
	actions := &fakeActions{}
	s := newService(Options{Actions: actions, Requests: openStore(t)})
	first := s.call(t, "POST", retryTarget, `{"current":true}`, keyHeader, "k1")
	require.Equal(t, http.StatusCreated, first.Code, first.Body)
	require.Empty(t, first.Header().Get(repeatedHeader))

	again := s.call(t, "POST", retryTarget, `{"current":true}`, keyHeader, "k1")
	require.Equal(t, http.StatusCreated, again.Code)
	require.Equal(t, first.Body.String(), again.Body.String())
	require.Equal(t, first.Header().Get("Location"), again.Header().Get("Location"))
	require.Equal(t, "true", again.Header().Get(repeatedHeader))
	require.Len(t, actions.retries, 1)

	other := s.call(t, "POST", retryTarget, `{"current":false}`, keyHeader, "k1")
	require.Equal(t, http.StatusUnprocessableEntity, other.Code)
	require.Contains(t, other.Body.String(), `"pointer":"/header/Idempotency-Key"`)
	require.Contains(t, other.Body.String(), everhook.ProblemKeyReused)
	require.Len(t, actions.retries, 1)

	require.Equal(t, http.StatusCreated, s.call(t, "POST", retryTarget, `{"current":true}`, keyHeader, "k2").Code)
	require.Len(t, actions.retries, 2)
	require.NotEqual(t, actions.keys[0], actions.keys[1])
	s.call(t, "POST", retryTarget, "")
	require.Nil(t, actions.keys[2])
}

func TestARequestThatIsBeingAnsweredIsNotRepeated(t *testing.T) {
	t.Parallel()
	actions := &fakeActions{hold: make(chan struct{})}
	s := newService(Options{Actions: actions, Requests: openStore(t)})
	first := make(chan *httptest.ResponseRecorder)
	go func() { first <- s.call(t, "POST", retryTarget, "", keyHeader, "k1") }()
	<-actions.hold
	second := s.call(t, "POST", retryTarget, "", keyHeader, "k1")
	require.Equal(t, http.StatusConflict, second.Code)
	require.Equal(t, "1", second.Header().Get("Retry-After"))
	actions.hold <- struct{}{}
	require.Equal(t, http.StatusCreated, (<-first).Code)
	require.Len(t, actions.retries, 1)
}

func TestARefusalIsNotKept(t *testing.T) {
	t.Parallel()
	actions := &fakeActions{err: errors.New("Temporal is away")}
	s := newService(Options{Actions: actions, Requests: openStore(t)})
	require.Equal(t, http.StatusServiceUnavailable, s.call(t, "POST", retryTarget, "", keyHeader, "k1").Code)
	actions.err = nil
	require.Equal(t, http.StatusCreated, s.call(t, "POST", retryTarget, "", keyHeader, "k1").Code)
	require.Equal(t, actions.keys[0], actions.keys[1], "the run of the first attempt may exist: it has the same ID")
}

func TestARequestOfADeadProcessIsCarriedOut(t *testing.T) {
	t.Parallel()
	actions := &fakeActions{}
	kept := openStore(t)
	s := newService(Options{Actions: actions, Requests: impatient{kept}})
	_, err := kept.BeginRequest(t.Context(), store.Request{Actor: access.Local.ID, Key: "k1"}, 0)
	require.NoError(t, err)
	w := s.call(t, "POST", retryTarget, "", keyHeader, "k1")
	require.Equal(t, http.StatusUnprocessableEntity, w.Code, "the dead process was asked for something else")
	require.NoError(t, kept.GiveUpRequest(t.Context(), store.Request{Actor: access.Local.ID, Key: "k1"}))
	require.Equal(t, http.StatusCreated, s.call(t, "POST", retryTarget, "", keyHeader, "k1").Code)
}

// impatient lets the time of every request pass at once.
type impatient struct{ *store.Store }

func (i impatient) BeginRequest(ctx context.Context, r store.Request, _ time.Duration) (store.Begun, error) {
	return i.Store.BeginRequest(ctx, r, 0)
}

func TestKeysThatAreNoneAreRefused(t *testing.T) {
	t.Parallel()
	s := newService(Options{Actions: &fakeActions{}, Requests: openStore(t)})
	for _, key := range []string{"a b", "ä", strings.Repeat("x", 256), "a\tb"} {
		w := s.call(t, "POST", retryTarget, "", keyHeader, key)
		require.Equal(t, http.StatusBadRequest, w.Code, key)
		require.Contains(t, w.Body.String(), `"pointer":"/header/Idempotency-Key"`)
	}
}
