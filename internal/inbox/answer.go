package inbox

import (
	"context"
	"errors"

	"github.com/everhook/everhook"
)

// SyncDelivery is a delivery whose caller waits for the answer of its run.
type SyncDelivery struct {
	// Entry has all but the input.
	Entry
	// Run starts the run and waits for its answer. It calls begun when a worker has begun the run. Without an answer in
	// time the run is durable.
	Run func(ctx context.Context, begun func()) (everhook.Started, error)
	// Early finds out the answer without Temporal, and how the entry with it is encoded; false: that cannot be done.
	// Nil: the flow has no such answers.
	Early func() (answer *everhook.Answer, encode func() ([]byte, error), ok bool)
	// Encode makes the input of the entry without an answer.
	Encode func() ([]byte, error)
	// Answered reads the answer from the input of an entry; nil: it has none.
	Answered func(input []byte) (*everhook.Answer, error)
	// Accept stores the delivery if it cannot be answered while Temporal is away. Its caller gets no answer.
	Accept bool
}

// Answer makes a delivery durable, and returns its answer. While Temporal is quick, its run is started at once. Else,
// if the answer can be found out without Temporal, the delivery is stored together with it, and the run is started
// later.
// Without an answer the delivery is durable, and the run has none yet. Errors are those of Accept.
func (i *Inbox) Answer(ctx context.Context, d SyncDelivery) (everhook.Started, error) {
	paused := i.options.Paused(d.Flow)
	if d.Early == nil && !paused {
		return i.answerLate(ctx, d)
	}
	if !paused && !i.waits(d.Flow) {
		if attempt := i.pace.enterQuick(); attempt != nil {
			started, ok, err := i.runDirectly(ctx, d, attempt)
			if ok {
				return started, err
			}
		}
	}
	return i.answerEarly(ctx, d, paused)
}

// answerLate starts the run, or stores a delivery that cannot be answered while Temporal is away, if its flow accepts
// that.
func (i *Inbox) answerLate(ctx context.Context, d SyncDelivery) (everhook.Started, error) {
	if d.Accept && i.pace.away() {
		return i.store(ctx, Delivery{Entry: d.Entry, Encode: d.Encode})
	}
	began := false
	started, err := d.Run(ctx, func() { began = true })
	if err == nil || isOwn(err) || began || !d.Accept {
		return started, err
	}
	// The run may be started even so: then the start of the row finds it.
	return i.store(ctx, Delivery{Entry: d.Entry, Encode: d.Encode})
}

// runDirectly starts the run of a delivery and waits for its answer. It is false if nothing was started.
func (i *Inbox) runDirectly(ctx context.Context, d SyncDelivery, attempt *attempt) (everhook.Started, bool, error) {
	if d.Duplicates != nil {
		verdict, err := i.options.Box.Claim(ctx, &d.Entry)
		if err != nil || verdict != Proceed {
			i.pace.left(attempt)
			started, err := i.answerFirst(ctx, d, verdict, err)
			return started, true, err
		}
		i.pace.restart(attempt)
	}
	began := false
	started, err := d.Run(ctx, func() {
		began = true
		i.pace.ended(attempt, false)
		i.yield.addStarted()
	})
	switch {
	case began:
	case isOwn(err), errors.Is(err, everhook.ErrOverloaded), err == nil:
		i.pace.left(attempt)
	default:
		i.pace.ended(attempt, true)
	}
	if errors.Is(err, everhook.ErrOverloaded) {
		return everhook.Started{}, false, nil
	}
	if err == nil && d.Duplicates != nil && !started.Duplicate {
		i.options.Box.Settle(&d.Entry)
	}
	return started, true, err
}

// answerEarly answers a delivery without Temporal, and stores it. If that is not possible, it starts the run.
func (i *Inbox) answerEarly(ctx context.Context, d SyncDelivery, paused bool) (everhook.Started, error) {
	var answer *everhook.Answer
	encode, ok := d.Encode, false
	if d.Early != nil {
		answer, encode, ok = d.Early()
	}
	if !ok {
		if !paused {
			return i.answerLate(ctx, d)
		}
		return i.store(ctx, Delivery{Entry: d.Entry, Encode: d.Encode})
	}
	e := d.Entry
	e.OnlyFirst = true
	verdict, err := i.put(ctx, Delivery{Entry: e, Encode: encode})
	if err == nil && verdict == Stored {
		i.early.Add(1)
		return everhook.Started{Answer: answer}, nil
	}
	return i.answerFirst(ctx, d, verdict, err)
}

// answerFirst answers a delivery of which another one may be the first: by the answer that is stored with that, or by
// that of its run.
func (i *Inbox) answerFirst(ctx context.Context, d SyncDelivery, verdict Verdict, err error) (everhook.Started, error) {
	if err != nil || verdict == Reused {
		return conclude(verdict, err)
	}
	if verdict == Duplicate {
		input, err := i.inputOf(ctx, d.Flow, d.Entry.Run)
		if err == nil {
			answer, err := d.Answered(input)
			return everhook.Started{Answer: answer, Duplicate: true}, err
		}
		if !errors.Is(err, ErrNoRow) {
			return everhook.Started{}, err
		}
		// Its run was started meanwhile.
	}
	return d.Run(ctx, func() {})
}

func (i *Inbox) inputOf(ctx context.Context, flow string, run everhook.RunID) ([]byte, error) {
	row, err := i.options.Box.Waits(ctx, flow, run)
	if err != nil {
		return nil, err
	}
	return i.options.Box.Input(ctx, row)
}
