package runs

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"

	"github.com/everhook/everhook"
)

func TestErrorsOfTemporalSayWhereToLook(t *testing.T) {
	t.Parallel()
	for _, late := range []error{serviceerror.NewDeadlineExceeded("context deadline exceeded"),
		fmt.Errorf("list: %w", context.DeadlineExceeded)} {
		require.ErrorContains(t, explained(late),
			"no answer from Temporal in time; /readyz and the log of the server say more")
		require.ErrorIs(t, explained(late), late)
	}
	require.ErrorContains(t, explained(serviceerror.NewUnavailable("no host")), "no answer from Temporal; /readyz")
	other := errors.New("something else")
	require.Equal(t, other, explained(other))
	require.NoError(t, explained(nil))
	require.ErrorIs(t, unknownRun(serviceerror.NewNotFound("no such execution")), everhook.ErrNoRun)
}

func TestAPageBelongsToItsList(t *testing.T) {
	t.Parallel()
	filter := Filter{Flow: "orders", Unresolved: true}
	page := filter.page([]byte("token"))
	token, ok := filter.token(page)
	require.True(t, ok)
	require.Equal(t, "token", string(token))
	require.Nil(t, filter.page(nil), "the last page")
	for name, wrong := range map[string]struct {
		filter Filter
		page   []byte
	}{
		"of another flow":   {Filter{Flow: "other", Unresolved: true}, page},
		"of another status": {Filter{Flow: "orders"}, page},
		"cut":               {filter, page[:len(page)-1]},
		"a mark alone":      {filter, page[:pageMark]},
		"of Temporal":       {filter, []byte("token")},
	} {
		_, ok := wrong.filter.token(wrong.page)
		require.False(t, ok, name)
	}
}
