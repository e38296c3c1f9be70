package cmd

import (
	"fmt"
	"runtime/debug"

	"github.com/everhook/everhook/workflows"
)

// Version is the release of this build.
const Version = "0.1.0-dev"

type versionCommand struct{}

func (versionCommand) Run(s streams) error {
	revision := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" {
				revision = " " + setting.Value
			}
		}
	}
	_, err := fmt.Fprintf(s.out, "everhook %s%s, engine level %d\n", Version, revision, workflows.Level)
	return err
}
