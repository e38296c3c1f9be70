package failing

import "testing"

func TestFails(t *testing.T) { t.Fatal(Sum(1, 2)) }
