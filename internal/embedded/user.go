//go:build !noembedded

package embedded

import (
	"os"
	"os/user"
	"strconv"
)

// nameUser names the user of this process if the machine does not know the user, as in a container that runs with an
// arbitrary user number. Temporal describes its process with the user's name, and does not start without one. A binary
// that is built with cgo ignores the variables.
func nameUser(lookUp func(id string) (*user.User, error), home string) {
	if _, err := lookUp(strconv.Itoa(os.Getuid())); err == nil {
		return
	}
	for name, value := range map[string]string{"USER": "everhook", "HOME": home} {
		if os.Getenv(name) == "" {
			_ = os.Setenv(name, value) // fails only for names and values with a zero byte
		}
	}
}
