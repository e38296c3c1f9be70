package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/store"
	"github.com/everhook/everhook/internal/store/storetest"
)

// ann is a person's context.
func ann(t *testing.T) context.Context {
	return access.WithAddress(access.With(t.Context(), access.Actor{ID: "person:1", Kind: access.KindPerson,
		Name: "Ann",
		Role: access.Editor}), "192.0.2.7")
}

func TestAVersionKeepsItsTextNoteAndAuthor(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		put := func(text string) store.Applied {
			applied, err := s.Apply(ann(t), define("a", "", ""), "console", store.ApplyOptions{Enable: true, Text: text,
				Note: "why"})
			require.NoError(t, err)
			return applied
		}
		require.Equal(t, 1, put("key: a # one").Version.Number)
		require.Equal(t, 2, put("key: a # two").Version.Number, "another comment is another version")
		again := put("key: a # one")
		require.Equal(t, 1, again.Version.Number)
		require.False(t, again.Created)
		text, err := s.Text(t.Context(), "a", 2)
		require.NoError(t, err)
		require.Equal(t, "key: a # two", text)
		_, err = s.Text(t.Context(), "a", 3)
		require.ErrorIs(t, err, store.ErrNotFound)
		versions, err := s.Versions(t.Context(), "a")
		require.NoError(t, err)
		require.Equal(t, []string{"person:1", "why"}, []string{versions[0].Author, versions[0].Note})
		require.Equal(t, 2, apply(t, s, define("a", "", ""), false).Version.Number,
			"without a text, the latest one is meant")
	})
}

func TestAVersionOfAnOldBuildTakesItsText(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		apply(t, s, define("a", "", ""), true)
		applied, err := s.Apply(t.Context(), define("a", "", ""), "f.yaml", store.ApplyOptions{Text: "key: a",
			Enable: true})
		require.NoError(t, err)
		require.Equal(t, 1, applied.Version.Number)
		text, err := s.Text(t.Context(), "a", 1)
		require.NoError(t, err)
		require.Equal(t, "key: a", text)
	})
}

func TestApplyBoundsTextsAndNotes(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		for want, o := range map[string]store.ApplyOptions{
			"at most 1048576 are kept":               {Text: strings.Repeat("a", store.MaxText+1)},
			"the note has more than 1000 characters": {Note: strings.Repeat("ä", store.MaxNote+1)},
		} {
			_, err := s.Apply(t.Context(), define("a", "", ""), "", o)
			require.ErrorContains(t, err, want)
		}
	})
}

func TestAChangeNeedsTheRevisionThatWasRead(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		applied, err := s.Apply(t.Context(), define("a", "1", ""), "", store.ApplyOptions{Enable: true,
			When: []store.Precondition{store.AtRevision(0)}})
		require.NoError(t, err)
		_, err = s.Apply(t.Context(), define("a", "2", ""), "", store.ApplyOptions{
			When: []store.Precondition{store.AtRevision(0)}})
		require.ErrorIs(t, err, store.ErrStale)
		require.EqualError(t, err, `flow "a" exists: changed since it was read`)
		read := store.AtRevision(applied.Revision)
		require.NoError(t, s.Disable(t.Context(), "a", read))
		for _, err := range []error{
			s.Enable(t.Context(), "a", 1, read), s.Disable(t.Context(), "a", read), s.Delete(t.Context(), "a", read),
			s.SetLabels(t.Context(), "a", nil, read),
		} {
			require.ErrorIs(t, err, store.ErrStale)
		}
		flow, err := s.Flow(t.Context(), "a")
		require.NoError(t, err)
		require.Equal(t, 0, flow.Enabled)
		require.Equal(t, 1, flow.Latest)

		require.NoError(t, s.Delete(t.Context(), "a", store.AtRevision(flow.Revision)))
		apply(t, s, define("a", "1", ""), true)
		require.ErrorIs(t, s.Delete(t.Context(), "a", read), store.ErrStale, "it is another flow now")
	})
}

