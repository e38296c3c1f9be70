package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
)

// Bounds of a page.
const (
	defaultLimit = 100
	maxLimit     = 200
)

// Paging are the parameters of a list.
type Paging struct {
	Limit int    `query:"limit" minimum:"1" maximum:"200" doc:"How many at most. Default 100."`
	Page  string `query:"page" maxLength:"4096" doc:"The next of the page before, with the same filter. Without it, the first page."`
}

func (p Paging) limit() int {
	if p.Limit == 0 {
		return defaultLimit
	}
	return p.Limit
}

// after returns the place in the list where the page begins; empty at the first page. It refuses a cursor of another
// list.
func (p Paging) after(of cursor) (string, error) {
	if p.Page == "" {
		return "", nil
	}
	data, err := base64.RawURLEncoding.DecodeString(p.Page)
	if err != nil || len(data) <= cursorMark || !bytes.Equal(data[:cursorMark], of.mark(data[cursorMark:])) {
		return "", wrongf("/query/page", "not a page of this list with this filter; use the next of the page before, "+
			"or leave it out for the first page")
	}
	return string(data[cursorMark:]), nil
}

// cursor makes the pages of one list with one filter.
type cursor []byte

// cursorOf is the cursor of a list, which has a name, with the text of its filter.
func cursorOf(list string, filter ...string) cursor {
	text, err := json.Marshal(append([]string{list}, filter...))
	if err != nil {
		panic(err) // texts can be encoded
	}
	return text
}

// cursorMark is the length of the mark of the list in front of a place.
const cursorMark = 8

func (c cursor) mark(place []byte) []byte {
	sum := sha256.Sum256(append(append([]byte{}, c...), place...))
	return sum[:cursorMark]
}

// page returns the cursor of the page that begins after a place; empty after the last place.
func (c cursor) page(place string) string {
	if place == "" {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(append(c.mark([]byte(place)), place...))
}
