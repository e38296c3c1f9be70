package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/access"
)

// Draft is a text of a flow that is being written. A flow has at most one; the flow need not exist yet.
type Draft struct {
	Flow string
	// Base is the number of the version that it began from; 0: none.
	Base int
	// Revision is the number of the revision that is shown. The text of a number never changes.
	Revision int64
	Text     string
	// Operation says what made the revision, Author who did, and SavedAt when.
	Operation, Author string
	SavedAt           time.Time
	// Undo and Redo are the revisions that these would show; 0: none.
	Undo, Redo int64
	// Token is the token that the flow has, or will have once it is published.
	Token string
}

// DraftRevision is a revision of a draft without its text.
type DraftRevision struct {
	Number            int64
	Operation, Author string
	SavedAt           time.Time
}

// DraftPut is a new text of a draft.
type DraftPut struct {
	Flow string
	Text string
	// Revision is the one that the text was made from. 0: there is no draft yet.
	Revision int64
	// Base is the version that a new draft begins from.
	Base int
	// Operation says what was done, in a few words.
	Operation string
	// Typing merges the text with what the same author typed in the same second.
	Typing bool
}

// Bounds of drafts.
const (
	maxRevisions = 100
	// typingTime is how long what is typed is one revision.
	typingTime = time.Second
	// maxOperation is in characters.
	maxOperation = 200
)

// PutDraft stores a text as the next revision of a flow's draft. What was undone before is dropped. A draft keeps its
// last 100 revisions. If the draft is not at the given revision, the error wraps ErrStale.
func (s *Store) PutDraft(ctx context.Context, put DraftPut) (draft Draft, err error) {
	switch {
	case !everhook.IsFlowKey(put.Flow):
		return Draft{}, fmt.Errorf("%q is no flow's key; a key is made of a-z, 0-9 and -",
			everhook.Shorten(put.Flow, 64))
	case len(put.Text) > MaxText:
		return Draft{}, fmt.Errorf("the text of the draft has %d bytes; at most %d are kept", len(put.Text), MaxText)
	}
	put.Operation = everhook.Shorten(put.Operation, maxOperation)
	return s.changeDraft(ctx, put.Flow, func(tx *transaction) error {
		before, err := draftToChange(ctx, tx, put.Flow, put.Revision)
		isNew := errors.Is(err, ErrNotFound) && put.Revision == 0
		switch {
		case isNew:
			if _, err := tx.exec(ctx, insertDraft, put.Flow, put.Base, newToken()); err != nil {
				return err
			}
		case err != nil:
			return err
		case put.Text == before.Text:
			return errUnchanged
		}
		return addRevision(ctx, tx, put)
	})
}

// addRevision writes the text after the shown revision.
func addRevision(ctx context.Context, tx *transaction, put DraftPut) error {
	author, now := access.Author(ctx).ID, time.Now()
	if _, err := tx.exec(ctx, deleteUndone, put.Flow, put.Flow); err != nil {
		return err
	}
	began := now
	if put.Typing {
		typed, found, err := one(ctx, tx.conn, value[moment], selectTyped, put.Flow, author,
			moment(now.Add(-typingTime)))
		if err != nil {
			return err
		}
		if found {
			began = time.Time(typed)
			if _, err := tx.exec(ctx, deleteRevision, put.Flow, put.Flow); err != nil {
				return err
			}
		}
	}
	for _, step := range []struct {
		statement string
		args      []any
	}{
		{countDraft, []any{put.Flow}},
		{insertRevision, []any{put.Text, put.Operation, flag(put.Typing), author, moment(began), moment(now),
			put.Flow}},
		{deleteOldRevisions, []any{put.Flow, put.Flow, maxRevisions}},
	} {
		if _, err := tx.exec(ctx, step.statement, step.args...); err != nil {
			return err
		}
	}
	return nil
}

// UndoDraft shows the revision before the given one, and RedoDraft the one after it. If the draft is not at the given
// revision, the error wraps ErrStale; if there is nothing to undo or redo, ErrNotFound.
func (s *Store) UndoDraft(ctx context.Context, flow string, revision int64) (Draft, error) {
	return s.moveDraft(ctx, flow, revision, func(d Draft) int64 { return d.Undo }, "undo")
}

// RedoDraft is the reverse of UndoDraft.
func (s *Store) RedoDraft(ctx context.Context, flow string, revision int64) (Draft, error) {
	return s.moveDraft(ctx, flow, revision, func(d Draft) int64 { return d.Redo }, "redo")
}

func (s *Store) moveDraft(ctx context.Context, flow string, revision int64, to func(Draft) int64,
	verb string) (Draft, error) {
	return s.changeDraft(ctx, flow, func(tx *transaction) error {
		draft, err := draftToChange(ctx, tx, flow, revision)
		if err != nil {
			return err
		}
		number := to(draft)
		if number == 0 {
			return fmt.Errorf("there is nothing to %s in the draft of flow %q: %w", verb, flow, ErrNotFound)
		}
		_, err = tx.exec(ctx, moveDraft, number, flow)
		return err
	})
}

// DiscardDraft removes a draft with its revisions. If it is not at the given revision, the error wraps ErrStale.
func (s *Store) DiscardDraft(ctx context.Context, flow string, revision int64) error {
	return s.change(ctx, func(tx *transaction) error {
		draft, err := draftToChange(ctx, tx, flow, revision)
		if err != nil {
			return err
		}
		if _, err := tx.exec(ctx, deleteDraft, flow); err != nil {
			return err
		}
		return tx.record(ctx, Change{Action: "discard", Object: "draft", Name: flow,
			Detail: map[string]any{"base": draft.Base}})
	})
}

