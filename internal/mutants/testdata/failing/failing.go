// Package failing has a test that fails.
package failing

// Sum adds.
func Sum(a, b int) int { return a + b }
