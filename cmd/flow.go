package cmd

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/flowdir"
	"github.com/everhook/everhook/internal/flowfile"
	"github.com/everhook/everhook/internal/schema"
	"github.com/everhook/everhook/nodes/kind"
	"github.com/everhook/everhook/receiver"
)

type flowCommands struct {
	New       flowNew           `cmd:"" help:"Write a commented flow file to start from."`
	Validate  flowValidate      `cmd:"" help:"Report every problem of flow files; exit status 1 if there is one."`
	Test      flowTest          `cmd:"" help:"Run contract tests of flows, without a server; exit status 1 if one fails."`
	Schema    flowSchema        `cmd:"" help:"Print the JSON Schema of flow files, for editors."`
	Reference flowReference     `cmd:"" help:"Print a page of the manual of flow files, with the kinds of this program."`
	Send      flowSend          `cmd:"" help:"Call a flow of a server with the flow's own credentials, and print its answer."`
	Apply     flowApply         `cmd:"" help:"Apply flow files to a server; print what changes first."`
	List      flowList          `cmd:"" help:"List the flows of a server."`
	Show      flowShow          `cmd:"" help:"Show a flow of a server."`
	Versions  flowVersions      `cmd:"" help:"List the versions of a flow."`
	Diff      flowDiff          `cmd:"" help:"Compare two versions of a flow by their structure."`
	Enable    flowEnable        `cmd:"" help:"Enable a version of a flow; an older one is a roll back."`
	Pause     flowPause         `cmd:"" help:"Pause a flow: deliveries are accepted and kept, and run when it is resumed."`
	Resume    flowResume        `cmd:"" help:"Resume a paused flow."`
	Disable   flowDisable       `cmd:"" help:"Disable a flow: its trigger starts no more runs."`
	Delete    flowDelete        `cmd:"" help:"Delete a flow with its versions."`
	Export    flowExport        `cmd:"" help:"Print a flow of a server as it was written."`
	Draft     flowDraftCommands `cmd:"" help:"Write, check and publish drafts of flows on a server."`
	Sample    flowSample        `cmd:"" help:"Print the last delivery to a flow of a server as a contract test, as paths or as data."`
	Parse     flowParse         `cmd:"" help:"Turn a sample URL or JSON body on standard input into the paths of a trigger's request."`
}

type flowNew struct {
	Key     string `arg:"" help:"Key of the flow: a-z, 0-9 and -."`
	Mode    string `enum:"sync,async" default:"sync" help:"Whether the caller waits for the flow's answer: sync or async."`
	Trigger string `enum:"webhook,call" default:"webhook" help:"Kind of the trigger: webhook, or call for a flow that other flows call."`
	Out     string `short:"o" placeholder:"FILE" help:"File to write; default KEY.yaml. - is standard output."`
}

func (c *flowNew) Run(s streams, registry *kind.Registry) error {
	if !everhook.IsFlowKey(c.Key) {
		return fmt.Errorf("%q is not a flow key; use at most 63 of a-z, 0-9 and -, and do not start with -", c.Key)
	}
	text := flowfile.Template(c.Key, everhook.Mode(c.Mode))
	started, _ := registry.Trigger(c.Trigger)
	if _, callable := started.(kind.Callable); callable {
		text = flowfile.CallTemplate(c.Key, everhook.Mode(c.Mode))
	}
	if c.Out == "-" {
		_, err := io.WriteString(s.out, text)
		return err
	}
	name := c.Out
	if name == "" {
		name = c.Key + ".yaml"
	}
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if os.IsExist(err) {
		return fmt.Errorf("%s exists already; choose another key, or another file with -o", name)
	}
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err := io.WriteString(file, text); err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.out,
		"%s written. Check it with `everhook flow validate %s`, run it with `everhook dev %s`.\n", name, name,
		filepath.Dir(name))
	return err
}

type flowValidate struct {
	Files  []string `arg:"" name:"file" help:"Flow files, or directories of them."`
	Strict bool     `help:"Make warnings errors."`
	Output string   `enum:"text,json" default:"text" help:"How to print: text or json."`
}

func (c *flowValidate) Run(s streams, registry *kind.Registry) error {
	all := flowfile.Problems{}
	valid := 0
	files, err := c.files()
	if err != nil {
		return err
	}
	for _, name := range files {
		problems := check(name, registry)
		if len(problems.Errors()) == 0 && (!c.Strict || len(problems) == 0) {
			valid++
		}
		all = append(all, problems...)
	}
	if err := c.print(s, all, valid, len(files)); err != nil {
		return err
	}
	if valid < len(files) {
		return reported{}
	}
	return nil
}

// files replaces each directory by its flow files.
func (c *flowValidate) files() (files []string, err error) {
	for _, name := range c.Files {
		if info, err := os.Stat(name); err != nil || !info.IsDir() {
			files = append(files, name)
			continue
		}
		inside, err := flowdir.Files(name)
		if err != nil {
			return nil, err
		}
		if len(inside) == 0 {
			inside = []string{name} // check reports that there are none
		}
		files = append(files, inside...)
	}
	return files, nil
}

// check returns the problems of a file. An unreadable file has one problem.
func check(name string, registry *kind.Registry) flowfile.Problems {
	data, err := os.ReadFile(name)
	if err != nil {
		if failure, ok := errors.AsType[*fs.PathError](err); ok {
			err = failure.Err
		}
		message := fmt.Sprintf("the file cannot be read: %v", err)
		if errors.Is(err, syscall.EISDIR) {
			message = "the directory has no flow files: no YAML or JSON file has key and trigger at its top level"
		}
		return flowfile.Problems{{
			File: name, Position: flowfile.Position{Line: 1, Column: 1}, Message: message,
			Fix: "give the paths of flow files or their directories",
		}}
	}
	_, problems := flowfile.Load(name, data, registry)
	return problems
}

func (c *flowValidate) print(s streams, problems flowfile.Problems, valid, files int) error {
	if c.Output == "json" {
		data, err := everhook.EncodeJSON(problems)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(s.out, "%s\n", data)
		return err
	}
	for _, problem := range problems {
		fmt.Fprintln(s.err, problem)
	}
	_, err := fmt.Fprintf(s.out, "%d of %d flow files valid, %d errors, %d warnings\n", valid, files,
		len(problems.Errors()), len(problems.Warnings()))
	return err
}

type flowSchema struct{}

func (flowSchema) Run(s streams, registry *kind.Registry) error {
	text, err := schema.JSON(registry)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.out, "%s\n", text)
	return err
}

type flowParse struct{}

// maxSample bounds a sample on standard input.
const maxSample = 10 << 20

func (flowParse) Run(s streams) error {
	sample, err := io.ReadAll(io.LimitReader(s.in, maxSample+1))
	if err != nil {
		return err
	}
	if len(sample) > maxSample {
		return fmt.Errorf("the sample is larger than %s", everhook.Size(maxSample))
	}
	if len(bytes.TrimSpace(sample)) == 0 {
		return errors.New("there is no sample on standard input; for example: everhook flow parse < request.json")
	}
	paths, err := receiver.SamplePaths(string(sample))
	if err != nil {
		return fmt.Errorf("the sample is neither a URL, a query string nor JSON: %w", err)
	}
	for _, path := range paths {
		if _, err := fmt.Fprintln(s.out, path); err != nil {
			return err
		}
	}
	return nil
}
