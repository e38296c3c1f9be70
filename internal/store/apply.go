package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/access"
)

// Bounds of what is kept with a version.
const (
	// MaxText is the largest text of a flow, in bytes.
	MaxText = 1 << 20
	// MaxNote is the longest note on a version, in characters.
	MaxNote = 1000
)

// ApplyOptions configure Apply.
type ApplyOptions struct {
	// Enable makes the applied version the enabled one.
	Enable bool
	// Text is the flow as it was written, at most MaxText. Empty: not known.
	Text string
	// Note says what changed, at most MaxNote.
	Note string
	// Managed says where the flow is changed from now on. Default: ManagedByStore.
	Managed Managed
	// Draft is the revision of the flow's draft that is published: the draft is discarded. 0: no draft is touched.
	Draft int64
	// When must hold for the flow before the change; the flow is the zero Flow if it is new.
	When []Precondition
}

// Applied is the result of Apply.
type Applied struct {
	// Version is the version with the applied content.
	Version everhook.Version
	// Created is false if an existing version had the same content.
	Created bool
	// Token is the flow's token.
	Token string
	// Revision is that of the flow after the change.
	Revision int64
}

// Apply makes a definition the next version of its flow. If a version has the same definition and text already, Apply
// uses that one. Source says where the definition comes from.
//
// The flow keeps one token: that of the trigger of the last enabled version that had one, else a random one of 130 bits
// that was made with its first draft or version. A token that another flow has is ErrTokenTaken.
func (s *Store) Apply(ctx context.Context, def *everhook.Definition, source string,
	o ApplyOptions) (applied Applied, err error) {
	if !everhook.IsFlowKey(def.Key) {
		return Applied{}, fmt.Errorf("%q is no flow's key; a key is made of a-z, 0-9 and -",
			everhook.Shorten(def.Key, 64))
	}
	version, err := newVersion(ctx, def, source, o)
	if err != nil {
		return Applied{}, err
	}
	err = s.changeFlows(ctx, func(tx *transaction) (bool, error) {
		before, isNew, err := flowToChange(ctx, tx, def.Key, o.When)
		if err != nil {
			return false, err
		}
		after := before
		after.Key, after.Source, after.Managed = def.Key, source, o.Managed.orStore()
		if isNew {
			if after.Token, err = firstToken(ctx, tx, def.Key); err != nil {
				return false, err
			}
			after.Secret = make([]byte, 32)
			rand.Read(after.Secret)
		}
		number, err := tx.take(ctx, version, &after)
		if err != nil {
			return false, err
		}
		applied.Created = number == 0
		if applied.Created {
			after.Latest++
			number = after.Latest
		}
		if o.Enable {
			after.Enabled = number
		}
		if err := takeToken(ctx, tx, &after, def, isNew || o.Enable); err != nil {
			return false, err
		}
		published, err := publishDraft(ctx, tx, def.Key, o.Draft)
		if err != nil {
			return false, err
		}
		changed, err := tx.save(ctx, &before, &after)
		if err != nil {
			return false, err
		}
		applied.Version = everhook.Version{Number: number, Hash: version.hash, Definition: def}
		applied.Token, applied.Revision = after.Token, after.Revision
		if applied.Created {
			if err := tx.insert(ctx, version, number); err != nil {
				return false, err
			}
		}
		if !changed {
			return published, nil
		}
		return true, tx.record(ctx, Change{Action: "apply", Object: "flow", Name: def.Key, Detail: map[string]any{
			"version": number, "new": applied.Created, "enabled": o.Enable, "source": source}})
	})
	if err != nil {
		return Applied{}, err
	}
	return applied, nil
}

// Enable makes a version the enabled one of its flow; an older version is a roll back. It returns ErrNotFound if there
// is no such version.
func (s *Store) Enable(ctx context.Context, key string, number int, when ...Precondition) error {
	return s.changeFlow(ctx, key, when, func(tx *transaction, flow *Flow) (Change, error) {
		version, err := versionOf(ctx, tx.conn, key, number)
		if err != nil {
			return Change{}, err
		}
		before := flow.Enabled
		flow.Enabled = number
		return Change{Action: "enable", Detail: map[string]any{"version": number, "before": before}},
			takeToken(ctx, tx, flow, version.Definition, true)
	})
}

