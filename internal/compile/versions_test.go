package compile_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/nodes"
	"github.com/everhook/everhook/nodes/kind"
)

// refusing is a kind of a later release, whose check refuses what an earlier one accepted.
type refusing struct{}

func (*refusing) Spec() kind.Spec { return kind.Spec{Kind: "refusing"} }

func (*refusing) Validate(v *kind.Validation) { v.Error("", "refused", "") }

func (*refusing) Execute(kind.Run) (kind.Result, error) { return kind.Result{}, nil }

func definition(t *testing.T, text string) *everhook.Definition {
	t.Helper()
	d := &everhook.Definition{}
	require.NoError(t, json.Unmarshal([]byte(text), d))
	return d
}

func TestALaterCheckStopsNoRun(t *testing.T) {
	t.Parallel()
	registry := nodes.Standard()
	kind.Add[refusing](registry)
	d := definition(t, `{"key":"k","mode":"async","options":{"wait":"1h"},"trigger":{"type":"webhook"},
		"nodes":[{"key":"a","type":"refusing","onError":"never"}]}`)
	flow, problems := compile.Definition(d, registry)
	require.Nil(t, flow)
	require.Len(t, problems, 4)
	flow, err := compile.ForRun(d, registry)
	require.NoError(t, err)
	require.Len(t, flow.Nodes, 1)

	d.Nodes[0].Type = "unknown"
	_, err = compile.ForRun(d, registry)
	require.ErrorContains(t, err, `there is no node kind "unknown"`)
}

func TestAVersionIsCompiledOnce(t *testing.T) {
	t.Parallel()
	versions := compile.NewVersions(nodes.Standard())
	d := definition(t, `{"key":"k","mode":"async","trigger":{"type":"webhook"}}`)
	hash, err := d.Hash()
	require.NoError(t, err)
	applied, err := versions.Of(&everhook.Version{Hash: hash, Definition: d})
	require.NoError(t, err)
	begun, err := versions.OfJSON(applied.JSON)
	require.NoError(t, err)
	require.Same(t, applied.Flow, begun.Flow)
	_, err = versions.OfJSON(json.RawMessage(`{`))
	require.ErrorContains(t, err, "the definition cannot be read")
}

func TestVersionsAreBounded(t *testing.T) {
	t.Parallel()
	versions := compile.NewVersions(nodes.Standard())
	of := func(i int) *compile.Version {
		d := definition(t, fmt.Sprintf(`{"key":"k","title":"%d","description":%q,"mode":"async",
			"trigger":{"type":"webhook"}}`, i, strings.Repeat("x", 1<<20)))
		version, err := versions.Of(&everhook.Version{Hash: fmt.Sprint(i), Definition: d})
		require.NoError(t, err)
		return version
	}
	first := of(0)
	require.Same(t, first, of(0))
	for i := range 40 {
		of(i + 1)
	}
	require.NotSame(t, first, of(0), "40 MiB of definitions push out the first one")
}
