package calendar

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/everhook/everhook"
)

// Layout is a parsed layout: the one language in which flows say how a time is written, for reading and for writing.
type Layout []layoutPart

// layoutPart is a token, or a literal text.
type layoutPart struct{ token, text string }

// layoutToken is how one part of a time is written and read.
type layoutToken struct {
	// layout is how Go writes it.
	layout string
	// read takes the part off the start of a text and gives the rest; false if the text does not start with one.
	read func(text string, t *readTime) (rest string, ok bool)
}

var layoutTokens = map[string]layoutToken{
	"YYYY": {"2006", digits(4, 4, func(t *readTime, n int) { t.year = n })},
	"YY":   {"06", digits(2, 2, func(t *readTime, n int) { t.year = century(n) })},
	"MMMM": {"January", month(time.Month.String)},
	"MMM":  {"Jan", month(func(m time.Month) string { return m.String()[:3] })},
	"MM":   {"01", digits(2, 2, func(t *readTime, n int) { t.month = n })},
	"M":    {"1", digits(1, 2, func(t *readTime, n int) { t.month = n })},
	"DD":   {"02", digits(2, 2, func(t *readTime, n int) { t.day = n })},
	"D":    {"2", digits(1, 2, func(t *readTime, n int) { t.day = n })},
	"dddd": {"Monday", weekday(time.Weekday.String)},
	"ddd":  {"Mon", weekday(func(d time.Weekday) string { return d.String()[:3] })},
	"HH":   {"15", digits(2, 2, func(t *readTime, n int) { t.hour = n })},
	"H":    {"15", digits(1, 2, func(t *readTime, n int) { t.hour = n })},
	"hh":   {"03", digits(2, 2, func(t *readTime, n int) { t.hour, t.twelve = n, true })},
	"h":    {"3", digits(1, 2, func(t *readTime, n int) { t.hour, t.twelve = n, true })},
	"A":    {"PM", half},
	"a":    {"pm", half},
	"mm":   {"04", digits(2, 2, func(t *readTime, n int) { t.minute = n })},
	"m":    {"4", digits(1, 2, func(t *readTime, n int) { t.minute = n })},
	"ss":   {"05", digits(2, 2, func(t *readTime, n int) { t.second = n })},
	"s":    {"5", digits(1, 2, func(t *readTime, n int) { t.second = n })},
	"SSS":  {".000", fraction}, "SSSSSS": {".000000", fraction},
	"Z": {"-07:00", offset}, "ZZ": {"-0700", offset},
}

// Tokens are the tokens of a layout, for messages.
const Tokens = "YYYY YY MMMM MMM MM M DD D dddd ddd HH H hh h A a mm m ss s SSS SSSSSS Z ZZ"

// maxLayout bounds a layout, in bytes.
const maxLayout = 200

// ParseLayout reads a layout. The error says what to write instead.
func ParseLayout(text string) (Layout, error) {
	if len(text) == 0 || len(text) > maxLayout {
		return nil, fmt.Errorf("a layout has 1 to %d bytes; write for example YYYY-MM-DD", maxLayout)
	}
	if goLayout.MatchString(bracketed.ReplaceAllString(text, "")) {
		return nil, fmt.Errorf("%q is a layout of Go; write %q", everhook.Shorten(text, 40), fromGo.Replace(text))
	}
	var layout Layout
	tokens := false
	for rest := text; rest != ""; {
		part, length, err := parseLayoutPart(rest)
		if err != nil {
			return nil, err
		}
		layout, rest = append(layout, part), rest[length:]
		tokens = tokens || part.token != ""
	}
	if !tokens {
		return nil, fmt.Errorf("%q has no part of a time; write for example YYYY-MM-DD", everhook.Shorten(text, 40))
	}
	return layout, nil
}

// UnmarshalText reads a layout.
func (l *Layout) UnmarshalText(text []byte) (err error) {
	*l, err = ParseLayout(string(text))
	return err
}

