package nodes_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/activities"
	"github.com/everhook/everhook/nodes"
	"github.com/everhook/everhook/nodes/kind"
)

// TestEveryKindSaysWhatItsResultsAre checks that every kind declares its results, because expressions are checked
// against them. Kinds whose results can be anything are in the list.
func TestEveryKindSaysWhatItsResultsAre(t *testing.T) {
	t.Parallel()
	anything := map[string]string{
		"calculation": "the value of any expression", "variable": "any value", "output": "any value",
	}
	for _, k := range nodes.Standard().Kinds() {
		spec := k.Spec()
		_, shaping := k.(kind.Shaping)
		declares := shaping || spec.Type != "" || spec.Members != nil
		require.Equal(t, anything[spec.Kind] == "", declares, spec.Kind)
		for _, member := range spec.Members {
			require.NotEmpty(t, member.Summary, "%s.%s", spec.Kind, member.Name)
		}
	}
}

func TestTheStatusesOfSuccess(t *testing.T) {
	t.Parallel()
	standard := &nodes.HTTPRequest{}
	for status, want := range map[int]bool{199: false, 200: true, 204: true, 299: true, 300: false, 500: false} {
		require.Equal(t, want, standard.Expects(status), status)
	}
	own := &nodes.HTTPRequest{Expect: []activities.StatusRange{{From: 404, To: 404}, {From: 500, To: 599}}}
	for status, want := range map[int]bool{200: false, 404: true, 499: false, 500: true, 599: true} {
		require.Equal(t, want, own.Expects(status), status)
	}
}
