package flowfile

import "strings"

// testEndings are those of files with contract tests of the flow beside them.
var testEndings = []string{".test.yaml", ".test.yml"}

// IsTest reports whether a file is, by its name, one with contract tests of a flow, as order-intake.test.yaml.
func IsTest(name string) bool {
	_, ok := TestedBy(name)
	return ok
}

// TestedBy gives the name, without its extension, of the flow file that a file of contract tests belongs to:
// order-intake of order-intake.test.yaml. False: it is none.
func TestedBy(name string) (string, bool) {
	for _, ending := range testEndings {
		if flow, ok := strings.CutSuffix(name, ending); ok {
			return flow, true
		}
	}
	return "", false
}
