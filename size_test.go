package everhook_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
)

func TestSizes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]everhook.Size{
		"0": 0, "100": 100, "1B": 1, "1KB": 1000, "1KiB": 1024, "1.5 MiB": 3 << 19, "10MB": 10_000_000, "1GB": 1e9,
		"2GiB": 2 << 30, " 5 ": 5,
	} {
		got, err := everhook.ParseSize(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for text, want := range map[string]string{
		"":               `"" is not a size; write for example 512KiB or 1MiB`,
		"-1":             `"-1" is not a size; write for example 512KiB or 1MiB`,
		"1mib":           `"1mib" is not a size; write for example 512KiB or 1MiB`,
		"99999999999GiB": "99999999999GiB is too large a size",
	} {
		_, err := everhook.ParseSize(text)
		require.EqualError(t, err, want, text)
	}
}

func TestSizesAreWrittenInTheLargestUnitThatDividesThem(t *testing.T) {
	t.Parallel()
	for want, size := range map[string]everhook.Size{"0B": 0, "1500B": 1500, "1KiB": 1024, "1536KiB": 3 << 19,
		"1MiB": 1 << 20, "1GiB": 1 << 30, "1025MiB": 1025 << 20} {
		text, err := size.MarshalText()
		require.NoError(t, err)
		require.Equal(t, want, string(text))
		var back everhook.Size
		require.NoError(t, back.UnmarshalText(text))
		require.Equal(t, size, back)
	}
}

func TestTheEncodedSizeIsAboutThatOfTheJSON(t *testing.T) {
	t.Parallel()
	v := value(t, `{"a":[1,2,3],"text":"some text","nested":{"b":true,"c":null,"d":1.5}}`)
	text, err := everhook.EncodeJSON(v)
	require.NoError(t, err)
	require.InEpsilon(t, len(text), everhook.EncodedSize(v, 1<<20), 0.5)

	large := make([]any, 1_000_000)
	for i := range large {
		large[i] = "x"
	}
	require.Greater(t, everhook.EncodedSize(large, 100), 100)
	require.Less(t, everhook.EncodedSize(large, 100), 200, "it stopped counting")
	require.Greater(t, everhook.EncodedSize(map[string]any{"a": large}, 100), 100)
}

func TestTextIsCutAtTheBorderOfACharacter(t *testing.T) {
	t.Parallel()
	require.Equal(t, "abc", everhook.Shorten("abc", 3))
	require.Equal(t, "ab…", everhook.Shorten("abc", 2))
	require.Equal(t, "a…", everhook.Shorten("aéé", 2))
	require.Equal(t, "…", everhook.Shorten("😀😀", 3))
	require.Equal(t, "…", everhook.Shorten(strings.Repeat("\x80", 5), 4), "what is no character is cut whole")
}

func FuzzParseSize(f *testing.F) {
	for _, text := range []string{"1MiB", "1.5 GB", "0", "1e9", "9223372036854775807", "0.1B"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		size, err := everhook.ParseSize(text)
		if err != nil {
			return
		}
		require.GreaterOrEqual(t, size, everhook.Size(0))
		again, err := everhook.ParseSize(size.String())
		require.NoError(t, err, size.String())
		require.Equal(t, size, again)
	})
}

func FuzzShorten(f *testing.F) {
	f.Add("aé😀", 2)
	f.Fuzz(func(t *testing.T, text string, limit int) {
		if limit < 0 {
			return
		}
		short := everhook.Shorten(text, limit)
		if short == text {
			return
		}
		kept, cut := strings.CutSuffix(short, "…")
		require.True(t, cut)
		require.LessOrEqual(t, len(kept), limit)
		require.True(t, strings.HasPrefix(text, kept))
		require.True(t, utf8.ValidString(kept) || !utf8.ValidString(text))
	})
}