var (
	bracketed = regexp.MustCompile(`\[[^\]]*\]`)
	// goLayout is what a layout of Go has, and one of ours never.
	goLayout = regexp.MustCompile(`2006|15:04|3:04|\bJan(?:uary)?\b|\bMon(?:day)?\b|\bMST\b`)
	fromGo   = strings.NewReplacer("2006", "YYYY", "January", "MMMM", "Jan", "MMM", "Monday", "dddd", "Mon", "ddd",
		".000000", ".SSSSSS", ".000", ".SSS", "Z07:00", "Z", "Z0700", "ZZ", "-07:00", "Z", "-0700", "ZZ", "MST", "Z",
		"01", "MM", "02", "DD", "03", "hh", "04", "mm", "05", "ss", "06", "YY", "15", "HH", "_2", "D", "PM", "A", "pm",
		"a", "1", "M", "2", "D", "3", "h", "4", "m", "5", "s")
)

// parseLayoutPart reads the part that a text begins with, and gives its length.
func parseLayoutPart(text string) (layoutPart, int, error) {
	first := text[0]
	if first == '[' {
		inside, _, closed := strings.Cut(text[1:], "]")
		if !closed {
			return layoutPart{}, 0, fmt.Errorf("the bracket in %q is not closed", everhook.Shorten(text, 40))
		}
		return layoutPart{text: inside}, len(inside) + 2, nil
	}
	if !isLetter(first) || first == 'T' {
		return layoutPart{text: text[:1]}, 1, nil
	}
	run := text[:len(text)-len(strings.TrimLeft(text, text[:1]))]
	if _, known := layoutTokens[run]; !known {
		if meant := meantToken(run); meant != "" {
			return layoutPart{}, 0, fmt.Errorf("%q is none of %s; did you mean %s? Put text in brackets: [%s]",
				everhook.Shorten(run, 20), Tokens, meant, everhook.Shorten(run, 20))
		}
		return layoutPart{}, 0, fmt.Errorf("%q is none of %s; put text in brackets: [%s]", everhook.Shorten(run, 20),
			Tokens, everhook.Shorten(run, 20))
	}
	return layoutPart{token: run}, len(run), nil
}

// meantToken is what other libraries write in the same letter: yyyy, dd, SS; empty if there is none.
func meantToken(run string) string {
	switch run[0] {
	case 'y', 'Y':
		return "YYYY"
	case 'M':
		return "MM"
	case 'd', 'D':
		return "DD"
	case 'h', 'H':
		return "HH"
	case 'm':
		return "mm"
	case 's':
		return "ss"
	case 'S', 'f', 'F':
		return "SSS"
	case 'a', 'A', 'p', 'P':
		return "A"
	case 'E':
		return "ddd"
	case 'z', 'Z', 'x', 'X':
		return "Z"
	}
	return ""
}

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

// Format writes a time.
func (l Layout) Format(t time.Time) string {
	var text strings.Builder
	for _, part := range l {
		switch part.token {
		case "":
			text.WriteString(part.text)
		case "H":
			text.WriteString(strconv.Itoa(t.Hour()))
		default:
			text.WriteString(strings.TrimPrefix(t.Format(layoutTokens[part.token].layout), "."))
		}
	}
	return text.String()
}

// readTime is what was read of a time.
type readTime struct {
	year, month, day, hour, minute, second, nanosecond int
	// twelve: the hour is one of twelve, and afternoon tells of which.
	twelve, afternoon bool
	// zoned: the text says its offset, in seconds.
	zoned  bool
	offset int
}

// Parse reads a text that has the layout, as a whole. A text without an offset is in the zone. What the layout leaves
// out is that of 1 January of the year 0, 00:00.
func (l Layout) Parse(text string, zone *time.Location) (time.Time, error) {
	read := readTime{month: 1, day: 1}
	rest := text
	for _, part := range l {
		found := false
		if part.token == "" {
			rest, found = strings.CutPrefix(rest, part.text)
		} else {
			rest, found = layoutTokens[part.token].read(rest, &read)
		}
		if !found {
			return time.Time{}, fmt.Errorf("where the layout has %s, the text has %q", part.token+part.text,
				everhook.Shorten(rest, 20))
		}
	}
	if rest != "" {
		return time.Time{}, fmt.Errorf("the layout ends before %q", everhook.Shorten(rest, 20))
	}
	return read.time(zone)
}

