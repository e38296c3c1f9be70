package flowfile_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/flowfile"
	"github.com/everhook/everhook/nodes"
	"github.com/everhook/everhook/nodes/trigger"
)

func TestATemplateLoadsWithoutAProblem(t *testing.T) {
	t.Parallel()
	for _, mode := range []everhook.Mode{everhook.Sync, everhook.Async} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			flow, problems := flowfile.Load("new.yaml", []byte(flowfile.Template("order-intake-2", mode)),
				nodes.Standard())
			require.Empty(t, problems)
			require.Equal(t, "order-intake-2", flow.Definition.Key)
			require.Equal(t, mode, flow.Definition.Mode)
			require.NotEmpty(t, flow.Nodes)
		})
	}
}

func TestATemplateNamesItsSchemaOnTheFirstLine(t *testing.T) {
	t.Parallel()
	first, _, _ := strings.Cut(flowfile.Template("a", everhook.Sync), "\n")
	require.Equal(t, "# yaml-language-server: $schema=flow.schema.json", first)
}

// The parts in comments are meant to be used, so they must load too.
func TestATemplateLoadsWithItsCommentedPartsUsed(t *testing.T) {
	t.Parallel()
	commented := regexp.MustCompile(`(?m)^( +)# (auth: |- key: |  )`)
	for _, mode := range []everhook.Mode{everhook.Sync, everhook.Async} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			text := flowfile.Template("a", mode)
			used := commented.ReplaceAllString(text, "$1$2")
			require.NotEqual(t, text, used)
			flow, problems := flowfile.Load("new.yaml", []byte(used), nodes.Standard())
			require.Empty(t, problems)
			require.NotEmpty(t, flow.Trigger.(*trigger.Webhook).Auth.Basic)
		})
	}
}
