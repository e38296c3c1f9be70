package everhook

import (
	"maps"
	"slices"
)

// SortedKeys gives the keys of a mapping in order: ranging over the mapping itself differs from one replay to the next.
func SortedKeys[V any](mapping map[string]V) []string {
	return slices.Sorted(maps.Keys(mapping))
}
