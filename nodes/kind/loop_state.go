package kind

import (
	"github.com/everhook/everhook"
	"github.com/everhook/everhook/nodes/expression"
)

// LoopState is how far a loop is: all that another execution needs, besides the data of the flow, to go on with it. It
// is stored in histories.
type LoopState struct {
	// Items are the items of the loop, starting with number From; nil for a loop that counts, and after KeepItems.
	Items everhook.List `json:"items,omitempty"`
	// kept has the items after KeepItems.
	kept expression.Stored
	From int `json:"from,omitempty"`
	// Length is the number of iterations; Open is set when only the loop's `when` ends it.
	Length int  `json:"length,omitempty"`
	Open   bool `json:"open,omitempty"`
	// Next is the index of the next iteration. Until is where the part ends that this execution goes through; 0 is the
	// end of the loop.
	Next  int `json:"next"`
	Until int `json:"until,omitempty"`
	// Broken is set when the loop was ended early.
	Broken bool `json:"broken,omitempty"`

	Looped  int `json:"looped,omitempty"`
	Done    int `json:"done,omitempty"`
	Failed  int `json:"failed,omitempty"`
	Skipped int `json:"skipped,omitempty"`
	// Collected are the collected values, CollectedBytes their size with that of those in earlier parts.
	Collected      everhook.List `json:"collected,omitempty"`
	CollectedBytes int           `json:"collectedBytes,omitempty"`
	// Errors are of the first iterations that were not resolved; Failed counts all.
	Errors everhook.List `json:"errors,omitempty"`
}

// Over reports whether no iteration is left, of the loop or of its part.
func (s *LoopState) Over() bool {
	return s.Broken || !s.Open && s.Next >= s.Length || s.Until > 0 && s.Next >= s.Until
}

// KeepItems lets keep, which is LoopingRun.Keep, hold the items. A state with kept items is not for JSON: Part and Rest
// give one that is.
func (s *LoopState) KeepItems(keep func(any) any) {
	if stored, ok := keep([]any(s.Items)).(expression.Stored); ok {
		s.kept, s.Items = stored, nil
	}
}

func (s *LoopState) items() []any {
	if s.kept != nil {
		return s.kept.Load().([]any)
	}
	return s.Items
}

// Item is that of an iteration.
func (s *LoopState) Item(index int) any {
	items := s.items()
	if items == nil {
		return index
	}
	return items[index-s.From]
}

// Part returns the next part of the loop for another execution: items of at most maxBytes of JSON, and at least one
// iteration.
func (s *LoopState) Part(maxBytes int) LoopState {
	part, items := *s, s.items()
	part.Collected, part.Errors, part.kept = nil, nil, nil
	if items == nil {
		return part
	}
	end, bytes := s.Next, 0
	for ; end < s.Length && s.mayEnd(end); end++ {
		encoded, err := everhook.EncodeJSON(items[end-s.From])
		if bytes += len(encoded) + 1; (err != nil || bytes > maxBytes) && end > s.Next {
			break
		}
	}
	part.Items, part.From, part.Until = items[s.Next-s.From:end-s.From], s.Next, end
	return part
}

// Rest returns the remaining part of the loop with everything that was gathered, for the next execution of a chain.
func (s *LoopState) Rest() LoopState {
	rest, items := *s, s.items()
	rest.kept = nil
	if items != nil {
		rest.Items, rest.From = items[s.Next-s.From:], s.Next
	}
	return rest
}

func (s *LoopState) mayEnd(index int) bool { return s.Until == 0 || index < s.Until }

// Join takes over how far another execution came with a part.
func (s *LoopState) Join(part *LoopState) {
	s.Next, s.Broken = part.Next, part.Broken
	s.Looped, s.Done, s.Failed, s.Skipped = part.Looped, part.Done, part.Failed, part.Skipped
	s.CollectedBytes = part.CollectedBytes
	s.Collected = append(s.Collected, part.Collected...)
	s.Errors = append(s.Errors, part.Errors...)
}
