package kinds

import (
	"time"

	"github.com/everhook/everhook/nodes/kind"
)

type Clock struct{}

func (*Clock) Execute(run kind.Run) any {
	return now()
}

func now() time.Time { return time.Now() }

type Ranging struct{}

func (*Ranging) Iterate(run kind.LoopingRun) (keys []string) {
	for key := range run.Scope() {
		keys = append(keys, key)
	}
	return keys
}

type Copying struct{}

func (*Copying) Execute(run kind.Run) any {
	copied := map[string]any{}
	//workflowcheck:ignore a copy
	for key, value := range run.Scope() {
		copied[key] = value
	}
	return copied
}

type Validating struct{}

func (*Validating) Validate(*kind.Validation) time.Time { return time.Now() }
