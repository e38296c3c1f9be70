// Command acme-everhook is Everhook with the kinds of this module: `go run . dev ./flows`.
package main

import (
	"os"

	"github.com/everhook/everhook/cmd"

	"example.com/acme/everhook-kinds/kinds"
)

func main() { os.Exit(cmd.Main(kinds.Registry())) }
