package activities_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
)

func TestStatusRangesAreReadAndWritten(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]activities.StatusRange{
		"204":       {From: 204, To: 204},
		"200-299":   {From: 200, To: 299},
		" 200 -204": {From: 200, To: 204},
		"2xx":       {From: 200, To: 299},
		" 5XX":      {From: 500, To: 599},
	} {
		got, err := activities.ParseStatusRange(text)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	for _, text := range []string{"", "0xx", "6xx", "2x", "20x", "2xxx", "99", "600", "+20", "200-", "-204", "299-200",
		"200-299-300"} {
		_, err := activities.ParseStatusRange(text)
		require.Error(t, err, text)
	}
	r := activities.StatusRange{From: 200, To: 204}
	require.True(t, r.Has(200) && r.Has(204))
	require.False(t, r.Has(199) || r.Has(205))
}

func TestAnInputIsTheSameAfterAPayload(t *testing.T) {
	t.Parallel()
	input := activities.HTTPRequestInput{
		Method: "POST",
		URL:    everhook.Sealed{Value: everhook.Value{V: "https://api.example/"}},
		Headers: everhook.Sealed{Value: everhook.Value{V: map[string]any{"X": nil}},
			Places: []everhook.Place{{At: []any{"X"}, Segments: []everhook.Segment{{Secret: "K"}}}}},
		Auth:    &activities.HTTPAuth{Bearer: &everhook.Sealed{Value: everhook.Value{V: "t"}}},
		Expect:  []activities.StatusRange{{From: 200, To: 299}, {From: 404, To: 404}},
		Timeout: everhook.Duration(1500e6),
	}
	data, err := json.Marshal(input)
	require.NoError(t, err)
	require.Contains(t, string(data), `"expect":["200-299","404"]`)
	var got activities.HTTPRequestInput
	require.NoError(t, json.Unmarshal(data, &got))
	require.Equal(t, input, got)
}
