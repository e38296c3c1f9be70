package flowtest

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"github.com/everhook/everhook/internal/flowfile"
)

// junitSuites, junitSuite, junitCase and junitProblem are the common part of the dialects of JUnit's format.
type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Time     string       `xml:"time,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Time     string      `xml:"time,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name    string        `xml:"name,attr"`
	Class   string        `xml:"classname,attr"`
	File    string        `xml:"file,attr,omitempty"`
	Line    int           `xml:"line,attr,omitempty"`
	Time    string        `xml:"time,attr"`
	Failure *junitProblem `xml:"failure"`
	Error   *junitProblem `xml:"error"`
}

type junitProblem struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr"`
	Text    string `xml:",cdata"`
}

// WriteJUnit writes results as a JUnit file: a suite for each test file, and an error for each file that has problems
// and did not run. Describe returns the text for a test that failed.
func WriteJUnit(w io.Writer, results []Result, problems flowfile.Problems, describe func(Result) string) error {
	all := junitSuites{Name: "everhook flow test"}
	byFile := map[string]int{}
	suite := func(file string) *junitSuite {
		at, ok := byFile[file]
		if !ok {
			at = len(all.Suites)
			byFile[file] = at
			all.Suites = append(all.Suites, junitSuite{Name: file})
		}
		return &all.Suites[at]
	}
	seconds := map[string]float64{}
	total := 0.0
	for _, result := range results {
		s := suite(result.File)
		one := junitCase{Name: result.Name, Class: result.Flow, File: result.File, Line: result.Line,
			Time: junitTime(result.Seconds)}
		if !result.Passed {
			one.Failure = &junitProblem{Message: result.Failures[0].Message, Type: "contract",
				Text: xmlText(describe(result))}
			s.Failures++
			all.Failures++
		}
		s.Cases = append(s.Cases, one)
		s.Tests++
		all.Tests++
		seconds[result.File] += result.Seconds
		total += result.Seconds
	}
	for _, problem := range problems {
		s := suite(problem.File)
		s.Cases = append(s.Cases, junitCase{
			Name: fmt.Sprintf("line %d, column %d", problem.Line, problem.Column), Class: problem.File,
			File: problem.File, Line: problem.Line, Time: junitTime(0),
			Error: &junitProblem{Message: problem.Message, Type: "problem", Text: xmlText(problem.String())},
		})
		s.Tests++
		s.Errors++
		all.Tests++
		all.Errors++
	}
	for i := range all.Suites {
		all.Suites[i].Time = junitTime(seconds[all.Suites[i].Name])
	}
	all.Time = junitTime(total)
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	encoder := xml.NewEncoder(w)
	encoder.Indent("", "  ")
	if err := encoder.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// junitTime is in seconds.
func junitTime(seconds float64) string { return fmt.Sprintf("%.3f", seconds) }

// xmlText replaces characters that XML cannot contain (XML 1.0, 2.2): CDATA has no escapes.
func xmlText(text string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c == '\t', c == '\n', ' ' <= c && c <= 0xD7FF, 0xE000 <= c && c <= 0xFFFD, c >= 0x10000:
			return c
		default:
			return '\uFFFD'
		}
	}, text)
}
