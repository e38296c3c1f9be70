package schema_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/schema"
	"github.com/everhook/everhook/nodes"
	"github.com/everhook/everhook/nodes/expression"
	"github.com/everhook/everhook/nodes/kind"
)

func pages(t *testing.T, r *kind.Registry) map[string]string {
	t.Helper()
	list := schema.Reference(r)
	pages := map[string]string{}
	for _, page := range list {
		pages[page.Name] = page.Markdown
	}
	require.Len(t, pages, len(list))
	return pages
}

// grouped is a kind of a group that this package does not know, with nothing to configure.
type grouped struct{}

func (*grouped) Spec() kind.Spec {
	return kind.Spec{
		Kind: "grouped", Group: "Ours", Summary: "Takes a | b, never <c>.", Example: "key: a\ntype: grouped\n",
		Branches: []kind.BranchSpec{{Name: "body", Required: true, Summary: "always"}},
	}
}
func (*grouped) Validate(*kind.Validation) {}
func (*grouped) Execute(kind.Run) (kind.Result, error) {
	return kind.Result{}, nil
}

// ticker is a trigger from outside.
type ticker struct {
	Every everhook.Duration `json:"every" required:"true"`
}

func (*ticker) Spec() kind.TriggerSpec {
	return kind.TriggerSpec{Kind: "ticker", Summary: "Ticks.", Data: "`at`.", Example: "type: ticker\nevery: 1m\n"}
}
func (*ticker) Validate(*kind.Validation)                      {}
func (*ticker) Shape() *expression.Shape                       { return &expression.Shape{} }
func (*ticker) FieldRoots(string) map[string]*expression.Shape { return nil }

func TestTheReferenceHasEveryKindAndFunction(t *testing.T) {
	t.Parallel()
	r := nodes.Standard()
	all := pages(t, r)
	for _, kind := range r.Kinds() {
		require.Contains(t, all["nodes.md"], "\n### "+kind.Spec().Kind+"\n")
		require.Contains(t, all["nodes.md"], "\n"+kind.Spec().Example+"```\n")
	}
	for _, trigger := range r.Triggers() {
		require.Contains(t, all["triggers.md"], "\n## "+trigger.Spec().Kind+"\n")
	}
	for _, f := range expression.Functions() {
		require.Contains(t, all["expressions.md"], "\n| `"+f.Name+"(")
	}
	for name, page := range all {
		require.NotContains(t, page, "\n\n\n", name)
		require.NotContains(t, page[len("<!--"):], "<!--", "%s: a placeholder was not replaced", name)
	}
}

func TestTheReferenceTellsFieldsByTheirPath(t *testing.T) {
	t.Parallel()
	all := pages(t, nodes.Standard())
	require.Contains(t, all["triggers.md"], "| `auth.basic[].username` | text | required | The name of the user. |\n")
	require.Contains(t, all["flow-file.md"], "| `retry.initialInterval` | a duration, as 30s, 1d12h or P3D | `1s` | ")
	require.Contains(t, all["flow-file.md"], "| `options.timeout` | a duration, as 30s, 1d12h or P3D | `0` | "+
		"The longest time for a run")
	require.Contains(t, all["nodes.md"], "| `mode` | `all`, `any`, `race`, `allSettled` | `all` | ")
	require.Contains(t, all["nodes.md"], "| `status` | template: `resolved`, `failed` | `resolved` | ")
	require.Contains(t, all["nodes.md"], "**Branches**: `otherwise`, when no case is true; those that you name.\n")
	require.Contains(t, all["nodes.md"], "**Effect**: One attempt may take 30s and there are 3 attempts")
}

func TestKindsFromOutsideAreInTheReference(t *testing.T) {
	t.Parallel()
	r := nodes.Standard()
	kind.Add[grouped](r)
	kind.Add[outside](r)
	kind.AddTrigger[ticker](r)
	all := pages(t, r)
	require.Contains(t, all["nodes.md"], "| [`grouped`](#grouped) | Takes a \\| b, never &lt;c>. |\n")
	require.Contains(t, all["nodes.md"], "\n## Ours\n\n### grouped\n")
	require.Contains(t, all["nodes.md"], "There is nothing to configure.\n\n**Branches**: `body`, always (required).\n")
	require.Contains(t, all["nodes.md"], "| `parts.<name>.weight` | a whole number | required | `weight` in grams. |\n")
	require.Contains(t, all["triggers.md"], "| `every` | a duration, as 30s, 1d12h or P3D | required |  |\n")
	flowSchema := compiled(t, r)
	require.NoError(t, flowSchema.Validate(flowWith(t, "{ type: ticker, every: 1m }", "")))
	require.Error(t, flowSchema.Validate(flowWith(t, "{ type: ticker }", "")))
	require.Error(t, flowSchema.Validate(flowWith(t, "{ type: ticker, every: 1m, token: abcdefgh }", "")))
}
