package everhook_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
)

func TestDeliveryIDsAreSortedByTime(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 7, 30, 12, 0, 0, 123_456_789, time.UTC)
	var ids []string
	for i := range 200 {
		ids = append(ids, everhook.NewDeliveryID(at.Add(time.Duration(i)*time.Millisecond)))
	}
	require.True(t, slices.IsSorted(ids))
	got, ok := everhook.DeliveryTime(ids[0])
	require.True(t, ok)
	require.Equal(t, at.Truncate(time.Millisecond), got)
	require.Less(t, everhook.FirstDeliveryID(at), ids[0])
	require.Less(t, ids[0], everhook.FirstDeliveryID(at.Add(time.Millisecond)))
	require.NotEqual(t, everhook.NewDeliveryID(at), everhook.NewDeliveryID(at))
}

func FuzzDeliveryTime(f *testing.F) {
	for _, text := range []string{"", "0", everhook.NewDeliveryID(time.Now()), "zzzzzzzzzzzzzzzzzzzzzzzzzz",
		"vvvvvvvvvvvvvvvvvvvvvvvvvv", "00000000000000000000000000"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		at, ok := everhook.DeliveryTime(text)
		if ok {
			require.LessOrEqual(t, everhook.FirstDeliveryID(at), text)
		}
	})
}
