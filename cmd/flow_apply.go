package cmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/everhook/everhook/internal/api"
	"github.com/everhook/everhook/internal/flowfile"
	"github.com/everhook/everhook/nodes/kind"
)

type flowApply struct {
	serverFlags `embed:""`
	Files       []string `arg:"" name:"file" help:"Flow files, or directories of them."`
	DryRun      bool     `env:"-" help:"Only print what would change."`
	Check       bool     `env:"-" help:"Only print what would change; exit status 1 if anything would."`
	Prune       bool     `env:"-" help:"Also delete flows that an earlier apply with the same --source brought, and that are not among the files."`
	Source      string   `env:"-" placeholder:"NAME" help:"Name of where the flows come from, such as a repository. Needed for --prune."`
	Note        string   `env:"-" placeholder:"TEXT" help:"What changed, for people."`
}

// fileToApply is a flow file and its flow. Tag is the ETag of the flow that the plan is for; empty for a new flow.
type fileToApply struct {
	name, key string
	text      []byte
	tag       string
}

func (c *flowApply) Run(ctx context.Context, s streams, registry *kind.Registry) error {
	if c.Prune && c.Source == "" {
		return errors.New("--prune needs --source NAME: it deletes only flows that came with the same name")
	}
	files, err := c.read(s, registry)
	if err != nil {
		return err
	}
	removed, err := c.removed(ctx, files)
	if err != nil {
		return err
	}
	differs := len(removed) > 0
	for i := range files {
		planned, err := c.put(ctx, &files[i], true)
		if err != nil {
			return err
		}
		differs = differs || planned.Created
		printPlan(s, planned)
	}
	for _, flow := range removed {
		fmt.Fprintf(s.out, "removed %s\n", printable(flow.key))
	}
	switch {
	case c.Check && differs:
		return reported{}
	case c.Check || c.DryRun:
		return nil
	}
	return c.apply(ctx, s, files, removed)
}

// read loads all files before the server is asked: nothing is applied if one has an error.
func (c *flowApply) read(s streams, registry *kind.Registry) (files []fileToApply, err error) {
	names, err := (&flowValidate{Files: c.Files}).files()
	if err != nil {
		return nil, err
	}
	keys := map[string]string{}
	broken := false
	for _, name := range names {
		problems := check(name, registry).Errors()
		for _, problem := range problems {
			fmt.Fprintln(s.err, problem)
		}
		if len(problems) > 0 {
			broken = true
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		flow, _ := flowfile.Load(name, text, registry)
		if flow == nil {
			return nil, fmt.Errorf("%s has changed while it was read; try again", name)
		}
		key := flow.Definition.Key
		if other, ok := keys[key]; ok {
			return nil, fmt.Errorf("%s and %s have the same key %s", other, name, key)
		}
		keys[key] = name
		files = append(files, fileToApply{name: name, key: key, text: text})
	}
	if broken {
		return nil, reported{}
	}
	return files, nil
}

// removed are the flows that --prune deletes.
func (c *flowApply) removed(ctx context.Context, files []fileToApply) (removed []removedFlow, err error) {
	if !c.Prune {
		return nil, nil
	}
	flows, err := c.flows(ctx, url.Values{})
	if err != nil {
		return nil, err
	}
	kept := map[string]bool{}
	for _, f := range files {
		kept[f.key] = true
	}
	for _, flow := range flows {
		if flow.Source == c.Source && flow.Managed == "store" && !kept[flow.Key] {
			_, answered, err := c.exchange(ctx, http.MethodGet, pathFlows+"/"+url.PathEscape(flow.Key), nil, nil, nil)
			if err != nil {
				return nil, err
			}
			removed = append(removed, removedFlow{flow.Key, answered.Get("ETag")})
		}
	}
	return removed, nil
}

// put plans to apply a file, or applies it if the flow is as it was planned for.
func (c *flowApply) put(ctx context.Context, f *fileToApply, dryRun bool) (applied api.AppliedFlow, err error) {
	query, header := url.Values{}, http.Header{}
	for name, value := range map[string]string{"source": c.Source, "note": c.Note} {
		if value != "" {
			query.Set(name, value)
		}
	}
	switch {
	case dryRun:
		query.Set("dryRun", "true")
	case f.tag == "":
		header.Set("If-None-Match", "*")
	default:
		header.Set("If-Match", f.tag)
	}
	data, answered, err := c.exchange(ctx, http.MethodPut, pathFlows+"/"+f.key, query, header, bytes.NewReader(f.text))
	if err != nil {
		return applied, fmt.Errorf("%s: %w", f.name, err)
	}
	f.tag = answered.Get("ETag")
	return applied, c.decode(data, &applied)
}

// removedFlow is a flow that --prune deletes, with its ETag when that was planned.
type removedFlow struct{ key, tag string }

func (c *flowApply) apply(ctx context.Context, s streams, files []fileToApply, removed []removedFlow) error {
	for i := range files {
		applied, err := c.put(ctx, &files[i], false)
		if err != nil {
			return err
		}
		fmt.Fprintf(s.out, "%s v%d is enabled\n", applied.Key, applied.Version)
	}
	for _, flow := range removed {
		if _, _, err := c.exchange(ctx, http.MethodDelete, pathFlows+"/"+url.PathEscape(flow.key), nil,
			http.Header{"If-Match": {flow.tag}}, nil); err != nil {
			return fmt.Errorf("%s: %w", flow.key, err)
		}
		fmt.Fprintf(s.out, "%s is deleted\n", printable(flow.key))
	}
	return nil
}

// printPlan prints what applying a file changes.
func printPlan(s streams, planned api.AppliedFlow) {
	isNew := planned.Created
	for _, change := range planned.Changes {
		isNew = isNew && (change.Before == nil && change.From == "")
	}
	switch {
	case len(planned.Changes) == 0:
		fmt.Fprintf(s.out, "unchanged %s\n", planned.Key)
	case isNew && strings.HasPrefix(planned.Changes[0].Text, "flow: key set"):
		fmt.Fprintf(s.out, "new %s\n", planned.Key)
	default:
		fmt.Fprintf(s.out, "changed %s\n", planned.Key)
		for _, change := range planned.Changes {
			fmt.Fprintf(s.out, "  %s\n", printable(change.Text))
		}
	}
}
