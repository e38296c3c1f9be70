package trigger

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/strict"
	"github.com/everhook/everhook/nodes/expression"
	"github.com/everhook/everhook/nodes/kind"
)

// WebhookDedupe says how duplicates of a delivery are found and treated. A duplicate starts no run. In a sync flow it
// gets the first answer, in an async flow the response of the trigger, with the header Everhook-Duplicate, as long as
// the run is retained.
type WebhookDedupe struct {
	// Preset names a ready-made key: `idempotency-key` is the header of that name, `preset` the event ID of the
	// signature's preset.
	Preset string `json:"preset,omitempty" enum:"idempotency-key,preset"`
	// Key gives the key of a delivery, text or a whole number, from `headers` (lower-case names), `query` and `body` of
	// the whole delivery.
	Key expression.Expression `json:"key,omitzero"`
	// Optional accepts a delivery without a key; it is never a duplicate. Without it, such a delivery gets 400.
	Optional bool `json:"optional,omitempty" default:"false"`
	// OnFailure says what a duplicate does if the run ended failed, error or aborted without an answer by the flow:
	// rerun starts it again under the same run ID, answer repeats the stored failure.
	OnFailure string `json:"onFailure,omitempty" enum:"rerun,answer" default:"rerun"`
	// Payload says what happens if the same key comes with another body: match refuses it with 422, ignore treats it as
	// a duplicate. Without it: match, or ignore with `preset`, because repeats by providers may differ in details.
	Payload string `json:"payload,omitempty" enum:"match,ignore"`
}

// Ready-made keys: of the header Idempotency-Key, and of the signature's preset.
const (
	idempotencyKey = "idempotency-key"
	signedKey      = "preset"
)

// Decode takes the name of a preset, or a mapping.
func (d *WebhookDedupe) Decode(v any) error {
	if preset, ok := v.(string); ok {
		v = map[string]any{"preset": preset}
	}
	type fields WebhookDedupe
	var problems []error
	strict.Decode(v, (*fields)(d), "", func(pointer, message, fix string) {
		text := message
		if name := strings.TrimPrefix(pointer, "/"); name != "" {
			text = name + ": " + text
		}
		if fix != "" {
			text += "; " + fix
		}
		problems = append(problems, errors.New(text))
	})
	return errors.Join(problems...)
}

// IsSet reports whether duplicates are looked for.
func (d *WebhookDedupe) IsSet() bool { return *d != WebhookDedupe{} }

func (d *WebhookDedupe) validate(v *kind.Validation, signed *WebhookSignature) {
	switch {
	case !d.IsSet():
	case d.Preset == signedKey && (signed == nil || !signed.namesEvents()):
		v.Error("/dedupe", "the signature has no preset that knows the ID of an event",
			"add a `signature` whose preset does, or write `dedupe: { key: … }`")
	case d.Preset == "" && !d.Key.IsSet():
		v.Error("/dedupe", "neither a preset nor a key is given", "write `dedupe: idempotency-key`, or `dedupe: { "+
			"key: 'headers[\"x-delivery\"]' }`")
	case d.Preset != "" && d.Key.IsSet():
		v.Error("/dedupe", "preset and key exclude each other", "remove one of them")
	}
}

// Policy is what becomes of duplicates.
func (d *WebhookDedupe) Policy() everhook.DuplicatePolicy {
	same := d.Payload == "match" || d.Payload == "" && d.Preset != signedKey
	return everhook.DuplicatePolicy{Rerun: d.OnFailure != "answer", SamePayload: same}
}

// DedupeKey gives the key of a delivery; empty without one.
func (w *Webhook) DedupeKey(headers, query everhook.Mapping, body any) (string, error) {
	header := func(name string) string {
		value, _ := headers[strings.ToLower(name)].(string)
		return value
	}
	switch w.Dedupe.Preset {
	case idempotencyKey:
		return unquoted(header(idempotencyKey)), nil
	case signedKey:
		preset := w.Signature.Preset()
		return preset.DedupeKey(header, body), nil
	}
	key, err := w.Dedupe.Key.Eval(&expression.Scope{Values: map[string]any{"headers": map[string]any(headers),
		"query": map[string]any(query), "body": body}})
	if err != nil {
		return "", err
	}
	switch key := key.(type) {
	case nil:
		return "", nil
	case string:
		return key, nil
	case int:
		return strconv.Itoa(key), nil
	default:
		return "", fmt.Errorf("it is %s, not text", everhook.TypeName(key))
	}
}

// unquoted reads the key as a structured field (RFC 9651, a string in quotes). Any other text is used unchanged.
func unquoted(key string) string {
	if len(key) >= 2 && key[0] == '"' && key[len(key)-1] == '"' {
		return strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(key[1 : len(key)-1])
	}
	return key
}

// JSONSchema is that of the name of a preset, or a mapping.
func (*WebhookDedupe) JSONSchema() map[string]any {
	return map[string]any{"title": "`preset`, `idempotency-key`, or `{ key, optional, onFailure, payload }`",
		"anyOf": []any{
			map[string]any{"type": "string", "enum": []string{signedKey, idempotencyKey}},
			map[string]any{
				"type": "object", "additionalProperties": false,
				"properties": map[string]any{
					"preset": map[string]any{"type": "string", "enum": []string{signedKey, idempotencyKey},
						"description": "A ready-made key."},
					"key": map[string]any{"type": []string{"string", "number", "boolean"},
						"description": "An expression over `headers`, `query` and `body` of the whole delivery that " +
							"gives the key: text or a whole number."},
					"optional": map[string]any{"type": "boolean",
						"description": "Takes a delivery without a key as its own " +
							"instead of refusing it with 400."},
					"onFailure": map[string]any{"type": "string", "enum": []string{"rerun", "answer"},
						"description": "What a duplicate does when the run failed without an answer of the flow's " +
							"own: starts it again (rerun), or repeats the stored failure (answer)."},
					"payload": map[string]any{"type": "string", "enum": []string{"match", "ignore"},
						"description": "The same key with another body: refused with 422 (match), or taken for a " +
							"duplicate (ignore). Default match, with `preset` ignore."},
				},
			},
		}}
}
