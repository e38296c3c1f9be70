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

func (m moment) Value() (driver.Value, error) { return time.Time(m).UnixMicro(), nil }

func (m *moment) Scan(column any) error {
	micros, ok := column.(int64)
	if !ok {
		return fmt.Errorf("a time that is no number")
	}
	*m = moment(time.UnixMicro(micros).UTC())
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
