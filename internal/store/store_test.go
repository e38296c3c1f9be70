package store_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/store"
	"github.com/everhook/everhook/internal/store/storetest"
)

func open(t *testing.T, path string) *store.Store {
	t.Helper()
	return storetest.Place(path).Open(t)
}

// each runs a test on an empty store of both engines.
func each(t *testing.T, test func(t *testing.T, s *store.Store)) {
	t.Helper()
	t.Parallel()
	storetest.Each(t, func(t *testing.T, at storetest.Place) { test(t, at.Open(t)) })
}

// define makes a definition whose content depends on its arguments.
func define(key, title, token string) *everhook.Definition {
	config := everhook.Mapping{}
	if token != "" {
		config["token"] = token
	}
	return &everhook.Definition{
		Key: key, Title: title, Mode: everhook.Sync, Trigger: everhook.Trigger{Type: "webhook", Config: config},
		Nodes: []everhook.Node{{Key: "n", Type: "condition", Config: everhook.Mapping{"expression": "a < 1.5",
			"list": []any{1, nil, 2.5}},
			Branches: everhook.Branches{{Name: "then", Nodes: []everhook.Node{}}, {Name: "else"}}}},
	}
}

func apply(t *testing.T, s *store.Store, def *everhook.Definition, enable bool) store.Applied {
	t.Helper()
	applied, err := s.Apply(t.Context(), def, "test", store.ApplyOptions{Enable: enable})
	require.NoError(t, err)
	return applied
}

func TestApplyMakesVersionsOfNewContentOnly(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		first := apply(t, s, define("a", "one", ""), true)
		require.True(t, first.Created)
		require.Equal(t, 1, first.Version.Number)
		second := apply(t, s, define("a", "two", ""), true)
		require.True(t, second.Created)
		require.Equal(t, 2, second.Version.Number)

		again := apply(t, s, define("a", "one", ""), false)
		require.False(t, again.Created)
		require.Equal(t, 1, again.Version.Number)
		require.Equal(t, first.Version.Hash, again.Version.Hash)
		flow, err := s.Flow(t.Context(), "a")
		require.NoError(t, err)
		require.Equal(t, 2, flow.Enabled, "a version that is not to be enabled leaves the other one enabled")

		apply(t, s, define("a", "one", ""), true)
		flow, err = s.Flow(t.Context(), "a")
		require.NoError(t, err)
		require.Equal(t, 1, flow.Enabled)
		require.Equal(t, 2, flow.Latest)
	})
}

func TestAStoredVersionIsTheDefinitionThatWasApplied(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		def := define("a", "one", "")
		applied := apply(t, s, def, true)
		version, err := s.Version(t.Context(), "a", 1)
		require.NoError(t, err)
		require.Equal(t, applied.Version, version)
		hash, err := version.Definition.Hash()
		require.NoError(t, err)
		require.Equal(t, version.Hash, hash)
	})
}

func TestFlowTellsWhatBelongsToItsKey(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		before := time.Now().Add(-time.Millisecond)
		applied := apply(t, s, define("a", "one", ""), false)
		flow, err := s.Flow(t.Context(), "a")
		require.NoError(t, err)
		require.Len(t, flow.Secret, 32)
		require.Regexp(t, `^[a-z2-7]{26}$`, flow.Token)
		require.Equal(t, applied.Token, flow.Token)
		require.True(t, everhook.IsToken(flow.Token))
		require.True(t, flow.UpdatedAt.After(before) && flow.UpdatedAt.Before(time.Now().Add(time.Millisecond)),
			flow.UpdatedAt)
		require.Equal(t, store.Flow{
			Key: "a", Token: flow.Token, Secret: flow.Secret, Latest: 1, Title: "one", Mode: everhook.Sync,
			Source:    "test",
			UpdatedAt: flow.UpdatedAt, Managed: store.ManagedByStore, Revision: 2,
		}, flow)

		apply(t, s, define("a", "two", ""), false)
		require.NoError(t, s.Enable(t.Context(), "a", 1))
		after, err := s.Flow(t.Context(), "a")
		require.NoError(t, err)
		require.Equal(t, "one", after.Title, "the title is the enabled version's")
		require.Equal(t, flow.Secret, after.Secret)
		require.Equal(t, flow.Token, after.Token)
		require.NoError(t, s.Disable(t.Context(), "a"))
		after, err = s.Flow(t.Context(), "a")
		require.NoError(t, err)
		require.Equal(t, "two", after.Title, "the title is that of the latest version where none is enabled")
	})
}