// Disable leaves a flow without an enabled version. It returns ErrNotFound if there is no such flow.
func (s *Store) Disable(ctx context.Context, key string, when ...Precondition) error {
	return s.changeFlow(ctx, key, when, func(_ *transaction, flow *Flow) (Change, error) {
		before := flow.Enabled
		flow.Enabled = 0
		return Change{Action: "disable", Detail: map[string]any{"before": before}}, nil
	})
}

// SetLabels replaces the labels of a flow. It returns ErrNotFound if there is no such flow.
func (s *Store) SetLabels(ctx context.Context, key string, labels []string, when ...Precondition) error {
	labels, err := cleanLabels(labels)
	if err != nil {
		return err
	}
	return s.changeFlow(ctx, key, when, func(_ *transaction, flow *Flow) (Change, error) {
		flow.Labels = labels
		return Change{Action: "label", Detail: map[string]any{"labels": labels}}, nil
	})
}

// SetPaused pauses or resumes a flow. It returns ErrNotFound if there is no such flow.
func (s *Store) SetPaused(ctx context.Context, key string, paused bool, when ...Precondition) error {
	return s.changeFlow(ctx, key, when, func(_ *transaction, flow *Flow) (Change, error) {
		flow.Paused = paused
		if paused {
			return Change{Action: "pause"}, nil
		}
		return Change{Action: "resume"}, nil
	})
}

// RotateToken gives a flow a new token and returns it. The old one works for the grace time. A flow whose trigger names
// its token is refused.
func (s *Store) RotateToken(ctx context.Context, key string, grace time.Duration,
	when ...Precondition) (token string, err error) {
	err = s.changeFlow(ctx, key, when, func(tx *transaction, flow *Flow) (Change, error) {
		number := flow.Enabled
		if number == 0 {
			number = flow.Latest
		}
		version, err := versionOf(ctx, tx.conn, key, number)
		if err != nil {
			return Change{}, err
		}
		if named, _ := version.Definition.Trigger.Config["token"].(string); named != "" {
			return Change{}, fmt.Errorf("%w: the trigger of flow %q names its token; change it there", ErrTokenNamed,
				key)
		}
		token = newToken()
		flow.OldToken, flow.OldTokenUntil = flow.Token, time.Now().Add(grace).Truncate(time.Microsecond).UTC()
		flow.Token = token
		return Change{Action: "rotate-token", Detail: map[string]any{"until": flow.OldTokenUntil}}, nil
	})
	return token, err
}

// Delete removes a flow with its versions, its token, its secret, its draft and its counters. It returns ErrNotFound if
// there is no such flow.
func (s *Store) Delete(ctx context.Context, key string, when ...Precondition) error {
	return s.changeFlows(ctx, func(tx *transaction) (bool, error) {
		flow, isNew, err := flowToChange(ctx, tx, key, when)
		if err == nil && isNew {
			err = noFlow(key)
		}
		if err != nil {
			return false, err
		}
		for _, statement := range []string{deleteFlow, deleteDraft, deleteCounters} {
			if _, err := tx.exec(ctx, statement, key); err != nil {
				return false, err
			}
		}
		return true, tx.record(ctx, Change{Action: "delete", Object: "flow", Name: key, Detail: map[string]any{
			"enabled": flow.Enabled, "latest": flow.Latest}})
	})
}

// changeFlow changes one flow that exists, and records the change if there was one.
func (s *Store) changeFlow(ctx context.Context, key string, when []Precondition,
	change func(tx *transaction, flow *Flow) (Change, error)) error {
	return s.changeFlows(ctx, func(tx *transaction) (bool, error) {
		before, isNew, err := flowToChange(ctx, tx, key, when)
		if err == nil && isNew {
			err = noFlow(key)
		}
		if err != nil {
			return false, err
		}
		after := before
		done, err := change(tx, &after)
		if err != nil {
			return false, err
		}
		changed, err := tx.save(ctx, &before, &after)
		if err != nil || !changed {
			return false, err
		}
		done.Object, done.Name = "flow", key
		return true, tx.record(ctx, done)
	})
}

