package activities

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/everhook/everhook"
)

// Step identifies the step that calls an effect. The Run of a kind is one.
type Step interface {
	// Origin is the run that the delivery started: a retry of a run has the same.
	Origin() everhook.RunID
	Node() *everhook.Node
	// Iteration is the step's place in its loops.
	Iteration() string
}

// IdempotencyKey gives a key by which another system recognises repeated work. It is the same for every attempt of the
// step, and for every rerun and retry of its run. It is another one for another input: a retry with other data is other
// work. Input is what the effect does, as a value that can be JSON; a secret in it is sealed.
func IdempotencyKey(step Step, input any) (string, error) {
	work, err := everhook.EncodeJSON(input)
	if err != nil {
		return "", everhook.Errorf(everhook.TypeConfig, "the input of the effect cannot be encoded: %v", err)
	}
	digest := sha256.New()
	for _, part := range []string{string(step.Origin()), step.Node().Key, step.Iteration(), string(work)} {
		fmt.Fprintf(digest, "%d:%s", len(part), part)
	}
	return hex.EncodeToString(digest.Sum(nil)[:16]), nil
}
