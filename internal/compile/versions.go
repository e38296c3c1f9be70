package compile

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/sync/singleflight"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/nodes/kind"
)

// Versions keeps compiled versions by the hash of their content, so that a version is compiled once for the catalog,
// for starts, runs, calls and subflows of a process. It compiles as ForRun does. It is safe for concurrent use.
type Versions struct {
	registry  *kind.Registry
	compiling singleflight.Group

	mutex sync.Mutex
	known *simplelru.LRU[string, *Version]
	// bytes is the size of the known definitions as JSON.
	bytes int
}

// Version is a compiled version.
type Version struct {
	*Flow
	// JSON is the definition, as runs are started with it.
	JSON json.RawMessage
}

// Bounds of Versions. The least recently used version is dropped first. A compiled flow takes some ten times as much
// memory as its JSON.
const (
	maxVersions     = 1000
	maxVersionBytes = 32 << 20
)

// NewVersions makes a store for the kinds of a registry.
func NewVersions(registry *kind.Registry) *Versions {
	v := &Versions{registry: registry}
	v.known, _ = simplelru.NewLRU(maxVersions, func(_ string, dropped *Version) { v.bytes -= len(dropped.JSON) })
	return v
}

// Of returns a version of a flow, compiled. Its error names the first problem.
func (v *Versions) Of(version *everhook.Version) (*Version, error) {
	if known := v.find(version.Hash); known != nil {
		return known, nil
	}
	encoded, err := everhook.EncodeJSON(version.Definition)
	if err != nil {
		return nil, err
	}
	return v.add(version.Hash, encoded, version.Definition)
}

// OfJSON returns the flow of a definition that a run was started with. Its error names the first problem.
func (v *Versions) OfJSON(definition json.RawMessage) (*Version, error) {
	sum := sha256.Sum256(definition)
	hash := hex.EncodeToString(sum[:]) // that of everhook.Version.Hash
	if known := v.find(hash); known != nil {
		return known, nil
	}
	decoded := &everhook.Definition{}
	if err := json.Unmarshal(definition, decoded); err != nil {
		return nil, fmt.Errorf("the definition cannot be read: %w", err)
	}
	return v.add(hash, definition, decoded)
}

func (v *Versions) find(hash string) *Version {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	known, _ := v.known.Get(hash)
	return known
}

func (v *Versions) add(hash string, encoded json.RawMessage, definition *everhook.Definition) (*Version, error) {
	added, err, _ := v.compiling.Do(hash, func() (any, error) {
		flow, err := ForRun(definition, v.registry)
		if err != nil {
			return nil, err
		}
		made := &Version{Flow: flow, JSON: encoded}
		v.mutex.Lock()
		defer v.mutex.Unlock()
		if known, ok := v.known.Peek(hash); ok {
			return known, nil
		}
		v.known.Add(hash, made)
		for v.bytes += len(encoded); v.bytes > maxVersionBytes && v.known.Len() > 1; {
			v.known.RemoveOldest()
		}
		return made, nil
	})
	if err != nil {
		return nil, err
	}
	return added.(*Version), nil
}

// Settings returns the settings that the flow refers to, out of all settings. It returns nil if there are none.
func (f *Flow) Settings(all map[string]string) map[string]string {
	var settings map[string]string
	for _, name := range f.Env {
		if value, ok := all[name]; ok {
			if settings == nil {
				settings = make(map[string]string, len(f.Env))
			}
			settings[name] = value
		}
	}
	return settings
}
