package kind

import "github.com/everhook/everhook"

// End is the error that ends the whole run from any depth, with its status. Nothing catches it.
type End struct {
	Status  everhook.Status `json:"status"`
	Type    string          `json:"type"`
	Message string          `json:"message,omitempty"`
	// Node is the key of the node that ended the run.
	Node string `json:"node"`
}

func (e *End) Error() string {
	if e.Message != "" {
		return e.Message
	}
	return "the run ended " + string(e.Status)
}
