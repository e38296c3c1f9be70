package flowfile

import "strings"

// testEndings are the endings of files with contract tests.
var testEndings = []string{".test.yaml", ".test.yml"}

// IsTest reports whether a file has the name of a file with contract tests, for example order-intake.test.yaml.
func IsTest(name string) bool {
	_, ok := TestedBy(name)
	return ok
}

// TestedBy returns the name, without its extension, of the flow file of a file with contract tests: order-intake for
// order-intake.test.yaml. It returns false for other files.
func TestedBy(name string) (string, bool) {
	for _, ending := range testEndings {
		if flow, ok := strings.CutSuffix(name, ending); ok {
			return flow, true
		}
	}
	return "", false
}
