package cmd

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/everhook/everhook/internal/api"
)

// flowSample prints the last delivery of a flow.
type flowSample struct {
	flowOfServer `embed:""`
	As           string `enum:"test,paths,json" default:"test" help:"test: a contract test with the delivery as its request; paths: the field request of a trigger; json: the data alone."`
}

func (c *flowSample) Help() string {
	return "The last delivery that was taken and whose request is on record (trigger.record: body), or else what the " +
		"run of the last one kept of it. Secrets are replaced. Write a test into KEY.test.yaml beside the flow; " +
		"`everhook flow test --update` fills in what to expect."
}

func (c *flowSample) Run(ctx context.Context, s streams) error {
	data, err := c.ask(ctx, c.path("/sample"), nil)
	if err != nil {
		return err
	}
	if c.As == "json" {
		return printJSON(s.out, data)
	}
	var sample api.Sample
	if err := c.decode(data, &sample); err != nil {
		return err
	}
	if sample.Partial {
		fmt.Fprintln(s.err, "The request itself is not on record, so this is what the run kept of it; set `record: "+
			"body` in the trigger to keep requests.")
	}
	if c.As == "paths" {
		return writeYAML(s.out, samplePaths{sampledPaths{sample.Query, sample.Body}})
	}
	var raw struct {
		Request any `json:"request"`
	}
	if err := json.Unmarshal(data, &raw); err != nil {
		return err
	}
	var request yaml.Node
	encoded, err := json.Marshal(raw.Request)
	if err != nil {
		return err
	}
	// JSON is YAML: its numbers stay as they are.
	if err := yaml.Unmarshal(encoded, &request); err != nil {
		return err
	}
	block(&request)
	return writeYAML(s.out, sampleTests{[]sampleTest{{Name: "the delivery " + sample.Delivery,
		Now: sample.ReceivedAt.Format(time.RFC3339), Request: request.Content[0]}}})
}

// samplePaths is the field of a trigger.
type samplePaths struct {
	Request sampledPaths `yaml:"request"`
}

type sampledPaths struct {
	Query []string `yaml:"query"`
	Body  []string `yaml:"body"`
}

// sampleTests is a file of contract tests.
type sampleTests struct {
	Tests []sampleTest `yaml:"tests"`
}

type sampleTest struct {
	Name    string     `yaml:"name"`
	Now     string     `yaml:"now"`
	Request *yaml.Node `yaml:"request"`
}

// block removes the flow style that JSON has.
func block(node *yaml.Node) {
	if node.Kind != yaml.ScalarNode && len(node.Content) > 0 {
		node.Style = 0
	}
	if node.Kind == yaml.ScalarNode && node.Tag == "!!str" {
		node.Style = 0 // the encoder quotes what needs it
	}
	for _, child := range node.Content {
		block(child)
	}
}

func writeYAML(w io.Writer, value any) error {
	encoder := yaml.NewEncoder(w)
	encoder.SetIndent(2)
	if err := encoder.Encode(value); err != nil {
		return err
	}
	return encoder.Close()
}
