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
	_, err := fmt.Fprintln(s.out, versionText())
	return err
}

func versionText() string {
	revision := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" {
				revision = " " + setting.Value
			}
		}
	}
	return fmt.Sprintf("everhook %s%s, engine level %d", Version, revision, workflows.Level)
}