func (r *readTime) time(zone *time.Location) (time.Time, error) {
	if r.twelve {
		if r.hour < 1 || r.hour > 12 {
			return time.Time{}, fmt.Errorf("there is no hour %d of twelve", r.hour)
		}
		r.hour %= 12
		if r.afternoon {
			r.hour += 12
		}
	}
	if r.zoned {
		zone = time.UTC
		if r.offset != 0 {
			zone = time.FixedZone("", r.offset)
		}
	}
	days := 0
	if r.month >= 1 && r.month <= 12 {
		days = time.Date(r.year, time.Month(r.month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
	}
	if r.day < 1 || r.day > days || r.hour > 23 || r.minute > 59 || r.second > 59 {
		return time.Time{}, fmt.Errorf("there is no such time: month %d, day %d, %02d:%02d:%02d", r.month, r.day,
			r.hour,
			r.minute, r.second)
	}
	return time.Date(r.year, time.Month(r.month), r.day, r.hour, r.minute, r.second, r.nanosecond, zone), nil
}

// digits reads a number of so many digits.
func digits(least, most int, set func(t *readTime, n int)) func(string, *readTime) (string, bool) {
	return func(text string, t *readTime) (string, bool) {
		length := 0
		for length < len(text) && length < most && text[length] >= '0' && text[length] <= '9' {
			length++
		}
		if length < least {
			return text, false
		}
		n, _ := strconv.Atoi(text[:length])
		set(t, n)
		return text[length:], true
	}
}

// century is the year that two digits stand for, as POSIX has it: 69 to 99 are of the last century.
func century(n int) int {
	if n >= 69 {
		return 1900 + n
	}
	return 2000 + n
}

// named takes the name with a number from first to last off a text. Upper and lower case are the same.
func named[T ~int](text string, first, last T, name func(T) string) (rest string, n T, ok bool) {
	for n = first; n <= last; n++ {
		if of := name(n); len(text) >= len(of) && strings.EqualFold(text[:len(of)], of) {
			return text[len(of):], n, true
		}
	}
	return text, 0, false
}

func month(name func(time.Month) string) func(string, *readTime) (string, bool) {
	return func(text string, t *readTime) (string, bool) {
		rest, n, ok := named(text, time.January, time.December, name)
		if ok {
			t.month = int(n)
		}
		return rest, ok
	}
}

// weekday reads a day of the week, which says nothing that the date does not.
func weekday(name func(time.Weekday) string) func(string, *readTime) (string, bool) {
	return func(text string, _ *readTime) (string, bool) {
		rest, _, ok := named(text, time.Sunday, time.Saturday, name)
		return rest, ok
	}
}

func half(text string, t *readTime) (string, bool) {
	rest, n, ok := named(text, 0, 1, func(n int) string { return [...]string{"am", "pm"}[n] })
	t.afternoon = n == 1
	return rest, ok
}

// fraction reads one to nine digits of a second.
func fraction(text string, t *readTime) (string, bool) {
	const nine = "000000000"
	rest, ok := digits(1, len(nine), func(*readTime, int) {})(text, t)
	read := text[:len(text)-len(rest)]
	t.nanosecond, _ = strconv.Atoi(read + nine[len(read):])
	return rest, ok
}

var offsetExp = regexp.MustCompile(`^(?:Z|([+-])(\d\d):?(\d\d)?)`)

// offset reads an offset with or without a colon, or the Z of UTC.
func offset(text string, t *readTime) (string, bool) {
	match := offsetExp.FindStringSubmatch(text)
	if match == nil {
		return text, false
	}
	hours, _ := strconv.Atoi(match[2])
	minutes, _ := strconv.Atoi(match[3])
	if hours > 23 || minutes > 59 {
		return text, false
	}
	t.zoned, t.offset = true, hours*3600+minutes*60
	if match[1] == "-" {
		t.offset = -t.offset
	}
	return text[len(match[0]):], true
}

// JSONSchema is that of a text.
func (*Layout) JSONSchema() map[string]any {
	return map[string]any{"title": "a layout, as YYYY-MM-DD HH:mm", "type": "string", "minLength": 1,
		"maxLength": maxLayout}
}
