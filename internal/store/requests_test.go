package store_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/internal/store"
)

var asked = store.Request{Actor: "token:admin", Key: "k1", Digest: "d1"}

func TestARepeatedRequestGetsTheAnswer(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		begun, err := s.BeginRequest(ctx, asked, time.Minute)
		require.NoError(t, err)
		require.Equal(t, store.Begun{}, begun)

		_, err = s.BeginRequest(ctx, asked, time.Minute)
		require.ErrorIs(t, err, store.ErrRequestRuns)
		other := asked
		other.Digest = "d2"
		_, err = s.BeginRequest(ctx, other, time.Minute)
		require.ErrorIs(t, err, store.ErrKeyReused)
		other = asked
		other.Actor = "person:ada"
		_, err = s.BeginRequest(ctx, other, time.Minute)
		require.NoError(t, err, "keys of actors have nothing to do with each other")

		require.NoError(t, s.EndRequest(ctx, asked, `{"status":200}`))
		begun, err = s.BeginRequest(ctx, asked, time.Minute)
		require.NoError(t, err)
		require.Equal(t, store.Begun{Answer: `{"status":200}`}, begun)
	})
}

func TestARefusedRequestMayBeRepeated(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		_, err := s.BeginRequest(t.Context(), asked, time.Minute)
		require.NoError(t, err)
		require.NoError(t, s.GiveUpRequest(t.Context(), asked))
		other := asked
		other.Digest = "corrected"
		begun, err := s.BeginRequest(t.Context(), other, time.Minute)
		require.NoError(t, err)
		require.Equal(t, store.Begun{}, begun)
	})
}

func TestAChangeIsKnownWithoutItsAnswer(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		// The process ends after the change, so that its time passes.
		_, err := s.BeginRequest(t.Context(), asked, 0)
		require.NoError(t, err)
		ctx := store.WithRequest(t.Context(), asked)
		_, err = s.Apply(ctx, define("a", "one", ""), "test", store.ApplyOptions{Enable: true})
		require.NoError(t, err)
		begun, err := s.BeginRequest(t.Context(), asked, 0)
		require.NoError(t, err)
		require.Equal(t, store.Begun{Changed: true}, begun)

		require.NoError(t, s.GiveUpRequest(t.Context(), asked))
		begun, err = s.BeginRequest(t.Context(), asked, time.Minute)
		require.NoError(t, err)
		require.Equal(t, store.Begun{Changed: true}, begun, "what has changed something is not forgotten")
	})
}

func TestAChangeThatFailsLeavesItsRequestUnchanged(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		_, err := s.BeginRequest(t.Context(), asked, 0)
		require.NoError(t, err)
		require.ErrorIs(t, s.Enable(store.WithRequest(t.Context(), asked), "none", 1), store.ErrNotFound)
		begun, err := s.BeginRequest(t.Context(), asked, 0)
		require.NoError(t, err)
		require.Equal(t, store.Begun{}, begun)
	})
}

func TestOfEqualRequestsOneBegins(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		var begun, running atomic.Int64
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				switch _, err := s.BeginRequest(t.Context(), asked, time.Minute); {
				case err == nil:
					begun.Add(1)
				case errors.Is(err, store.ErrRequestRuns):
					running.Add(1)
				}
			})
		}
		all.Wait()
		require.EqualValues(t, 1, begun.Load())
		require.EqualValues(t, 7, running.Load())
	})
}