// firstToken is the token of a flow that is stored for the first time: the one that its draft was shown with, or a new
// one.
func firstToken(ctx context.Context, tx *transaction, flow string) (string, error) {
	token, _, err := one(ctx, tx.conn, value[string], selectDraftToken, flow)
	if err == nil && token == "" {
		token = newToken()
	}
	return token, err
}

// publishDraft removes the draft whose text becomes a version. Revision 0 is no draft.
func publishDraft(ctx context.Context, tx *transaction, flow string, revision int64) (published bool, err error) {
	if revision == 0 {
		return false, nil
	}
	if _, err := draftToChange(ctx, tx, flow, revision); err != nil {
		return false, err
	}
	_, err = tx.exec(ctx, deleteDraft, flow)
	return true, err
}

// Draft returns the draft of a flow, or ErrNotFound.
func (s *Store) Draft(ctx context.Context, flow string) (Draft, error) {
	return draftOf(ctx, s.db, flow)
}

// Drafts returns the keys of all flows that have a draft.
func (s *Store) Drafts(ctx context.Context) ([]string, error) {
	return collect(ctx, s.db, value[string], selectDrafts)
}

// DraftRevisions returns the revisions of a draft, the newest first.
func (s *Store) DraftRevisions(ctx context.Context, flow string) ([]DraftRevision, error) {
	return collect(ctx, s.db, func(row scanner) (r DraftRevision, err error) {
		err = row.Scan(&r.Number, &r.Operation, &r.Author, (*moment)(&r.SavedAt))
		return r, err
	}, selectRevisions, flow)
}

// changeDraft runs a change and returns the draft after it.
func (s *Store) changeDraft(ctx context.Context, flow string, change func(tx *transaction) error) (draft Draft,
	err error) {
	err = s.change(ctx, func(tx *transaction) error {
		if err := change(tx); err != nil && !errors.Is(err, errUnchanged) {
			return err
		}
		draft, err = draftOf(ctx, tx.conn, flow)
		return err
	})
	if err != nil {
		return Draft{}, err
	}
	return draft, nil
}

// draftToChange locks and reads a draft that is at a revision.
func draftToChange(ctx context.Context, tx *transaction, flow string, revision int64) (Draft, error) {
	if _, _, err := one(ctx, tx.conn, value[string], tx.forUpdate(lockDraft), flow); err != nil {
		return Draft{}, err
	}
	draft, err := draftOf(ctx, tx.conn, flow)
	if err == nil && draft.Revision != revision {
		err = fmt.Errorf("the draft of flow %q is at revision %d, not %d: %w", flow, draft.Revision, revision, ErrStale)
	}
	if errors.Is(err, ErrNotFound) && revision != 0 {
		err = fmt.Errorf("%w: it was published or discarded", err)
	}
	return draft, err
}

func draftOf(ctx context.Context, c conn, flow string) (Draft, error) {
	draft, found, err := one(ctx, c, func(row scanner) (d Draft, err error) {
		err = row.Scan(&d.Flow, &d.Base, &d.Revision, &d.Text, &d.Operation, &d.Author, (*moment)(&d.SavedAt), &d.Undo,
			&d.Redo, &d.Token)
		return d, err
	}, selectDraft, flow)
	if err == nil && !found {
		err = fmt.Errorf("the draft of flow %q: %w", flow, ErrNotFound)
	}
	return draft, err
}

const (
	lockDraft   = `SELECT flow FROM drafts WHERE flow = ?`
	selectDraft = `SELECT d.flow, d.base, d.current, r.text, r.operation, r.author, r.saved_at,
		coalesce((SELECT max(b.number) FROM draft_revisions b WHERE b.flow = d.flow AND b.number < d.current), 0),
		coalesce((SELECT min(a.number) FROM draft_revisions a WHERE a.flow = d.flow AND a.number > d.current), 0),
		coalesce((SELECT f.token FROM flows f WHERE f.key = d.flow), d.token)
		FROM drafts d JOIN draft_revisions r ON r.flow = d.flow AND r.number = d.current WHERE d.flow = ?`
	selectDraftToken = `SELECT token FROM drafts WHERE flow = ?`
	selectDrafts     = `SELECT flow FROM drafts ORDER BY flow`
	selectRevisions  = `SELECT number, operation, author, saved_at FROM draft_revisions WHERE flow = ?
		ORDER BY number DESC`
	insertDraft = `INSERT INTO drafts (flow, base, current, latest, token) VALUES (?, ?, 0, 0, ?)`
	moveDraft   = `UPDATE drafts SET current = ? WHERE flow = ?`
	deleteDraft = `DELETE FROM drafts WHERE flow = ?`
	// deleteUndone drops what could be redone.
	deleteUndone = `DELETE FROM draft_revisions WHERE flow = ?
		AND number > (SELECT current FROM drafts WHERE flow = ?)`
	selectTyped = `SELECT began_at FROM draft_revisions r JOIN drafts d ON d.flow = r.flow AND d.current = r.number
		WHERE r.flow = ? AND r.typing = 1 AND r.author = ? AND r.began_at > ?`
	deleteRevision = `DELETE FROM draft_revisions WHERE flow = ?
		AND number = (SELECT current FROM drafts WHERE flow = ?)`
	countDraft     = `UPDATE drafts SET latest = latest + 1, current = latest + 1 WHERE flow = ?`
	insertRevision = `INSERT INTO draft_revisions (flow, number, text, operation, typing, author, began_at, saved_at)
		SELECT flow, current, ?, ?, ?, ?, ?, ? FROM drafts WHERE flow = ?`
	deleteOldRevisions = `DELETE FROM draft_revisions WHERE flow = ? AND number <= (SELECT r.number FROM draft_revisions r
		WHERE r.flow = ? ORDER BY r.number DESC LIMIT 1 OFFSET ?)`
)
