// Command kindcheck reports code of kinds and workflows that could run differently on a replay: clocks, randomness,
// goroutines, I/O, and loops over mappings. It has the flags of Temporal's workflowcheck, and checks more: besides
// functions that take a workflow.Context, also those that take a kind.Run.
//
//	go run github.com/everhook/everhook/cmd/kindcheck ./...
package main

import (
	"golang.org/x/tools/go/analysis/singlechecker"

	"github.com/everhook/everhook/internal/determinism"
)

func main() { singlechecker.Main(determinism.NewAnalyzer()) }
