package secrets

import (
	"errors"
	"fmt"
	"strings"
)

// UnsetError is the error of a secret that is not set, or empty.
type UnsetError struct {
	Name string
	// InDir says that a file in the directory of secrets can set it too.
	InDir bool
}

func (e *UnsetError) Error() string { return unset([]string{e.Name}, e.InDir) }

// unset says how to set secrets.
func unset(names []string, inDir bool) string {
	variables := make([]string, len(names))
	for i, name := range names {
		variables[i] = SecretPrefix + name
	}
	what, set, write := "the secret %s is", "set the variable %s", " or write the file %s in the directory of secrets"
	if len(names) > 1 {
		what, set = "the secrets %s are", "set the variables %s"
		write = " or write the files %s in the directory of secrets"
	}
	text := fmt.Sprintf(what+" not set or empty; "+set, join(names), join(variables))
	if inDir {
		text += fmt.Sprintf(write, join(names))
	}
	return text
}

func join(names []string) string {
	last := len(names) - 1
	if last == 0 {
		return names[0]
	}
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

// LookupAll looks secrets up and returns all problems in one error: first all secrets that are not set, then other
// problems.
func LookupAll(lookup func(name string) (string, error), names []string) error {
	var missing, problems []string
	inDir := false
	for _, name := range names {
		_, err := lookup(name)
		if notSet, ok := errors.AsType[*UnsetError](err); ok {
			missing, inDir = append(missing, notSet.Name), notSet.InDir
		} else if err != nil {
			problems = append(problems, err.Error())
		}
	}
	if len(missing) > 0 {
		problems = append([]string{unset(missing, inDir)}, problems...)
	}
	if len(problems) == 0 {
		return nil
	}
	return errors.New(strings.Join(problems, "; "))
}