func TestFlowsOfFilesAreNotChangedElsewhere(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		_, err := s.Apply(t.Context(), define("a", "", ""), "/flows/a.yaml", store.ApplyOptions{Enable: true,
			Managed: store.ManagedByFiles})
		require.NoError(t, err)
		err = s.Disable(t.Context(), "a", store.NotManagedByFiles)
		require.ErrorIs(t, err, store.ErrManagedByFiles)
		require.EqualError(t, err, `flow "a" is managed by files: change /flows/a.yaml`)
		apply(t, s, define("a", "", ""), true)
		require.NoError(t, s.Disable(t.Context(), "a", store.NotManagedByFiles), "it was applied to the store since")
	})
}

func TestAPauseStaysUntilItEnds(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		apply(t, s, define("a", "", ""), true)
		paused := func() bool {
			flow, err := s.Flow(t.Context(), "a")
			require.NoError(t, err)
			return flow.Paused
		}
		require.False(t, paused())
		require.NoError(t, s.SetPaused(t.Context(), "a", true))
		apply(t, s, define("a", "next", ""), true)
		require.True(t, paused(), "a new version keeps it")
		require.NoError(t, s.SetPaused(t.Context(), "a", false))
		require.False(t, paused())
		require.ErrorIs(t, s.SetPaused(t.Context(), "b", true), store.ErrNotFound)
	})
}

func TestLabelsGroupFlows(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		apply(t, s, define("a", "", ""), true)
		require.NoError(t, s.SetLabels(t.Context(), "a", []string{"shop", "billing", "shop"}))
		flow, err := s.Flow(t.Context(), "a")
		require.NoError(t, err)
		require.Equal(t, []string{"billing", "shop"}, flow.Labels)
		apply(t, s, define("a", "next", ""), true)
		flow, err = s.Flow(t.Context(), "a")
		require.NoError(t, err)
		require.Equal(t, []string{"billing", "shop"}, flow.Labels, "a new version keeps them")
		for _, wrong := range [][]string{{""}, {" a"}, {"a\nb"}, {strings.Repeat("x", 41)}, {"\xff"}} {
			require.ErrorContains(t, s.SetLabels(t.Context(), "a", wrong), "cannot be a label")
		}
		many := make([]string, 21)
		for i := range many {
			many[i] = fmt.Sprint(i)
		}
		require.EqualError(t, s.SetLabels(t.Context(), "a", many), "21 labels are too many; a flow can have 20")
	})
}

func TestARotatedTokenKeepsTheOldOneForAWhile(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		before := apply(t, s, define("a", "", ""), true).Token
		token, err := s.RotateToken(t.Context(), "a", time.Hour)
		require.NoError(t, err)
		flow, err := s.Flow(t.Context(), "a")
		require.NoError(t, err)
		require.Equal(t, []string{token, before}, []string{flow.Token, flow.OldToken})
		require.WithinDuration(t, time.Now().Add(time.Hour), flow.OldTokenUntil, time.Minute)
		_, err = s.Apply(t.Context(), define("b", "", before), "", store.ApplyOptions{})
		require.ErrorIs(t, err, store.ErrTokenTaken, "callers still use it")

		apply(t, s, define("named", "", "a-named-token"), true)
		_, err = s.RotateToken(t.Context(), "named", 0)
		require.ErrorIs(t, err, store.ErrTokenNamed)
		_, err = s.RotateToken(t.Context(), "none", 0)
		require.ErrorIs(t, err, store.ErrNotFound)
	})
}

