package store

import (
	"context"
	"errors"
	"time"
)

// Request is a request with a key that its caller chose. A repeated request has the same actor, key and digest.
type Request struct {
	Actor, Key string
	// Digest identifies what is asked for.
	Digest string
}

// Errors of BeginRequest.
var (
	// ErrRequestRuns means that the same request is being answered now.
	ErrRequestRuns = errors.New("the same request is being answered now")
	// ErrKeyReused means that the actor used the key for another request.
	ErrKeyReused = errors.New("the key was used for another request")
)

// requestKept is how long the answer of a request is kept.
const requestKept = 24 * time.Hour

// Begun is what BeginRequest knows of a request.
type Begun struct {
	// Answer is the answer of the request, as given to EndRequest; empty: the request has none yet, and the caller
	// has to carry it out.
	Answer string
	// Changed is set if the process that carried out the request before ended after its change was committed, and
	// before the answer was kept.
	Changed bool
}

// States of a request.
const (
	requestBegun    = "begun"
	requestChanged  = "changed"
	requestAnswered = "answered"
)

// BeginRequest begins a request, which has ended within the given time. Of several equal requests at a time one begins;
// the others get ErrRequestRuns. A request is forgotten a day after it began.
func (s *Store) BeginRequest(ctx context.Context, r Request, within time.Duration) (begun Begun, err error) {
	err = s.change(ctx, func(tx *transaction) error {
		now := time.Now()
		begun = Begun{}
		if _, err := tx.exec(ctx, deleteOldRequests, moment(now.Add(-requestKept))); err != nil {
			return err
		}
		// Inserted first: of two transactions, the second waits here for the first.
		inserted, err := tx.exec(ctx, insertRequest, r.Actor, r.Key, r.Digest, requestBegun, moment(now.Add(within)),
			moment(now))
		if err != nil || inserted == 1 {
			return err
		}
		var digest, state string
		var until moment
		if err := tx.row(ctx, tx.forUpdate(selectRequest), r.Actor, r.Key).Scan(&digest, &state, &until,
			&begun.Answer); err != nil {
			return err
		}
		switch {
		case digest != r.Digest:
			return ErrKeyReused
		case state == requestAnswered:
			return errUnchanged
		case now.Before(time.Time(until)):
			return ErrRequestRuns
		}
		begun.Changed = state == requestChanged
		_, err = tx.exec(ctx, resumeRequest, moment(now.Add(within)), r.Actor, r.Key)
		return err
	})
	if err != nil {
		return Begun{}, err
	}
	return begun, nil
}

// EndRequest keeps the answer of a request.
func (s *Store) EndRequest(ctx context.Context, r Request, answer string) error {
	return s.change(ctx, func(tx *transaction) error {
		_, err := tx.exec(ctx, answerRequest, requestAnswered, answer, r.Actor, r.Key)
		return err
	})
}

// GiveUpRequest forgets a request that was refused, so that it may be repeated at once. If it has changed something
// nevertheless, that stays known.
func (s *Store) GiveUpRequest(ctx context.Context, r Request) error {
	return s.change(ctx, func(tx *transaction) error {
		if _, err := tx.exec(ctx, deleteRequest, r.Actor, r.Key, requestBegun); err != nil {
			return err
		}
		_, err := tx.exec(ctx, resumeRequest, moment(time.Now()), r.Actor, r.Key)
		return err
	})
}

type requestKey struct{}

// WithRequest returns a context whose changes belong to a request that has begun: each is committed together with the
// fact that the request has changed something.
func WithRequest(ctx context.Context, r Request) context.Context {
	return context.WithValue(ctx, requestKey{}, r)
}

// noteRequest records in a transaction that the request of the context has changed something.
func noteRequest(ctx context.Context, tx *transaction) error {
	r, ok := ctx.Value(requestKey{}).(Request)
	if !ok {
		return nil
	}
	_, err := tx.exec(ctx, changeRequest, requestChanged, r.Actor, r.Key, requestBegun)
	return err
}

const (
	deleteOldRequests = `DELETE FROM requests WHERE at < ?`
	insertRequest     = `INSERT INTO requests (actor, key, digest, state, until, at, answer)
		VALUES (?, ?, ?, ?, ?, ?, '') ON CONFLICT (actor, key) DO NOTHING`
	selectRequest = `SELECT digest, state, until, answer FROM requests WHERE actor = ? AND key = ?`
	resumeRequest = `UPDATE requests SET until = ? WHERE actor = ? AND key = ?`
	answerRequest = `UPDATE requests SET state = ?, answer = ? WHERE actor = ? AND key = ?`
	changeRequest = `UPDATE requests SET state = ? WHERE actor = ? AND key = ? AND state = ?`
	deleteRequest = `DELETE FROM requests WHERE actor = ? AND key = ? AND state = ?`
)
