package everhook_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
)

func TestRunIDsAreWrittenOneWay(t *testing.T) {
	t.Parallel()
	id := everhook.NewRunID()
	require.NotEqual(t, id, everhook.NewRunID())
	parsed, ok := everhook.ParseRunID(string(id))
	require.True(t, ok)
	require.Equal(t, id, parsed)
	for _, text := range []string{"", "short", strings.ToUpper(string(id)), string(id) + "a", strings.Repeat("1", 26),
		strings.Repeat("a", 25) + "\n"} {
		_, ok := everhook.ParseRunID(text)
		require.False(t, ok, text)
	}
}

func TestADedupeKeyHasOneRunIDPerFlow(t *testing.T) {
	t.Parallel()
	id := everhook.DerivedRunID([]byte("secret of a flow"), "delivery-1")
	require.Equal(t, everhook.RunID("jb3sub6ju3rjzvh2wl3tl6hmzi"), id, "stored runs depend on it: it never changes")
	require.NotEqual(t, id, everhook.DerivedRunID([]byte("secret of a flow"), "delivery-2"))
	require.NotEqual(t, id, everhook.DerivedRunID([]byte("secret of another"), "delivery-1"))
	_, ok := everhook.ParseRunID(string(id))
	require.True(t, ok)
	_, ok = everhook.ParseRunID(string(everhook.DerivedRunID(nil, strings.Repeat("long", 10_000))))
	require.True(t, ok)
}

func TestAWorkflowIDTellsFlowAndRun(t *testing.T) {
	t.Parallel()
	id := everhook.NewRunID()
	flow, run, ok := everhook.ParseWorkflowID(everhook.WorkflowID("order-intake", id))
	require.True(t, ok)
	require.Equal(t, "order-intake", flow)
	require.Equal(t, id, run)
	for _, text := range []string{"", "order-intake", "order-intake/", "/" + string(id), "Order/" + string(id), "a/b/" +
		string(id), "a/" + string(id) + "/b"} {
		_, _, ok := everhook.ParseWorkflowID(text)
		require.False(t, ok, text)
	}
}

func TestStatusesHaveTheNumbersOfExports(t *testing.T) {
	t.Parallel()
	for status, number := range map[everhook.Status]int{
		everhook.Queued: 0, everhook.Pending: 0, everhook.Resolved: 1, everhook.Failed: -1, everhook.Errored: -2,
		everhook.Aborted: -3, everhook.Cancelled: -4, everhook.Rejected: -5,
	} {
		require.Equal(t, number, status.Number(), status)
		require.Equal(t, number != 0, status.Ended(), status)
		require.Equal(t, number == -1 || number == -2 || number == -5, status.Catchable(), status)
		parsed, err := everhook.ParseStatus(string(status))
		require.NoError(t, err)
		require.Equal(t, status, parsed)
	}
	require.Len(t, everhook.Statuses, 8)
	_, err := everhook.ParseStatus("Resolved")
	require.EqualError(t, err, `unknown status "Resolved"`)
}

func TestAnErrorNamesTheDeepestNode(t *testing.T) {
	t.Parallel()
	require.Nil(t, everhook.AsError(nil))
	failure := everhook.Failuref(everhook.TypeStatus, "answered %d", 402)
	require.Equal(t, everhook.Failed, failure.Status)
	require.Equal(t, "answered 402", failure.Error())
	named := failure.At("charge").At("outer")
	require.Equal(t, "charge: answered 402", named.Error())
	require.Empty(t, failure.Node, "the error itself stays as it is")
	require.Same(t, named, everhook.AsError(wrapped{named}))
	require.Equal(t, &everhook.Error{Status: everhook.Errored, Type: everhook.TypeInternal, Message: "odd"},
		everhook.AsError(wrapped{}))
	require.Equal(t, everhook.Errored, everhook.Errorf(everhook.TypeLimit, "x").Status)
}

type wrapped struct{ inner error }

func (w wrapped) Error() string { return "odd" }
func (w wrapped) Unwrap() error { return w.inner }

func TestTheRunIDOfACallerCannotBeMadeWithAnotherKey(t *testing.T) {
	t.Parallel()
	secret := []byte("secret of a flow")
	require.Equal(t, everhook.DerivedRunID(secret, "k"), everhook.CallerRunID(secret, "", "k"))
	seen := map[everhook.RunID]bool{}
	for _, caller := range []string{"", "a", "b", "ab"} {
		for _, key := range []string{"k", "a\x00k", "everhook caller a", "everhook caller a\x00k", "bk"} {
			seen[everhook.CallerRunID(secret, caller, key)] = true
		}
	}
	require.Len(t, seen, 20)
	require.Equal(t, everhook.CallerRunID(secret, "a", "k"), everhook.CallerRunID(secret, "a", "k"))
	require.NotEqual(t, everhook.CallerRunID(secret, "a", "k"), everhook.CallerRunID([]byte("other"), "a", "k"))
}
