package schema

import (
	"strings"
	"testing"

	check "github.com/stretchr/testify/require"
)

func TestParagraphsOfPagesAreWrapped(t *testing.T) {
	t.Parallel()
	word := strings.Repeat("é", 59)
	table := "| " + strings.Repeat("a ", 100) + "|\n"
	code := "```yaml\n" + strings.Repeat("b ", 100) + "\n```\n"
	for text, want := range map[string]string{
		word + " " + word + " c\nd\n":        word + " " + word + "\nc d\n",
		"* " + word + " " + word + "\n* e\n": "* " + word + "\n  " + word + "\n* e\n",
		word + " `" + word + " f`\n":         word + "\n`" + word + " f`\n",
		"# Title\n\n" + table + "\n" + code:  "# Title\n\n" + table + "\n" + code,
		"an unclosed ` mark\n":               "an unclosed ` mark\n",
	} {
		check.Equal(t, want, wrapped(text))
	}
}
