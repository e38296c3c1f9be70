package expression

import (
	"archive/zip"
	"bytes"
	_ "embed"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/everhook/everhook"
)

// zoneData is Go's own copy of the IANA time zone database. It is embedded as a file, because time.LoadLocation takes
// the host's data first and uses time/tzdata only where there is none, and two workers that differ would replay
// differently.
//
//go:generate cp $GOROOT/lib/time/zoneinfo.zip zoneinfo.zip
//go:embed zoneinfo.zip
var zoneData []byte

// zones is read once.
var zones = sync.OnceValues(func() (map[string]*zip.File, error) {
	archive, err := zip.NewReader(bytes.NewReader(zoneData), int64(len(zoneData)))
	if err != nil {
		return nil, err
	}
	files := make(map[string]*zip.File, len(archive.File))
	for _, file := range archive.File {
		files[file.Name] = file
	}
	return files, nil
})

// Zone returns a time zone by its IANA name, from the data in the binary, so that it is the same on every host. "Local"
// is not a zone.
func Zone(name string) (*time.Location, error) {
	if name == "UTC" {
		return time.UTC, nil
	}
	files, err := zones()
	if err != nil {
		return nil, fmt.Errorf("time zone data: %w", err)
	}
	file, ok := files[name]
	if !ok || file.Mode().IsDir() {
		return nil, fmt.Errorf("%q is not a time zone; write for example \"Europe/Zurich\" or \"UTC\"",
			everhook.Shorten(name, 40))
	}
	reader, err := file.Open()
	if err != nil {
		return nil, fmt.Errorf("time zone data: %w", err)
	}
	defer reader.Close()
	data, err := io.ReadAll(reader)
	if err != nil {
		return nil, fmt.Errorf("time zone data: %w", err)
	}
	return time.LoadLocationFromTZData(name, data)
}

// timeLayouts are the accepted layouts of date and of time fields. The offset may have no colon (Jira, Salesforce) or
// be the word UTC (GitLab). Text without a zone is UTC.
var timeLayouts = []string{
	time.RFC3339, "2006-01-02", "2006-01-02 15:04:05", "2006-01-02T15:04:05", "15:04:05",
	time.RFC1123, time.RFC1123Z, time.RFC822, time.RFC822Z, time.RFC850,
	"2006-01-02T15:04:05Z0700", "2006-01-02 15:04:05 MST", "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05Z07:00",
}

// ParseTime reads a time as the function date does: RFC 3339, a date, RFC 1123 and others. Text without an offset is
// UTC.
func ParseTime(text string) (time.Time, error) { return parseTime(text) }

// parseTime reads a time in one of the usual layouts.
func parseTime(text string) (time.Time, error) {
	const longest = 64
	if len(text) <= longest {
		for _, layout := range timeLayouts {
			if t, err := parseTimeAs(layout, text, time.UTC); err == nil {
				return t, nil
			}
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a time; write for example 2030-01-31T09:00:00Z",
		everhook.Shorten(text, 40))
}

// parseTimeAs never uses the host's zone. Abbreviations such as CET have no meaning without it, so only UTC and GMT are
// accepted.
func parseTimeAs(layout, text string, zone *time.Location) (time.Time, error) {
	t, err := time.ParseInLocation(layout, text, zone)
	if err != nil {
		return time.Time{}, err
	}
	if name, offset := t.Zone(); t.Location() != zone && offset == 0 &&
		!slices.Contains([]string{"", "UTC", "GMT"}, name) {
		return time.Time{}, fmt.Errorf("the zone %s can mean several offsets", name)
	}
	return t, nil
}
