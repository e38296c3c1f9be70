package cmd

import (
	"bytes"
	"encoding/json"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

func TestATerminalIsNotSteered(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Grüße, 你好 👩‍👩‍👧\n\tend\n":    "Grüße, 你好 👩‍👩‍👧\n\tend\n",
		"\x1b]0;title\a\x1b[2J":       `\u001b]0;title\u0007\u001b[2J`,
		"50 %\rover":                  `50 %\u000dover`,
		"\u009b31m, \x7f":             `\u009b31m, \u007f`,
		"\x9b31m":                     "\uFFFD31m", // the eight-bit form of an escape
		"pay \u202e001\u2066x\u2028y": `pay \u202e001\u2066x\u2028y`,
	} {
		var out bytes.Buffer
		n, err := terminal{&out}.Write([]byte(text))
		require.NoError(t, err)
		require.Equal(t, len(text), n)
		require.Equal(t, want, out.String())
	}
	require.Equal(t, `two\u000alines\u0009\u001b[1m`, printable("two\nlines\t\x1b[1m"))
	require.Equal(t, "\uFFFD1", printable("\x9b1"))
	_, err := terminal{failing{}}.Write([]byte("\x1b"))
	require.ErrorIs(t, err, iotest.ErrTimeout)
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, iotest.ErrTimeout }

func TestEscapesForATerminalKeepJSON(t *testing.T) {
	t.Parallel()
	const title = "a\u009b31m\u202e\x7fb"
	data, err := json.Marshal(title)
	require.NoError(t, err)
	var out bytes.Buffer
	_, err = terminal{&out}.Write(data)
	require.NoError(t, err)
	require.NotContains(t, out.String(), "\u009b")
	var again string
	require.NoError(t, json.Unmarshal(out.Bytes(), &again))
	require.Equal(t, title, again)
}

func TestEveryCommandWritesThroughTheTerminal(t *testing.T) {
	t.Parallel()
	const hostile = "\x1b]0;owned\a"
	out, errs, status := everhookRun(t, hostile)
	require.Equal(t, statusUsage, status)
	require.NotContains(t, out+errs, "\x1b")
	require.Contains(t, errs, `\u001b]0;owned`)
}
