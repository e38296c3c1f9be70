package secrets

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
)

// encoding writes groups of bytes as groups of characters: base64 and hex.
type encoding struct {
	// decode decodes a text of whole groups in the alphabet's first spelling.
	decode func(text string) []byte
	// group characters encode bytes bytes.
	group, bytes int
	// alphabet maps each character to its first spelling, and all others to 0.
	alphabet [256]byte
	// escaped is set if characters may be escaped. Hexadecimal digits never are.
	escaped bool
}

var encodings = []*encoding{newBase64(), newHex()}

func newBase64() *encoding {
	e := &encoding{group: 4, bytes: 3, escaped: true, decode: func(text string) []byte {
		data, _ := base64.StdEncoding.DecodeString(text)
		return data
	}}
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") {
		e.alphabet[c] = c
	}
	e.alphabet['-'], e.alphabet['_'] = '+', '/'
	return e
}

func newHex() *encoding {
	e := &encoding{group: 2, bytes: 1, decode: func(text string) []byte {
		data, _ := hex.DecodeString(text)
		return data
	}}
	for _, c := range []byte("0123456789abcdefABCDEF") {
		e.alphabet[c] = c
	}
	return e
}

// run is a stretch of characters of one encoding. A secret in it can begin at any character of a group.
type run struct {
	text []byte
	// starts and ends are the positions of each character in the text.
	starts, ends []int
}

// find reports the secrets in all runs of a text that are long enough for the shortest secret. Line breaks do not end a
// run. Runs are read twice, without escapes and with them, because a letter after a backslash may belong to the
// backslash or to the run.
func (e *encoding) find(text string, shortest int, look func(text string, found func(span))) []span {
	least := (shortest*e.group + e.bytes - 1) / e.bytes
	spans := e.findRuns(text, least, false, look)
	if e.escaped {
		spans = append(spans, e.findRuns(text, least, true, look)...)
	}
	return spans
}

func (e *encoding) findRuns(text string, least int, escapes bool, look func(string, func(span))) []span {
	var spans []span
	var r run
	for at := 0; at < len(text); {
		end, introduced := e.stretch(text, at, escapes)
		if end-at < least || introduced != escapes {
			at = max(end, at+1)
			continue
		}
		for at < end {
			runEnd := e.read(&r, text, at, escapes)
			if len(r.ends) >= least {
				spans = append(spans, e.findIn(r, text, runEnd, look)...)
			}
			at = max(runEnd, at+1)
		}
	}
	return spans
}

// stretch returns the end of the stretch that contains all runs from a position on, and whether it contains an escape.
func (e *encoding) stretch(text string, at int, escapes bool) (end int, introduced bool) {
	for ; at < len(text); at++ {
		switch b := text[at]; {
		case e.alphabet[b] != 0 || b == '\r' || b == '\n':
		case escapes && (b == '%' || b == '\\' || b == '&'):
			introduced = true
		case escapes && (b == '#' || b == ';' || b == '{' || b == '}'):
		default:
			return at, introduced
		}
	}
	return at, introduced
}

// read reads the run that begins at a position, and returns its end.
func (e *encoding) read(r *run, text string, at int, escapes bool) int {
	r.text, r.starts, r.ends = r.text[:0], r.starts[:0], r.ends[:0]
	for at < len(text) {
		c := character{text[at : at+1], at + 1}
		if b := text[at]; escapes && (b == '%' || b == '\\' || b == '&') {
			c = read(text, at, maxNesting)
		}
		switch {
		case len(c.text) != 1:
			return at
		case e.alphabet[c.text[0]] != 0:
			r.text = append(r.text, e.alphabet[c.text[0]])
			r.starts, r.ends = append(r.starts, at), append(r.ends, c.end)
		case len(r.ends) == 0 || c.text != "\r" && c.text != "\n":
			return at
		}
		at = c.end
	}
	return at
}

// findIn decodes a run from each character of a group on, and returns the spans that look finds.
func (e *encoding) findIn(r run, text string, end int, look func(string, func(span))) []span {
	var spans []span
	all := string(r.text)
	for phase := range min(e.group, len(all)) {
		encoded := all[phase:]
		whole := encoded + strings.Repeat("A", (e.group-len(encoded)%e.group)%e.group)
		decoded := e.decode(whole)
		look(string(decoded[:min(len(decoded), len(encoded)*e.bytes/e.group)]), func(found span) {
			first := phase + found.start*e.group/e.bytes
			last := phase + (found.end*e.group-1)/e.bytes
			span := span{r.starts[first], r.ends[min(last, len(r.ends)-1)], found.name}
			if last >= len(r.ends)-1 {
				span.end = padded(text, end)
			}
			spans = append(spans, span)
		})
	}
	return spans
}

// padded returns the end of the padding after a run.
func padded(text string, at int) int {
	for range 2 {
		if at >= len(text) {
			break
		}
		c := read(text, at, maxNesting)
		if c.text != "=" {
			break
		}
		at = c.end
	}
	return at
}