func TestEveryChangeIsInTheAuditTrail(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		ctx := ann(t)
		_, err := s.Apply(ctx, define("a", "", ""), "console", store.ApplyOptions{})
		require.NoError(t, err)
		require.NoError(t, s.Enable(ctx, "a", 1))
		require.NoError(t, s.Enable(ctx, "a", 1), "it is enabled already: no change")
		require.NoError(t, s.SetLabels(ctx, "a", []string{"shop"}))
		_, err = s.RotateToken(ctx, "a", time.Hour)
		require.NoError(t, err)
		require.NoError(t, s.Disable(ctx, "a"))
		require.NoError(t, s.Delete(t.Context(), "a"))
		require.NoError(t, s.Record(ctx, store.Change{Action: "cancel", Object: "run", Name: "a/1"}))
		require.ErrorIs(t, s.Delete(ctx, "a"), store.ErrNotFound, "what fails is not in it")

		entries, err := s.Audit(t.Context(), store.AuditFilter{})
		require.NoError(t, err)
		var actions []string
		for _, entry := range entries {
			actions = append(actions, entry.Action)
			require.WithinDuration(t, time.Now(), entry.At, time.Minute)
		}
		require.Equal(t, []string{"cancel", "delete", "disable", "rotate-token", "label", "enable", "apply"}, actions)
		enabled := entries[5]
		require.Equal(t, store.Entry{ID: enabled.ID, At: enabled.At, Actor: "person:1", ActorKind: access.KindPerson,
			ActorName: "Ann", Address: "192.0.2.7", Change: store.Change{Action: "enable", Object: "flow", Name: "a",
				Detail: map[string]any{"version": 1.0, "before": 0.0}}}, enabled)
		require.Equal(t, "system", entries[1].Actor, "without an actor it is the server itself")

		for want, filter := range map[string]store.AuditFilter{
			"cancel":                 {Object: "run", Name: "a/1"},
			"delete":                 {Actor: "system"},
			"enable":                 {Action: "enable"},
			"enable apply":           {Before: entries[4].ID},
			"cancel delete":          {Limit: 2},
			"":                       {Until: entries[6].At},
			"cancel delete disable ": {Since: entries[2].At, Limit: 3},
		} {
			found, err := s.Audit(t.Context(), filter)
			require.NoError(t, err)
			actions = nil
			for _, entry := range found {
				actions = append(actions, entry.Action)
			}
			require.Equal(t, strings.TrimSpace(want), strings.Join(actions, " "))
		}
		deleted, err := s.ForgetAudit(t.Context(), entries[3].At)
		require.NoError(t, err)
		require.Equal(t, int64(3), deleted)
	})
}

func TestDraftsAreUndoneAndRedone(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		put := func(revision int64, text string) store.Draft {
			draft, err := s.PutDraft(ann(t), store.DraftPut{Flow: "new", Text: text, Revision: revision,
				Operation: "write " + text})
			require.NoError(t, err)
			return draft
		}
		one := put(0, "one")
		require.Len(t, one.Token, 26)
		require.Equal(t, store.Draft{Flow: "new", Revision: 1, Text: "one", Operation: "write one", Author: "person:1",
			SavedAt: one.SavedAt, Token: one.Token}, one)
		two := put(1, "two")
		three := put(two.Revision, "three")
		require.Equal(t, int64(3), put(three.Revision, "three").Revision, "the same text is no revision")

		back, err := s.UndoDraft(t.Context(), "new", 3)
		require.NoError(t, err)
		require.Equal(t, []any{"two", int64(1), int64(3)}, []any{back.Text, back.Undo, back.Redo})
		_, err = s.UndoDraft(t.Context(), "new", 3)
		require.ErrorIs(t, err, store.ErrStale)
		forth, err := s.RedoDraft(t.Context(), "new", 2)
		require.NoError(t, err)
		require.Equal(t, three.Text, forth.Text)
		_, err = s.RedoDraft(t.Context(), "new", 3)
		require.ErrorIs(t, err, store.ErrNotFound)

		_, err = s.UndoDraft(t.Context(), "new", 3)
		require.NoError(t, err)
		four := put(2, "four")
		require.Equal(t, []any{int64(4), int64(2), int64(0)}, []any{four.Revision, four.Undo, four.Redo},
			"what was undone is dropped, and its number is not used again")
		revisions, err := s.DraftRevisions(t.Context(), "new")
		require.NoError(t, err)
		require.Len(t, revisions, 3)
		require.Equal(t, "write four", revisions[0].Operation)
		keys, err := s.Drafts(t.Context())
		require.NoError(t, err)
		require.Equal(t, []string{"new"}, keys)
	})
}

