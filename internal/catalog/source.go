package catalog

import (
	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/store"
	"github.com/everhook/everhook/nodes/kind"
)

// Sourced is a served flow whose trigger starts runs on its own.
type Sourced struct {
	Version *everhook.Version
	Source  kind.Source
	// Secret is the flow's secret, from which run IDs are derived. A flow that is deleted and created again has another
	// one.
	Secret []byte
}

// Sourced returns the served flows with a source, sorted by key. While a version is served, its Version and Source are
// the same pointers.
func (c *Catalog) Sourced() []Sourced { return c.snapshot.Load().sources }

func (s *snapshot) addSource(flow store.Flow, version *compiled) {
	if source, ok := version.flow.Trigger.(kind.Source); ok {
		s.sources = append(s.sources, Sourced{Version: &version.version, Source: source, Secret: flow.Secret})
	}
}

// trigger is the kind of the version's trigger.
func (c *compiled) trigger() string {
	if c.version.Definition == nil {
		return ""
	}
	return c.version.Definition.Trigger.Type
}
