package workflows

import (
	"encoding/json"
	"fmt"

	"github.com/everhook/everhook"
)

// checkRetryPoint refuses values that a run cannot be started with; stored is Start.MaxPayload of the run.
func checkRetryPoint(p *RetryPoint, stored int) error {
	_, size, limit, err := encode(stored, p)
	if err != nil {
		return err
	}
	if size > limit {
		return fmt.Errorf("the values before the node %q are larger than a run can be started with, %d bytes of %d; "+
			"retry the whole run, or from an earlier node", p.Node, size, limit)
	}
	encoded, err := everhook.EncodeJSON(p)
	if err == nil {
		err = json.Unmarshal(encoded, new(RetryPoint))
	}
	if err != nil {
		return fmt.Errorf("the values before the node %q cannot be handed to another run: %w; retry the whole run, "+
			"or from an earlier node", p.Node, err)
	}
	return nil
}