func TestADraftHasOneWriterAtATime(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, at storetest.Place) {
		stores := []*store.Store{at.Open(t), at.Open(t)}
		_, err := stores[0].PutDraft(t.Context(), store.DraftPut{Flow: "a", Text: "begin"})
		require.NoError(t, err)
		var group sync.WaitGroup
		won := make(chan string, 8)
		for writer := range 8 {
			group.Go(func() {
				text := fmt.Sprint(writer)
				_, err := stores[writer%2].PutDraft(t.Context(), store.DraftPut{Flow: "a", Text: text, Revision: 1})
				if err == nil {
					won <- text
				} else if !isStale(err) {
					t.Error(err)
				}
			})
		}
		group.Wait()
		draft, err := stores[0].Draft(t.Context(), "a")
		require.NoError(t, err)
		require.Len(t, won, 1)
		require.Equal(t, <-won, draft.Text)
	})
}

func TestADraftKeepsItsLastHundredRevisions(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		var draft store.Draft
		var err error
		for i := range 130 {
			draft, err = s.PutDraft(t.Context(), store.DraftPut{Flow: "a", Text: fmt.Sprint(i),
				Revision: draft.Revision})
			require.NoError(t, err)
		}
		revisions, err := s.DraftRevisions(t.Context(), "a")
		require.NoError(t, err)
		require.Len(t, revisions, 100)
		require.Equal(t, int64(31), revisions[99].Number)
	})
}

func TestTypingOfASecondIsOneRevision(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		draft, err := s.PutDraft(t.Context(), store.DraftPut{Flow: "a", Text: "begin"})
		require.NoError(t, err)
		began := time.Now()
		typed := 0
		for ; time.Since(began) < 1500*time.Millisecond; typed++ {
			draft, err = s.PutDraft(t.Context(), store.DraftPut{Flow: "a", Text: fmt.Sprint("typed ", typed),
				Revision: draft.Revision, Typing: true})
			require.NoError(t, err)
		}
		revisions, err := s.DraftRevisions(t.Context(), "a")
		require.NoError(t, err)
		require.Greater(t, typed, 2)
		require.LessOrEqual(t, len(revisions), 3, "the beginning, the first second, and the rest")
		_, err = s.PutDraft(access.With(t.Context(), access.Local), store.DraftPut{Flow: "a", Text: "by another",
			Revision: draft.Revision, Typing: true})
		require.NoError(t, err)
		after, err := s.DraftRevisions(t.Context(), "a")
		require.NoError(t, err)
		require.Len(t, after, len(revisions)+1, "each author has revisions of their own")
	})
}

func TestADraftEndsWithItsPublicationOrWhenDiscarded(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		draft, err := s.PutDraft(t.Context(), store.DraftPut{Flow: "a", Text: "key: a", Base: 0})
		require.NoError(t, err)
		_, err = s.Apply(t.Context(), define("a", "", ""), "", store.ApplyOptions{Draft: draft.Revision + 1})
		require.ErrorIs(t, err, store.ErrStale)
		_, err = s.Flow(t.Context(), "a")
		require.ErrorIs(t, err, store.ErrNotFound, "nothing of a refused publication is kept")
		_, err = s.Apply(t.Context(), define("a", "", ""), "", store.ApplyOptions{Draft: draft.Revision,
			Text: draft.Text})
		require.NoError(t, err)
		_, err = s.Draft(t.Context(), "a")
		require.ErrorIs(t, err, store.ErrNotFound)
		_, err = s.PutDraft(t.Context(), store.DraftPut{Flow: "a", Text: "late", Revision: draft.Revision})
		require.EqualError(t, err, `the draft of flow "a": not found: it was published or discarded`)

		draft, err = s.PutDraft(t.Context(), store.DraftPut{Flow: "a", Text: "key: a", Base: 1})
		require.NoError(t, err)
		require.ErrorIs(t, s.DiscardDraft(t.Context(), "a", draft.Revision+1), store.ErrStale)
		require.NoError(t, s.DiscardDraft(t.Context(), "a", draft.Revision))
		require.ErrorIs(t, s.DiscardDraft(t.Context(), "a", draft.Revision), store.ErrNotFound)
	})
}