func TestFlowsDifferInTokenAndSecret(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		apply(t, s, define("b", "", ""), true)
		apply(t, s, define("a", "", ""), false)
		flows, err := s.Flows(t.Context())
		require.NoError(t, err)
		require.Len(t, flows, 2)
		require.Equal(t, "a", flows[0].Key)
		require.NotEqual(t, flows[0].Token, flows[1].Token)
		require.NotEqual(t, flows[0].Secret, flows[1].Secret)

		enabled, err := s.EnabledVersions(t.Context())
		require.NoError(t, err)
		require.Len(t, enabled, 1)
		require.Equal(t, flows[1], enabled[0].Flow)
		version, err := s.Version(t.Context(), "b", 1)
		require.NoError(t, err)
		require.Equal(t, version, enabled[0].Version)
	})
}

func TestAFlowHasTheTokenOfItsEnabledVersion(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		token := func() string {
			flow, err := s.Flow(t.Context(), "a")
			require.NoError(t, err)
			return flow.Token
		}
		require.Equal(t, "first-token", apply(t, s, define("a", "1", "first-token"), false).Token)
		require.Equal(t, "first-token", apply(t, s, define("a", "2", ""), true).Token,
			"a version without a token keeps it")
		require.Equal(t, "first-token", apply(t, s, define("a", "3", "other-token"), false).Token,
			"the URL stays as long as the version is not enabled")
		require.NoError(t, s.Enable(t.Context(), "a", 3))
		require.Equal(t, "other-token", token())
		require.NoError(t, s.Enable(t.Context(), "a", 1))
		require.Equal(t, "first-token", token())
	})
}

func TestATokenBelongsToOneFlow(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		apply(t, s, define("a", "", "shared-token"), true)
		for _, enable := range []bool{true, false} {
			_, err := s.Apply(t.Context(), define("b", "", "shared-token"), "test", store.ApplyOptions{Enable: enable})
			require.ErrorIs(t, err, store.ErrTokenTaken)
			require.EqualError(t, err,
				`the token is taken: flow "a" has it; choose another, or leave it out, and one is made`)
		}
		_, err := s.Flow(t.Context(), "b")
		require.ErrorIs(t, err, store.ErrNotFound, "nothing of a refused version is kept")

		apply(t, s, define("a", "", "a-new-token"), true)
		apply(t, s, define("b", "", "shared-token"), true)
		require.ErrorIs(t, s.Enable(t.Context(), "a", 1), store.ErrTokenTaken)
	})
}

func TestApplyRefusesKeysAndTokensThatAreNone(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		for want, def := range map[string]*everhook.Definition{
			`"A b" is no flow's key; a key is made of a-z, 0-9 and -`:                       define("A b", "", ""),
			`the token of flow "a" is none; a token has 8 to 128 of A-Z, a-z, 0-9, _ and -`: define("a", "", "short"),
		} {
			_, err := s.Apply(t.Context(), def, "test", store.ApplyOptions{})
			require.EqualError(t, err, want)
		}
	})
}

func TestVersionsAreListedFromTheNewest(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		for i := range 3 {
			apply(t, s, define("a", fmt.Sprint(i), ""), true)
		}
		versions, err := s.Versions(t.Context(), "a")
		require.NoError(t, err)
		require.Len(t, versions, 3)
		for i, version := range versions {
			require.Equal(t, 3-i, version.Number)
			require.Equal(t, fmt.Sprint(2-i), version.Title)
			require.Equal(t, "test", version.Source)
			require.Equal(t, everhook.Sync, version.Mode)
			require.WithinDuration(t, time.Now(), version.CreatedAt, time.Minute)
		}
	})
}

