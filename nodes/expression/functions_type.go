package expression

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/cockroachdb/apd/v3"

	"github.com/everhook/everhook"
)

// typeOf returns expr's names of types.
func typeOf(_ *machine, _ *call, args []any) (any, error) {
	switch args[0].(type) {
	case nil:
		return "nil", nil
	case bool:
		return "bool", nil
	case int:
		return "int", nil
	case float64:
		return "float", nil
	case string:
		return "string", nil
	case []any:
		return "array", nil
	case map[string]any:
		return "map", nil
	case time.Time:
		return "time.Time", nil
	case time.Duration:
		return "time.Duration", nil
	case *apd.Decimal:
		return "decimal", nil
	default:
		return "time.Location", nil
	}
}

func toInt(_ *machine, c *call, args []any) (any, error) {
	if d, ok := args[0].(*apd.Decimal); ok {
		n := new(apd.Decimal)
		d.Modf(n, new(apd.Decimal))
		whole, err := n.Int64()
		if err != nil {
			return nil, c.errorf("%s does not fit in 64 bits", c.what(0))
		}
		return int(whole), nil
	}
	v, err := c.parseNumber(args)
	if err != nil {
		return nil, err
	}
	f, ok := v.(float64)
	if !ok {
		return v, nil
	}
	if f < -1<<63 || f >= 1<<63 {
		return nil, c.errorf("%s does not fit in 64 bits", c.what(0))
	}
	if _, isText := args[0].(string); isText {
		return nil, c.errorf("%s is the text of a number that is not whole; use `floor(float(…))`", c.what(0))
	}
	return int(f), nil
}

func toFloat(_ *machine, c *call, args []any) (any, error) {
	if d, ok := args[0].(*apd.Decimal); ok {
		f, _ := d.Float64() // decimals have at most 200 digits, which is far below the largest number
		return everhook.CanonicalFloat(f)
	}
	return c.parseNumber(args)
}

// parseNumber accepts a number, or the decimal text of one. A whole number beyond 64 bits becomes the nearest float64.
func (c *call) parseNumber(args []any) (any, error) {
	text, ok := args[0].(string)
	if !ok {
		_, err := c.number(args, 0)
		return args[0], err
	}
	text = strings.TrimSpace(text)
	if n, err := strconv.Atoi(text); err == nil {
		return n, nil
	}
	if strings.Trim(text, "0123456789.+-eE") != "" {
		return nil, c.errorf("%s is text, but not that of a number", c.what(0))
	}
	f, err := strconv.ParseFloat(text, 64)
	if errors.Is(err, strconv.ErrRange) {
		return nil, c.errorf("%s is a number beyond 1.8e308, the largest one", c.what(0))
	}
	if err != nil {
		return nil, c.errorf("%s is text, but not that of a number", c.what(0))
	}
	return everhook.CanonicalFloat(f)
}

func toText(m *machine, _ *call, args []any) (any, error) {
	text, err := m.text(args[0])
	return text, err
}

func toJSON(m *machine, _ *call, args []any) (any, error) {
	text, err := m.json(args[0])
	return text, err
}

// jsonFactor is the cost of parsing a byte of JSON, as a multiple of the cost of reading a byte of text.
const jsonFactor = 8

func fromJSON(m *machine, c *call, args []any) (any, error) {
	text, err := c.text(args, 0)
	if err != nil {
		return nil, err
	}
	if err := m.read(jsonFactor * len(text)); err != nil {
		return nil, err
	}
	// Two bytes of JSON ("0,") can become one element, and six ("\"\":0,") one entry.
	elements := strings.Count(text, ",") + strings.Count(text, "[") + strings.Count(text, "{")
	if err := m.produce(len(text) + elements*elementWeight + strings.Count(text,
		":")*(entryWeight-elementWeight)); err != nil {
		return nil, err
	}
	v, err := everhook.ParseJSON([]byte(text))
	if err != nil {
		return nil, c.errorf("%s is no JSON: %w", c.what(0), err)
	}
	return v, nil
}

var typeFunctions = []*Function{
	{Name: "type", Signature: "type(value)", Doc: "nil, bool, int, float, string, array, map, decimal, time.Time or " +
		"time.Duration.", Example: `type("a")`, Result: `"string"`, minimum: 1, maximum: 1, gives: kindText,
		apply: typeOf},
	{Name: "int", Signature: "int(value)", Doc: "The whole number that a text is written as; a number without its " +
		"fraction.", Example: `int("42")`, Result: `42`, minimum: 1, maximum: 1, gives: kindNumber, apply: toInt},
	{Name: "float", Signature: "float(value)", Doc: "The number that a text is written as.", Example: `float("1.5")`,
		Result: `1.5`, minimum: 1, maximum: 1, gives: kindNumber, apply: toFloat},
	{Name: "string", Signature: "string(value)", Doc: "The value as text, as in a template: nil is empty, lists and " +
		"mappings are JSON.", Example: `string(1.50)`, Result: `"1.5"`, minimum: 1, maximum: 1, gives: kindText,
		apply: toText},
	{Name: "toJSON", Signature: "toJSON(value)", Doc: "The value as compact JSON with sorted keys.",
		Example: `toJSON({b: 1, a: [nil]})`, Result: `"{\"a\":[null],\"b\":1}"`, minimum: 1, maximum: 1,
		gives: kindText, apply: toJSON},
	{Name: "fromJSON", Signature: "fromJSON(text)", Doc: "The value of a JSON text.", Example: `fromJSON('{"a": 1.0}')`,
		Result: `{"a":1}`, minimum: 1, maximum: 1, apply: fromJSON},
}
