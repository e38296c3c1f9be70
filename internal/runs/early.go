package runs

import (
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/workflows"
)

// AnswerEarly finds out the answer of the run without Temporal, and returns the run with it. It reports false if the
// run has to be waited for; see workflows.AnswerEarly.
func (p *Prepared) AnswerEarly() (*Prepared, bool) {
	flow, err := p.starter.compiled(p.call.version)
	if err != nil {
		return nil, false
	}
	definition, err := p.starter.definition(flow)
	if err != nil {
		return nil, false
	}
	arguments, answer, ok := workflows.AnswerEarly(flow.Flow, definition, p.call.arguments, time.Now)
	if !ok {
		return nil, false
	}
	c := *p.call
	c.arguments, c.early = arguments, answer
	return &Prepared{p.starter, &c}, true
}

// Early is the answer that the caller has already; nil: it has none.
func (p *Prepared) Early() *everhook.Answer { return p.call.early }

// EarlyAnswer reads the answer that a caller has already from what Store returned; nil: it has none.
func EarlyAnswer(data []byte) (*everhook.Answer, error) {
	head, _, err := readStored(data)
	return head.Answer, err
}
