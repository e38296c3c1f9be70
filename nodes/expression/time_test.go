package expression

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
)

func TestTimesAreReadAsPartnersSendThem(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"2023-04-11T14:30:00+0200":     "2023-04-11T14:30:00+02:00",
		"2023-04-11T14:30:00.123+0000": "2023-04-11T14:30:00.123Z",
		"2023-04-11 14:30:00 UTC":      "2023-04-11T14:30:00Z",
		"2023-04-11 14:30:00 +0200":    "2023-04-11T14:30:00+02:00",
		"2023-04-11 14:30:00+02:00":    "2023-04-11T14:30:00+02:00", "2023-04-11 14:30:00.5Z": "2023-04-11T14:30:00.5Z",
	} {
		at, err := ParseTime(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, everhook.FormatTime(at), text)
		assert.Equal(t, `"`+want+`"`, evaluate(t, `date("`+text+`")`))
	}
	_, err := ParseTime("2023-04-11 14:30:00 CET")
	require.Error(t, err, "CET can mean several offsets")
}
