package assist

import (
	"github.com/everhook/everhook/internal/compile"
)

// About is what a name in a text is.
type About struct {
	// From and To are the name, in bytes.
	From int `json:"from"`
	To   int `json:"to"`
	Proposal
}

// Hover says what the name at an offset of a text is; false if there is none or nothing is known of it.
func Hover(text string, whole bool, offset int, place compile.Place) (About, bool) {
	if offset < 0 || offset > len(text) {
		return About{}, false
	}
	end := offset
	for end < len(text) && isName(text[end]) {
		end++
	}
	completion := Complete(text, whole, end, place)
	if completion.From == end {
		return About{}, false
	}
	for _, p := range completion.Proposals {
		if p.Name == text[completion.From:end] {
			return About{completion.From, end, p}, true
		}
	}
	return About{}, false
}