func TestDraftsAreBounded(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		_, err := s.PutDraft(t.Context(), store.DraftPut{Flow: "A b"})
		require.ErrorContains(t, err, "is no flow's key")
		_, err = s.PutDraft(t.Context(), store.DraftPut{Flow: "a", Text: strings.Repeat("x", store.MaxText+1)})
		require.ErrorContains(t, err, "at most 1048576 are kept")
	})
}

func TestARunIsCountedOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, at storetest.Place) {
		stores := []*store.Store{at.Open(t), at.Open(t)}
		noon := time.Date(2026, 2, 3, 12, 0, 0, 0, time.UTC)
		var runs []store.ClosedRun
		for i := range 30 {
			status := everhook.Resolved
			if i%3 == 0 {
				status = everhook.Failed
			}
			runs = append(runs, store.ClosedRun{Execution: fmt.Sprint("run", i), Flow: "a", Version: 1 + i%2,
				Status:   status,
				ClosedAt: noon.Add(time.Duration(i) * time.Second)})
		}
		var group sync.WaitGroup
		for counter := range 6 {
			group.Go(func() {
				if err := stores[counter%2].CountRuns(t.Context(), runs, noon.Add(30*time.Second)); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		s := stores[0]
		counters, err := s.Counters(t.Context(), "a")
		require.NoError(t, err)
		require.Equal(t, []store.Counter{{1, everhook.Failed, 5}, {1, everhook.Resolved, 10},
			{2, everhook.Failed, 5}, {2, everhook.Resolved, 10}}, counters)

		// A day later the executions are forgotten, and still not counted again.
		tomorrow := noon.Add(24 * time.Hour)
		late := store.ClosedRun{Execution: "late", Flow: "a", Version: 2, Status: everhook.Resolved,
			ClosedAt: tomorrow.Add(-store.CountWindow() / 2)}
		require.NoError(t, s.CountRuns(t.Context(), nil, tomorrow))
		require.NoError(t, s.CountRuns(t.Context(), append(runs, late), time.Time{}))
		all, err := s.AllCounters(t.Context())
		require.NoError(t, err)
		require.Equal(t, map[string]map[everhook.Status]int64{"a": {everhook.Failed: 10,
			everhook.Resolved: 21}}, all)
		cursor, err := s.CountCursor(t.Context())
		require.NoError(t, err)
		require.Equal(t, tomorrow, cursor)
	})
}

func TestALeaseHasOneHolder(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, at storetest.Place) {
		a, b := at.Open(t), at.Open(t)
		held := func(s *store.Store, holder string, length time.Duration) bool {
			held, err := s.Lease(t.Context(), "work", holder, length)
			require.NoError(t, err)
			return held
		}
		require.True(t, held(a, "a", time.Hour))
		require.False(t, held(b, "b", time.Hour))
		require.True(t, held(a, "a", -time.Second), "its holder renews it")
		require.True(t, held(b, "b", time.Hour), "it had ended")
		require.NoError(t, a.ReleaseLease(t.Context(), "work", "a"))
		require.False(t, held(a, "a", time.Hour), "only its holder ends it")
		require.NoError(t, b.ReleaseLease(t.Context(), "work", "b"))
		require.True(t, held(a, "a", time.Hour))
	})
}

func isStale(err error) bool { return errors.Is(err, store.ErrStale) }
