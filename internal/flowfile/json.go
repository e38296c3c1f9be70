package flowfile

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/everhook/everhook"
)

// parseJSON reads the strict JSON of everhook.ParseJSON and finds the position of each value.
func parseJSON(r *report) (*place, any) {
	v, err := everhook.ParseJSON([]byte(r.source.text))
	if syntax, ok := errors.AsType[*everhook.SyntaxError](err); ok {
		r.add(r.source.lines[syntax.Line-1]+syntax.Column-1, nil, syntax.Reason, "")
		return nil, nil
	}
	index := jsonIndex{text: r.source.text, decoder: json.NewDecoder(strings.NewReader(r.source.text))}
	index.decoder.UseNumber()
	root := index.value()
	if index.values > MaxValues {
		r.add(0, nil, fmt.Sprintf("more than %d values", MaxValues), "move large data out of the flow")
		return nil, nil
	}
	return root, v
}

// jsonIndex finds the positions of the values in a text that ParseJSON has accepted.
type jsonIndex struct {
	text    string
	decoder *json.Decoder
	values  int
}

// next returns a token and the offset of its start.
func (x *jsonIndex) next() (json.Token, int) {
	start := int(x.decoder.InputOffset())
	for strings.IndexByte(" \t\r\n,:", x.text[start]) >= 0 {
		start++
	}
	token, err := x.decoder.Token()
	if err != nil {
		panic(fmt.Sprintf("flowfile: JSON that was accepted is refused: %v", err))
	}
	return token, start
}

func (x *jsonIndex) value() *place {
	x.values++
	token, start := x.next()
	at := &place{offset: start, key: start, keyEnd: start}
	switch token {
	case json.Delim('['):
		for x.decoder.More() {
			at.items = append(at.items, x.value())
		}
		x.next()
		at.flow = true
	case json.Delim('{'):
		at.fields = map[string]*place{}
		for x.decoder.More() {
			key, start := x.next()
			end := int(x.decoder.InputOffset())
			field := x.value()
			field.key, field.keyEnd = start, end
			at.names = append(at.names, key.(string))
			at.fields[key.(string)] = field
		}
		x.next()
		at.flow = true
	default:
		if text, ok := token.(string); ok {
			at.scalar = &Scalar{Style: DoubleQuoted, Text: text}
		} else {
			at.scalar = &Scalar{Text: x.text[start:x.decoder.InputOffset()]}
		}
	}
	at.end = int(x.decoder.InputOffset())
	return at
}
