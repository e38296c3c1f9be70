// Package sample is changed by the tests of the command.
package sample

// Positive counts the numbers above 0, up to the first 100.
func Positive(numbers []int) int {
	seen := make([]int, 0, 8)
	for _, n := range numbers {
		if n <= 0 {
			continue
		}
		if n >= 100 {
			break
		}
		seen = append(seen, n)
	}
	return len(seen)
}

// Name has texts, which cannot be subtracted.
func Name(a string) string { return "a" + a }

// Unreached has no test.
func Unreached(a int) bool {
	const limit = 5
	return a < limit
}
