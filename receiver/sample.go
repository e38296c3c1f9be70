package receiver

import (
	"regexp"
	"strings"

	"github.com/everhook/everhook"
)

// maxSamplePaths bounds what one sample offers.
const maxSamplePaths = 1000

// SamplePaths lists the paths that a sample delivery offers to keep, intermediate ones included, in the order of sorted
// names, at most 1,000. A sample is a JSON document, a full URL, or a query with or without its "?".
func SamplePaths(sample string) ([]everhook.Path, error) {
	sample = strings.TrimSpace(sample)
	if strings.HasPrefix(sample, "{") || strings.HasPrefix(sample, "[") {
		document, err := everhook.ParseJSON([]byte(sample))
		if err != nil {
			return nil, err
		}
		return everhook.Paths(document, maxSamplePaths), nil
	}
	query, err := ParseQuery(sampleQuery(sample))
	if err != nil {
		return nil, err
	}
	return everhook.Paths(map[string]any(query), maxSamplePaths), nil
}

var origin = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+.-]*:/)?/`)

// sampleQuery is the query of a URL, or the sample where it is no URL.
func sampleQuery(sample string) string {
	query, isQuery := strings.CutPrefix(sample, "?")
	if !isQuery && origin.MatchString(sample) {
		_, query, _ = strings.Cut(sample, "?")
	}
	query, _, _ = strings.Cut(query, "#")
	return query
}
