package everhook

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Duration is a span of time as flow files write it: Go's units and d and w ("1d12h", "250ms"), or ISO 8601 ("P3D",
// "PT1.5S"). "0" and 0 are none. A day is 24 hours. As a value it is ISO 8601 text.
type Duration time.Duration

// MaxDuration is the longest span that can be written: ten years.
const MaxDuration = Duration(10 * 366 * 24 * time.Hour)

var (
	goDuration  = regexp.MustCompile(`^(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h|d|w))+$`)
	goPart      = regexp.MustCompile(`(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h|d|w)`)
	isoDuration = regexp.MustCompile(
		`^P(?:(\d+(?:\.\d+)?)W)?(?:(\d+(?:\.\d+)?)D)?(?:T(?:(\d+(?:\.\d+)?)H)?(?:(\d+(?:\.\d+)?)M)?(?:(\d+(?:\.\d+)?)S)?)?$`)
	isoCalendar = regexp.MustCompile(`^P[^T]*\d[YM]`)
	bareNumber  = regexp.MustCompile(`^\d+(?:\.\d+)?$`)
	isoUnits    = []time.Duration{7 * 24 * time.Hour, 24 * time.Hour, time.Hour, time.Minute, time.Second}
	goUnits     = map[string]time.Duration{
		"ns": time.Nanosecond, "us": time.Microsecond, "µs": time.Microsecond, "ms": time.Millisecond, "s": time.Second,
		"m": time.Minute, "h": time.Hour, "d": 24 * time.Hour, "w": 7 * 24 * time.Hour,
	}
)

// ParseDuration reads a Duration. Negative spans, calendar units (years, months) and spans over MaxDuration are errors.
func ParseDuration(text string) (Duration, error) {
	text = strings.TrimSpace(text)
	switch {
	case text == "0":
		return 0, nil
	case goDuration.MatchString(text):
		var total Duration
		for _, part := range goPart.FindAllStringSubmatch(text, -1) {
			total = addSpan(total, part[1], goUnits[part[2]])
		}
		return bounded(text, total)
	case isoDuration.MatchString(text) && strings.ContainsAny(text, "0123456789") && !strings.HasSuffix(text, "T"):
		var total Duration
		for i, digits := range isoDuration.FindStringSubmatch(text)[1:] {
			if digits != "" {
				total = addSpan(total, digits, isoUnits[i])
			}
		}
		return bounded(text, total)
	case isoCalendar.MatchString(text):
		return 0, fmt.Errorf("%q uses years or months, whose length varies; write days, for example P30D or 30d",
			Shorten(text, 40))
	}
	if bareNumber.MatchString(text) {
		return 0, fmt.Errorf("%s has no unit; write %ss for seconds or %sms for milliseconds", text, text, text)
	}
	return 0, fmt.Errorf("%q is not a duration; write for example 30s, 1d12h or P3D", Shorten(text, 40))
}

// addSpan adds so many units, to the nanosecond. Beyond MaxDuration it only gets longer.
func addSpan(total Duration, number string, unit time.Duration) Duration {
	whole, fraction, _ := strings.Cut(number, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || total > MaxDuration || n > int64(MaxDuration)/int64(unit) {
		return math.MaxInt64
	}
	part, _ := strconv.ParseFloat("0."+fraction, 64)
	return total + Duration(n)*Duration(unit) + Duration(math.Round(part*float64(unit)))
}

func bounded(text string, d Duration) (Duration, error) {
	if d > MaxDuration {
		return 0, fmt.Errorf("%s is longer than ten years", Shorten(text, 40))
	}
	return d, nil
}

// Std is the time.Duration.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// String is ISO 8601, with weeks and days as days: "P1DT12H", "PT0.25S", "PT0S".
func (d Duration) String() string {
	if d == 0 {
		return "PT0S"
	}
	var text strings.Builder
	rest := uint64(d)
	if d < 0 {
		text.WriteByte('-')
		rest = -rest
	}
	const day, hour, minute, second = uint64(24 * time.Hour), uint64(time.Hour), uint64(time.Minute),
		uint64(time.Second)
	text.WriteByte('P')
	if days := rest / day; days > 0 {
		fmt.Fprintf(&text, "%dD", days)
		rest %= day
	}
	if rest == 0 {
		return text.String()
	}
	text.WriteByte('T')
	if hours := rest / hour; hours > 0 {
		fmt.Fprintf(&text, "%dH", hours)
		rest %= hour
	}
	if minutes := rest / minute; minutes > 0 {
		fmt.Fprintf(&text, "%dM", minutes)
		rest %= minute
	}
	if rest > 0 {
		text.WriteString(strconv.FormatUint(rest/second, 10))
		if fraction := rest % second; fraction > 0 {
			text.WriteString("." + strings.TrimRight(fmt.Sprintf("%09d", fraction), "0"))
		}
		text.WriteByte('S')
	}
	return text.String()
}

// MarshalText writes String.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads as ParseDuration does.
func (d *Duration) UnmarshalText(text []byte) (err error) {
	*d, err = ParseDuration(string(text))
	return err
}
