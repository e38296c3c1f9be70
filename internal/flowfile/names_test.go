package flowfile_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/internal/flowfile"
)

func TestTheNameOfAFileSaysWhetherItHoldsContractTests(t *testing.T) {
	t.Parallel()
	for name, flow := range map[string]string{"order-intake.test.yaml": "order-intake",
		"flows/flow.test.yml": "flows/flow"} {
		require.True(t, flowfile.IsTest(name))
		tested, _ := flowfile.TestedBy(name)
		require.Equal(t, flow, tested)
	}
	for _, name := range []string{"order-intake.yaml", "test.yaml", "a.test.json", "a.test.yaml.bak", "a.testyaml"} {
		require.False(t, flowfile.IsTest(name), name)
	}
}
