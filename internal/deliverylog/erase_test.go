package deliverylog_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/deliverylog"
)

func TestAPersonIsErased(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, open opener) {
		log := open(t, deliverylog.Options{})
		var want []string
		for i := range 1200 {
			r := made(i/10, "orders", "accepted")
			r.Request = &deliverylog.Request{Method: "POST", Body: fmt.Appendf(nil, "customer %d", i%100)}
			switch {
			case i%100 == 7:
				want = append(want, r.ID)
			case i == 500: // by a field alone
				r.Request, r.Fields = nil, []deliverylog.Field{{Name: "customer", Value: "7*"}}
				want = append(want, r.ID)
			}
			log.Add(r)
		}
		require.NoError(t, log.Flush(t.Context()))
		erase := func(dry bool) (found []string, examined int) {
			after := ""
			for {
				erased, err := log.Erase(t.Context(), deliverylog.Field{Name: "customer", Value: "7*"},
					func(q *deliverylog.Request) bool { return string(q.Body) == "customer 7" }, dry, after)
				require.NoError(t, err)
				for _, r := range erased.Found {
					found = append(found, r.ID)
				}
				examined += erased.Examined
				if after = erased.Next; after == "" {
					return found, examined
				}
			}
		}
		found, examined := erase(true)
		require.ElementsMatch(t, want, found)
		require.Equal(t, 1199, examined)
		found, _ = erase(false)
		require.ElementsMatch(t, want, found)
		found, examined = erase(false)
		require.Empty(t, found)
		require.Equal(t, 1199-12, examined)
	})
}

func TestRecordsOfARunAreDeleted(t *testing.T) {
	t.Parallel()
	log := file(t, filepath.Join(t.TempDir(), "log.db"), deliverylog.Options{})
	first, again, other := made(0, "a", "accepted"), made(1, "a", "accepted"), made(2, "a", "accepted")
	again.Run = first.Run
	add(t, log, first, again, other)
	require.NoError(t, log.DeleteRuns(t.Context(), []everhook.RunID{first.Run, everhook.NewRunID()}))
	require.Equal(t, []string{other.ID}, pages(t, log, deliverylog.Filter{Limit: 10}))
}

func TestALogIsCopiedToAnotherEngine(t *testing.T) {
	t.Parallel()
	source := file(t, filepath.Join(t.TempDir(), "log.db"), deliverylog.Options{})
	for i := range 333 {
		r := made(i, "orders", "accepted")
		r.Fields = []deliverylog.Field{{Name: "id", Value: fmt.Sprint(i)}}
		if i%2 == 0 {
			r.Request = &deliverylog.Request{Method: "POST", Body: []byte(strings.Repeat("b", i))}
		}
		source.Add(r)
	}
	require.NoError(t, source.Flush(t.Context()))
	each(t, func(t *testing.T, open opener) {
		target := open(t, deliverylog.Options{})
		for range 2 { // a copy that was cut off is repeated
			copied, err := target.Copy(t.Context(), source)
			require.NoError(t, err)
			require.EqualValues(t, 333, copied)
		}
		total, err := target.Total(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, 333, total.Records)
		all := pages(t, source, deliverylog.Filter{Limit: 50})
		require.Equal(t, all, pages(t, target, deliverylog.Filter{Limit: 50}))
		for _, id := range all[:10] {
			want, err := source.Get(t.Context(), id)
			require.NoError(t, err)
			got, err := target.Get(t.Context(), id)
			require.NoError(t, err)
			require.Equal(t, want, got)
		}
		require.Len(t, pages(t, target, deliverylog.Filter{Value: "100", Limit: 5}), 1)
	})
}