// flowToChange reads a flow and checks the preconditions. IsNew is set if there is no such flow.
func flowToChange(ctx context.Context, tx *transaction, key string, when []Precondition) (flow Flow, isNew bool,
	err error) {
	flow, err = flowOf(ctx, tx.conn, key)
	if isNew = errors.Is(err, ErrNotFound); err != nil && !isNew {
		return Flow{}, false, err
	}
	for _, holds := range when {
		if err := holds(flow); err != nil {
			return Flow{}, false, err
		}
	}
	return flow, isNew, nil
}

// newToken returns 130 random bits in lower-case base32.
func newToken() string { return strings.ToLower(rand.Text()) }

// takeToken checks the token of the definition's trigger. With take, it becomes the flow's token.
func takeToken(ctx context.Context, tx *transaction, flow *Flow, def *everhook.Definition, take bool) error {
	token, _ := def.Trigger.Config["token"].(string)
	if token == "" {
		return nil
	}
	if !everhook.IsToken(token) {
		return fmt.Errorf("the token of flow %q is none; a token has 8 to 128 of A-Z, a-z, 0-9, _ and -", flow.Key)
	}
	owner, taken, err := one(ctx, tx.conn, value[string], selectTokenOwner, token, token, moment(time.Now()), flow.Key)
	switch {
	case err != nil:
		return err
	case taken:
		return fmt.Errorf("%w: flow %q has it; choose another, or leave it out, and one is made", ErrTokenTaken, owner)
	}
	if take {
		flow.Token = token
	}
	return nil
}

// version is a row of versions that may be new.
type version struct {
	definition                            *everhook.Definition
	hash, content, source, text, textHash string
	author, note                          string
}

func newVersion(ctx context.Context, def *everhook.Definition, source string, o ApplyOptions) (*version, error) {
	switch {
	case len(o.Text) > MaxText:
		return nil, fmt.Errorf("the text of flow %q has %d bytes; at most %d are kept", def.Key, len(o.Text), MaxText)
	case utf8.RuneCountInString(o.Note) > MaxNote:
		return nil, fmt.Errorf("the note has more than %d characters", MaxNote)
	}
	content, err := everhook.EncodeJSON(def)
	if err != nil {
		return nil, err
	}
	hash, err := def.Hash()
	if err != nil {
		return nil, err
	}
	v := &version{definition: def, hash: hash, content: string(content), source: source, text: o.Text, note: o.Note,
		author: access.Author(ctx).ID}
	if o.Text != "" {
		sum := sha256.Sum256([]byte(o.Text))
		v.textHash = hex.EncodeToString(sum[:])
	}
	return v, nil
}

// take returns the number of the version of a flow with the same content, or 0. A version whose text was not known
// takes that of the new one.
func (t *transaction) take(ctx context.Context, v *version, flow *Flow) (number int, err error) {
	if v.text == "" {
		number, _, err = one(ctx, t.conn, value[int], selectByHash, flow.Key, v.hash)
		return number, err
	}
	number, found, err := one(ctx, t.conn, value[int], selectByText, flow.Key, v.hash, v.textHash)
	if err != nil || found {
		return number, err
	}
	number, found, err = one(ctx, t.conn, value[int], selectByText, flow.Key, v.hash, "")
	if err != nil || !found {
		return 0, err
	}
	_, err = t.exec(ctx, updateText, v.text, v.textHash, flow.Key, number)
	return number, err
}

func (t *transaction) insert(ctx context.Context, v *version, number int) error {
	def := v.definition
	_, err := t.exec(ctx, insertVersion, def.Key, number, v.hash, def.Title, string(def.Mode), v.content, v.source,
		moment(time.Now()), v.text, v.textHash, v.author, v.note)
	return err
}

// save writes a flow if it is new or has changed.
func (t *transaction) save(ctx context.Context, before, after *Flow) (changed bool, err error) {
	if !after.differs(before) {
		return false, nil
	}
	after.Revision = t.revision
	columns := []any{after.Token, after.Enabled, after.Latest, after.Source, moment(time.Now()), list(after.Labels),
		string(after.Managed), after.Revision, after.OldToken, moment(after.OldTokenUntil), flag(after.Paused)}
	if before.Key == "" {
		_, err = t.exec(ctx, insertFlow, append(columns, after.Secret, after.Key)...)
	} else {
		_, err = t.exec(ctx, updateFlow, append(columns, after.Key)...)
	}
	return true, err
}
