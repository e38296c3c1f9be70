package expression

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTextsNameNodes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`nodes.a.b + nodes["a"] + nodes?.a`:                  `nodes.X.b + nodes["X"] + nodes?.X`,
		`errors.a.message ?? loops.a.index`:                  `errors.X.message ?? loops.X.index`,
		`resumeUrl("a") + resumeUrl('a') + "a" + nodes.ab.a`: `resumeUrl("X") + resumeUrl('X') + "a" + nodes.ab.a`,
		`map(nodes.a, nodes.a[#].a)`:                         `map(nodes.X, nodes.X[#].a)`,
		`"ä€😀" + nodes.a`:                                    `"ä€😀" + nodes.X`,
		`trigger.body.nodes.a`:                               `trigger.body.nodes.a`,
		`nodes.a +`:                                          `nodes.a +`,
		"get(nodes.a, \"nodes.a\") // nodes.a":               "get(nodes.X, \"nodes.a\") // nodes.a",
		`nodes["\x61"]`:                                      `nodes["\x61"]`,
	} {
		require.Equal(t, want, renamed(text, ClassExpression), text)
	}
	for text, want := range map[string]string{
		`nodes.a {{ nodes.a }} ä {{ resumeUrl("a") }}{{ "nodes.a" }}`: `nodes.a {{ nodes.X }} ä {{ resumeUrl("X") }}{{ "nodes.a" }}`,
		`{{ nodes.a`:                    `{{ nodes.a`,
		`{{ nodes.a + }} {{ nodes.a }}`: `{{ nodes.a + }} {{ nodes.X }}`,
		`{{ secret.a }}`:                `{{ secret.a }}`,
	} {
		require.Equal(t, want, renamed(text, ClassTemplate), text)
	}
}

// renamed puts X at each reference to the node a.
func renamed(text string, class Class) string {
	for _, at := range NodeReferences(text, class, "a") {
		text = text[:at] + "X" + text[at+1:]
	}
	return text
}
