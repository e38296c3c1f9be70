package store

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"time"

	"github.com/everhook/everhook"
)

// moment is a time as a column: microseconds since 1970 UTC.
type moment time.Time

// Value is 0 for the zero time.
func (m moment) Value() (driver.Value, error) {
	if time.Time(m).IsZero() {
		return int64(0), nil
	}
	return time.Time(m).UnixMicro(), nil
}

func (m *moment) Scan(column any) error {
	micros, ok := column.(int64)
	if !ok {
		return fmt.Errorf("a time that is no number")
	}
	if *m = (moment{}); micros != 0 {
		*m = moment(time.UnixMicro(micros).UTC())
	}
	return nil
}

// content is a definition as a column: its JSON.
type content struct{ *everhook.Definition }

func (c content) Scan(column any) error {
	text, ok := column.(string)
	if !ok {
		return fmt.Errorf("a definition that is no text")
	}
	return json.Unmarshal([]byte(text), c.Definition)
}

// flag is a boolean as a column: 0 or 1.
type flag bool

func (f flag) Value() (driver.Value, error) {
	if f {
		return int64(1), nil
	}
	return int64(0), nil
}

func (f *flag) Scan(column any) error {
	number, ok := column.(int64)
	if !ok {
		return fmt.Errorf("a boolean that is no number")
	}
	*f = number != 0
	return nil
}

// list is a list of texts as a column: its JSON. An empty list is nil.
type list []string

func (l list) Value() (driver.Value, error) {
	if len(l) == 0 {
		return "[]", nil
	}
	data, err := json.Marshal([]string(l))
	return string(data), err
}

func (l *list) Scan(column any) error {
	text, ok := column.(string)
	if !ok {
		return fmt.Errorf("a list that is no text")
	}
	*l = nil
	if text == "[]" {
		return nil
	}
	return json.Unmarshal([]byte(text), (*[]string)(l))
}
