package cmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/flowfile"
	"github.com/everhook/everhook/internal/flowtest"
	"github.com/everhook/everhook/nodes/kind"
)

type flowTest struct {
	Files   []string      `arg:"" name:"file" help:"Files of contract tests (order-intake.test.yaml beside order-intake.yaml), or directories: all in them and below."`
	Match   string        `name:"run" placeholder:"REGEXP" help:"Only tests whose name has a match."`
	Update  bool          `help:"Write what is observed into the tests' want; the rest of the files stays as it is."`
	JUnit   string        `name:"junit" placeholder:"FILE" help:"Also write the results as a JUnit file."`
	Timeout time.Duration `default:"10s" help:"Real time after which one test is stopped. Default 10s."`
	Output  string        `enum:"text,json" default:"text" help:"How to print: text or json."`
}

// testReport is what everhook flow test prints with --output json.
type testReport struct {
	Tests    []flowtest.Result `json:"tests"`
	Problems flowfile.Problems `json:"problems"`
	Passed   int               `json:"passed"`
	Failed   int               `json:"failed"`
	// Updated counts the tests that were written.
	Updated int     `json:"updated"`
	Seconds float64 `json:"seconds"`
}

func (c *flowTest) Run(ctx context.Context, s streams, registry *kind.Registry) error {
	only, err := regexp.Compile(c.Match)
	if err != nil {
		return fmt.Errorf("--run: %w", err)
	}
	files, err := flowtest.Find(c.Files)
	if err != nil {
		return err
	}
	began := time.Now()
	report := testReport{Tests: []flowtest.Result{}, Problems: flowfile.Problems{}}
	for _, file := range files {
		if err := c.file(ctx, s, file, registry, flowtest.Options{Only: only.MatchString, Limit: c.Timeout},
			&report); err != nil {
			return err
		}
	}
	report.Seconds = time.Since(began).Seconds()
	if err := c.finish(s, report, len(files)); err != nil {
		return err
	}
	switch {
	case report.Failed > 0 || len(report.Problems.Errors()) > 0:
		return reported{}
	case len(report.Tests) == 0:
		return errors.New("no test has a name that --run matches")
	}
	return nil
}

// file runs the tests of one file, prints their results, and adds them to the report.
func (c *flowTest) file(ctx context.Context, s streams, file string, registry *kind.Registry, options flowtest.Options,
	report *testReport) error {
	suite, problems, err := flowtest.Load(file, registry)
	if err != nil {
		problems = flowfile.Problems{{File: file, Position: flowfile.Position{Line: 1, Column: 1},
			Message: err.Error()}}
	}
	report.Problems = append(report.Problems, problems...)
	if c.Output == "text" {
		for _, problem := range problems {
			fmt.Fprintln(s.err, problem)
		}
	}
	if suite == nil {
		return nil
	}
	results, err := suite.Run(ctx, options)
	if err != nil {
		return err
	}
	if c.Update {
		if results, err = c.update(ctx, suite, results, registry, options, report); err != nil {
			return err
		}
	}
	for _, result := range results {
		if result.Passed {
			report.Passed++
		} else {
			report.Failed++
		}
		if c.Output == "text" {
			fmt.Fprint(s.out, c.line(result))
		}
	}
	report.Tests = append(report.Tests, results...)
	return nil
}

// update writes observed values into the file. If the file changed, it runs the tests again, which still fail where a
// value could not be written.
func (c *flowTest) update(ctx context.Context, suite *flowtest.Suite, results []flowtest.Result,
	registry *kind.Registry, options flowtest.Options, report *testReport) ([]flowtest.Result, error) {
	text, changed, err := suite.Update(results)
	if err != nil || changed == 0 {
		return results, err
	}
	report.Updated += changed
	if err := os.WriteFile(suite.File, text, 0o644); err != nil {
		return results, err
	}
	fresh, _, err := flowtest.Load(suite.File, registry)
	if err != nil || fresh == nil {
		return results, err
	}
	return fresh.Run(ctx, options)
}

func (c *flowTest) finish(s streams, report testReport, files int) error {
	if c.JUnit != "" {
		if err := writeJUnit(c.JUnit, report); err != nil {
			return err
		}
	}
	if c.Output == "json" {
		data, err := everhook.EncodeJSON(report)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(s.out, "%s\n", data)
		return err
	}
	updated := ""
	if c.Update {
		updated = fmt.Sprintf(", %d updated", report.Updated)
	}
	_, err := fmt.Fprintf(s.out, "%d of %d tests passed, %d failed%s, %d problems in %d files (%.2fs)\n",
		report.Passed, report.Passed+report.Failed, report.Failed, updated, len(report.Problems.Errors()), files,
		report.Seconds)
	return err
}

func writeJUnit(name string, report testReport) error {
	var text bytes.Buffer
	if err := flowtest.WriteJUnit(&text, report.Tests, report.Problems.Errors(), describeFailure); err != nil {
		return err
	}
	return os.WriteFile(name, text.Bytes(), 0o644)
}

// line returns the result of a test as one line, followed by the reason if it failed.
func (c *flowTest) line(result flowtest.Result) string {
	took := fmt.Sprintf("%.0fms", result.Seconds*1000)
	if result.Elapsed > 0 {
		took += fmt.Sprintf(", %s of its own clock", result.Elapsed)
	}
	if result.Passed {
		return fmt.Sprintf("ok    %s: %s (%s)\n%s", result.File, printable(result.Name), took,
			stepWarnings(result.Steps))
	}
	return fmt.Sprintf("FAIL  %s:%d: %s (%s)\n%s\n", result.File, result.Line, printable(result.Name), took,
		indent(describeFailure(result)))
}

// stepWarnings are the warnings in a step log, each once for a node. The log of a test that failed is shown as a whole.
func stepWarnings(steps []everhook.Step) string {
	var text strings.Builder
	for _, step := range steps {
		for _, line := range step.Lines {
			warning, ok := strings.CutPrefix(line, everhook.StepWarning)
			shown := fmt.Sprintf("      warning: node %s: %s\n", step.Node, printable(warning))
			if ok && !strings.Contains(text.String(), shown) {
				text.WriteString(shown)
			}
		}
	}
	return text.String()
}

// describeFailure says why a test failed: each difference, and then the step log.
func describeFailure(result flowtest.Result) string {
	var text bytes.Buffer
	for _, failure := range result.Failures {
		if failure.Field != "" {
			fmt.Fprintf(&text, "want%s: ", strings.ReplaceAll(failure.Field, "/", "."))
		}
		fmt.Fprintln(&text, printable(failure.Message))
		if diff := failure.Diff(); diff != "" {
			fmt.Fprintln(&text, "  - wanted, + got")
			for line := range strings.SplitSeq(diff, "\n") {
				fmt.Fprintln(&text, "  "+printable(line))
			}
		}
	}
	if len(result.Steps) > 0 {
		fmt.Fprintln(&text)
		printSteps(&text, result.Steps[0].Started, result.Steps)
	}
	return text.String()
}

func indent(text string) string {
	return "      " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n      ")
}
