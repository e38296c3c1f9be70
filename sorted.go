package everhook

import (
	"maps"
	"slices"
)

// SortedKeys returns the keys of a mapping in order. Ranging over the mapping itself differs from replay to replay.
func SortedKeys[V any](mapping map[string]V) []string {
	return slices.Sorted(maps.Keys(mapping))
}