func TestDeleteRemovesAFlowWithAllOfIt(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		first := apply(t, s, define("a", "", ""), true)
		before, err := s.Flow(t.Context(), "a")
		require.NoError(t, err)
		require.NoError(t, s.Delete(t.Context(), "a"))
		_, err = s.Version(t.Context(), "a", 1)
		require.ErrorIs(t, err, store.ErrNotFound)

		again := apply(t, s, define("a", "", ""), true)
		require.True(t, again.Created)
		require.NotEqual(t, first.Token, again.Token)
		after, err := s.Flow(t.Context(), "a")
		require.NoError(t, err)
		require.NotEqual(t, before.Secret, after.Secret)
	})
}

func TestWhatDoesNotExistIsNotFound(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		apply(t, s, define("a", "", ""), true)
		_, flow := s.Flow(t.Context(), "none")
		_, version := s.Version(t.Context(), "a", 2)
		_, versions := s.Versions(t.Context(), "none")
		for want, err := range map[string]error{
			`flow "none": not found`:           flow,
			`version 2 of flow "a": not found`: version,
		} {
			require.EqualError(t, err, want)
			require.ErrorIs(t, err, store.ErrNotFound)
		}
		for _, err := range []error{
			versions, s.Disable(t.Context(), "none"), s.Delete(t.Context(), "none"), s.Enable(t.Context(), "none", 1),
			s.Enable(t.Context(), "a", 2), s.Enable(t.Context(), "a", 0),
		} {
			require.ErrorIs(t, err, store.ErrNotFound)
		}
	})
}

func TestTheRevisionGrowsWithEveryChangeAndOnlyThen(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		revision := func() int64 {
			revision, err := s.Revision(t.Context())
			require.NoError(t, err)
			return revision
		}
		last := revision()
		changes := func(want bool, what string) {
			t.Helper()
			now := revision()
			require.Equal(t, want, now > last, what)
			last = now
		}
		apply(t, s, define("a", "1", ""), true)
		changes(true, "a new flow")
		apply(t, s, define("a", "1", ""), true)
		changes(false, "the same content")
		apply(t, s, define("a", "2", ""), false)
		changes(true, "a new version")
		require.NoError(t, s.Enable(t.Context(), "a", 2))
		changes(true, "another version enabled")
		require.NoError(t, s.Enable(t.Context(), "a", 2))
		changes(false, "the same version enabled")
		require.NoError(t, s.Disable(t.Context(), "a"))
		changes(true, "disabled")
		require.NoError(t, s.Disable(t.Context(), "a"))
		changes(false, "disabled already")
		_, err := s.Apply(t.Context(), define("a", "2", ""), "elsewhere", store.ApplyOptions{})
		require.NoError(t, err)
		changes(true, "another source")
		require.ErrorIs(t, s.Delete(t.Context(), "b"), store.ErrNotFound)
		changes(false, "nothing deleted")
		require.NoError(t, s.Delete(t.Context(), "a"))
		changes(true, "deleted")
	})
}

func TestConcurrentAppliesSerialise(t *testing.T) {
	t.Parallel()
	storetest.Each(t, testConcurrentApplies)
}

func testConcurrentApplies(t *testing.T, at storetest.Place) {
	stores := []*store.Store{at.Open(t), at.Open(t)}
	const writers, rounds = 8, 10
	var group sync.WaitGroup
	errs := make(chan error, writers*rounds)
	for w := range writers {
		group.Go(func() {
			for r := range rounds {
				// Writers of different stores write equal contents.
				_, err := stores[w%2].Apply(t.Context(), define("a", fmt.Sprintf("%d/%d", w/2, r), ""), "test",
					store.ApplyOptions{Enable: true})
				errs <- err
			}
		})
	}
	group.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
	versions, err := stores[0].Versions(t.Context(), "a")
	require.NoError(t, err)
	require.Len(t, versions, writers/2*rounds)
	require.Equal(t, writers/2*rounds, versions[0].Number, "no number is left out")
	flow, err := stores[1].Flow(t.Context(), "a")
	require.NoError(t, err)
	require.Equal(t, versions[0].Number, flow.Latest)
}

func TestAWriteThatIsCutOffLeavesNothing(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := s.Apply(ctx, define("a", "", ""), "test", store.ApplyOptions{Enable: true})
		require.ErrorIs(t, err, context.Canceled)
		flows, err := s.Flows(t.Context())
		require.NoError(t, err)
		require.Empty(t, flows)
	})
}
