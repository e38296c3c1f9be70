package sample

import "testing"

func TestPositive(t *testing.T) {
	if Positive([]int{0, 1, 4, 7, -1, 200, 5}) != 3 || Name("b") != "ab" {
		t.Fatal("wrong")
	}
}
