package expression

import (
	"strings"

	"github.com/everhook/everhook"
)

// toCSV writes rows as RFC 4180 says, with CR LF after each.
func toCSV(m *machine, c *call, args []any) (any, error) {
	rows, err := c.list(args, 0)
	if err != nil {
		return nil, err
	}
	columns, err := c.columns(m, args, rows)
	if err != nil {
		return nil, err
	}
	var text strings.Builder
	if columns != nil {
		header := make([]any, len(columns))
		for i, name := range columns {
			header[i] = name
		}
		if err := m.writeRow(&text, header); err != nil {
			return nil, err
		}
	}
	for i, row := range rows {
		fields, err := c.fields(m, row, i, columns)
		if err != nil {
			return nil, err
		}
		if err := m.writeRow(&text, fields); err != nil {
			return nil, err
		}
	}
	return text.String(), nil
}

// columns are the names in the second argument, or the keys of all rows that are mappings, sorted. Rows that are lists
// have none.
func (c *call) columns(m *machine, args []any, rows []any) ([]string, error) {
	if len(args) == 2 {
		return c.names(m, args, 1)
	}
	known := map[string]bool{}
	for _, row := range rows {
		mapping, ok := row.(map[string]any)
		if !ok {
			continue
		}
		if err := m.spend(1 + len(mapping)); err != nil {
			return nil, err
		}
		//workflowcheck:ignore a set; the order does not show
		for key := range mapping {
			known[key] = true
		}
	}
	if len(known) == 0 {
		return nil, nil
	}
	return everhook.SortedKeys(known), m.spend(times(len(known), log2(len(known))))
}

// fields are the values of a row, in the order of the columns.
func (c *call) fields(m *machine, row any, i int, columns []string) ([]any, error) {
	switch row := row.(type) {
	case []any:
		return row, nil
	case map[string]any:
		if err := m.spend(1 + len(columns)); err != nil {
			return nil, err
		}
		fields := make([]any, len(columns))
		for j, name := range columns {
			fields[j] = row[name]
		}
		return fields, nil
	default:
		return nil, c.errorf("%s[%d] is %s where a mapping or list is needed", c.what(0), i, typeName(row))
	}
}

func (m *machine) writeRow(out *strings.Builder, fields []any) error {
	for i, v := range fields {
		if i > 0 {
			out.WriteByte(',')
		}
		text, err := m.text(v)
		if err != nil {
			return err
		}
		if err := m.work(2*len(text) + 3); err != nil {
			return err
		}
		out.WriteString(csvField(text, len(fields) == 1))
	}
	out.WriteString("\r\n")
	return m.produce(2)
}

// csvField quotes a field if needed. A single empty field is quoted too, because its row would be an empty line.
func csvField(text string, alone bool) string {
	if strings.ContainsAny(text, ",\"\r\n") || text != strings.TrimSpace(text) || alone && text == "" {
		return `"` + strings.ReplaceAll(text, `"`, `""`) + `"`
	}
	return text
}

var csvFunctions = []*Function{
	{Name: "toCSV", Signature: "toCSV(list[, columns])",
		Doc: "The rows as CSV (RFC 4180). Rows that are mappings get a " +
			"header: the columns that are given, else all keys, sorted. Rows that are lists are written as they are.",
		Example: `toCSV([{sku: "a", note: "x, y"}, {sku: "b"}], ["sku", "note"])`,
		Result:  `"sku,note\r\na,\"x, y\"\r\nb,\r\n"`, minimum: 1, maximum: 2, gives: kindText, apply: toCSV},
}
