// Command everhook receives webhooks and runs durable flows.
package main

import (
	"os"

	"github.com/everhook/everhook/cmd"
	"github.com/everhook/everhook/nodes"
)

func main() { os.Exit(cmd.Main(nodes.Standard())) }
