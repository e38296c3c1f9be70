package payloads_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/internal/payloads"
)

// world is the content of Temporal: workflow IDs with their roots and starts.
type world map[string]struct {
	root    string
	started time.Time
}

func (w world) Root(_ context.Context, workflow string) (string, bool, error) {
	found, ok := w[workflow]
	return found.root, ok, nil
}

func (w world) Related(_ context.Context, workflow, root string) (bool, error) {
	for id, one := range w {
		if id == workflow || id == root || one.root == root {
			return true, nil
		}
	}
	return false, nil
}

func (w world) StartedBefore(_ context.Context, t time.Time) (bool, error) {
	for _, one := range w {
		if one.started.Before(t) {
			return true, nil
		}
	}
	return false, nil
}

const week = 7 * 24 * time.Hour

// put stores one object for a workflow at noon.
func put(t *testing.T, o payloads.Objects, workflow string) {
	t.Helper()
	data := []byte("for " + workflow)
	require.NoError(t, o.Put(t.Context(), payloads.OwnerOf(workflow), workflow, payloads.NameOf(data, noon), data))
}

// left returns the workflows that have objects left.
func left(t *testing.T, o payloads.Objects) []string {
	t.Helper()
	owners, err := o.Owners(t.Context(), "", 1000)
	require.NoError(t, err)
	workflows := []string{}
	for _, owner := range owners {
		workflow, _, err := o.Owner(t.Context(), owner)
		require.NoError(t, err)
		workflows = append(workflows, workflow)
	}
	slices.Sort(workflows)
	return workflows
}

func TestASweepDeletesOnlyWhatNoHistoryCanReferTo(t *testing.T) {
	type entry = struct {
		root    string
		started time.Time
	}
	stranger := entry{"other", noon.Add(3 * week)}
	for name, test := range map[string]struct {
		// first is the content of Temporal when a sweep sees the objects first, then the later content.
		first, then world
		after       time.Duration
		want        []string
	}{
		"a run that exists": {world{"run": {"run", noon}}, world{"run": {"run", noon}},
			10 * 365 * 24 * time.Hour, []string{"run"}},
		"a run that has expired": {world{"run": {"run", noon}}, world{}, week + 2*time.Hour, []string{}},
		"within the retention":   {world{"run": {"run", noon}}, world{}, week - time.Hour, []string{"run"}},
		"a run beside long ones": {world{"run": {"run", noon}}, world{"other": {"other", noon.Add(-week)}},
			4 * week, []string{}},
		"a child whose parent exists": {world{"run": {"parent", noon}}, world{"parent": {"parent", noon}}, 4 * week,
			[]string{"run"}},
		"a parent whose child exists": {world{"run": {"run", noon}}, world{"child": {"run", noon}}, 4 * week,
			[]string{"run"}},
		"a child whose sibling exists": {world{"run": {"parent", noon}}, world{"sibling": {"parent", noon}}, 4 * week,
			[]string{"run"}},
		"a family that has expired": {world{"run": {"parent", noon}}, world{"other": stranger}, 4 * week,
			[]string{}},
		"a start that was never sent": {world{}, world{"other": stranger}, 4 * week, []string{}},
		"never seen, and old ones left": {world{}, world{"other": {"other", noon.Add(-time.Hour)}}, 4 * week,
			[]string{"run"}},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, open func(string) payloads.Objects) {
				o := open("ns")
				put(t, o, "run")
				swept, err := payloads.NewSweeper(o, test.first, week).At(noon.Add(time.Hour)).Sweep(t.Context())
				require.NoError(t, err)
				require.Equal(t, payloads.Swept{Owners: 1, Kept: 1}, swept)
				swept, err = payloads.NewSweeper(o, test.then, week).At(noon.Add(test.after)).Sweep(t.Context())
				require.NoError(t, err)
				require.Equal(t, test.want, left(t, o))
				require.Equal(t, len(test.want), swept.Kept)
				require.Equal(t, 1-len(test.want), swept.Deleted)
			})
		})
	}
}

func TestASweepKeepsWhatIsYoungOfARunThatRanBefore(t *testing.T) {
	each(t, func(t *testing.T, open func(string) payloads.Objects) {
		o := open("ns")
		put(t, o, "run")
		now := noon.Add(4 * week)
		late := payloads.NameOf([]byte("late"), now)
		require.NoError(t, o.Put(t.Context(), payloads.OwnerOf("run"), "run", late, []byte("late")))
		swept, err := payloads.NewSweeper(o, world{}, week).At(now).Sweep(t.Context())
		require.NoError(t, err)
		require.Equal(t, payloads.Swept{Owners: 1, Kept: 1, Deleted: 1, Bytes: 7}, swept)
		names, err := o.Names(t.Context(), payloads.OwnerOf("run"))
		require.NoError(t, err)
		require.Equal(t, []string{late}, names, "the start of the run may be on its way")
	})
}

// away is a Temporal that does not answer.
type away struct{ world }

func (away) Related(context.Context, string, string) (bool, error) {
	return false, errors.New("the visibility store is away")
}

func TestASweepDeletesNothingThatItCannotAskAbout(t *testing.T) {
	each(t, func(t *testing.T, open func(string) payloads.Objects) {
		o := open("ns")
		put(t, o, "run")
		_, err := payloads.NewSweeper(o, away{}, week).At(noon.Add(4 * week)).Sweep(t.Context())
		require.ErrorContains(t, err, "is away")
		require.Equal(t, []string{"run"}, left(t, o))
	})
}
