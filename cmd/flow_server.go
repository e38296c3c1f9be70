package cmd

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/everhook/everhook/internal/api"
)

// flowOfServer names a flow of a server.
type flowOfServer struct {
	serverFlags `embed:""`
	Key         string `arg:"" help:"Key of the flow."`
}

// path is that of the flow in the API, or of what is below it.
func (f *flowOfServer) path(below string) string {
	return pathFlows + "/" + url.PathEscape(f.Key) + below
}

type flowList struct {
	serverFlags `embed:""`
	State       string `placeholder:"STATE" help:"Only flows in this state: served, failing or disabled."`
	Label       string `placeholder:"LABEL" help:"Only flows with this label."`
	Text        string `placeholder:"TEXT" help:"Only flows whose key or title contains this text."`
	printed     `embed:""`
}

func (c *flowList) Run(ctx context.Context, s streams) error {
	query := url.Values{}
	for name, value := range map[string]string{"state": c.State, "label": c.Label, "text": c.Text} {
		if value != "" {
			query.Set(name, value)
		}
	}
	flows, err := c.flows(ctx, query)
	if err != nil {
		return err
	}
	if c.forPrograms() {
		return c.printValue(s.out, api.FlowList{Flows: flows})
	}
	table := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "FLOW\tVERSION\tLATEST\tSTATE\tTRIGGER\tMANAGED\tLABELS")
	for _, flow := range flows {
		fmt.Fprintf(table, "%s\t%d\t%d\t%s\t%s\t%s\t%s\n", flow.Key, flow.Version, flow.Latest, stateOf(flow),
			printable(flow.Trigger), flow.Managed, printable(strings.Join(flow.Labels, ", ")))
	}
	return table.Flush()
}

// flows reads all pages of a list of flows.
func (f *serverFlags) flows(ctx context.Context, query url.Values) ([]api.Flow, error) {
	all := []api.Flow{}
	query.Set("limit", strconv.Itoa(pageSize))
	for {
		data, err := f.ask(ctx, pathFlows, query)
		if err != nil {
			return nil, err
		}
		var page api.FlowList
		if err := f.decode(data, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Flows...)
		if page.Next == "" {
			return all, nil
		}
		query.Set("page", page.Next)
	}
}

type flowShow struct {
	flowOfServer `embed:""`
	printed      `embed:""`
}

func (c *flowShow) Run(ctx context.Context, s streams) error {
	data, err := c.ask(ctx, c.path(""), nil)
	if err != nil {
		return err
	}
	return show(&c.serverFlags, c.printed, s.out, data, func(f api.Flow) error { return printFlow(s.out, f) })
}

// stateOf is the state of a flow in words.
func stateOf(flow api.Flow) string {
	if flow.Paused {
		return flow.State() + ", paused"
	}
	return flow.State()
}

func printFlow(w io.Writer, flow api.Flow) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, line := range [][2]string{{"Flow", flow.Key}, {"Title", flow.Title}, {"State", stateOf(flow)},
		{"Version", strconv.Itoa(flow.Version)}, {"Latest", strconv.Itoa(flow.Latest)}, {"Mode", string(flow.Mode)},
		{"Trigger", flow.Trigger}, {"URL", flow.URL}, {"Labels", strings.Join(flow.Labels, ", ")},
		{"Managed", flow.Managed}, {"Source", flow.Source}, {"Note", flow.Note}} {
		if line[1] != "" {
			fmt.Fprintf(table, "%s\t%s\n", line[0], printable(line[1]))
		}
	}
	return table.Flush()
}

type flowVersions struct {
	flowOfServer `embed:""`
	printed      `embed:""`
}

func (c *flowVersions) Run(ctx context.Context, s streams) error {
	data, err := c.ask(ctx, c.path("/versions"), url.Values{"limit": {strconv.Itoa(pageSize)}})
	if err != nil {
		return err
	}
	return show(&c.serverFlags, c.printed, s.out, data, func(list api.VersionList) error {
		table := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "VERSION\tENABLED\tCREATED\tAUTHOR\tSOURCE\tNOTE")
		for _, v := range list.Versions {
			enabled := ""
			if v.Enabled {
				enabled = "yes"
			}
			fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%s\t%s\n", v.Number, enabled, clock(v.Created), printable(v.Author),
				printable(v.Source), printable(v.Note))
		}
		return table.Flush()
	})
}

type flowDiff struct {
	flowOfServer `embed:""`
	From         int `arg:"" help:"Number of a version."`
	To           int `arg:"" help:"Number of another one."`
	printed      `embed:""`
}

func (c *flowDiff) Run(ctx context.Context, s streams) error {
	data, err := c.ask(ctx, c.path("/diff"), url.Values{"from": {strconv.Itoa(c.From)}, "to": {strconv.Itoa(c.To)}})
	if err != nil {
		return err
	}
	return show(&c.serverFlags, c.printed, s.out, data, func(diff api.VersionDiff) error {
		if len(diff.Changes) == 0 {
			fmt.Fprintln(s.out, "no changes")
		}
		for _, change := range diff.Changes {
			fmt.Fprintln(s.out, printable(change.Text))
		}
		return nil
	})
}

type flowEnable struct {
	flowOfServer `embed:""`
	Version      int `arg:"" help:"Number of the version; an older one is a roll back."`
	printed      `embed:""`
}

func (c *flowEnable) Run(ctx context.Context, s streams) error {
	data, err := c.post(ctx, c.path("/versions/"+strconv.Itoa(c.Version)+"/enable"), nil, struct{}{})
	if err != nil {
		return err
	}
	return show(&c.serverFlags, c.printed, s.out, data, func(f api.Flow) error { return printFlow(s.out, f) })
}

type flowDisable struct {
	flowOfServer `embed:""`
	printed      `embed:""`
}

func (c *flowDisable) Run(ctx context.Context, s streams) error {
	return c.act(ctx, s, "/disable", c.printed)
}

type flowPause struct {
	flowOfServer `embed:""`
	printed      `embed:""`
}

func (c *flowPause) Run(ctx context.Context, s streams) error {
	return c.act(ctx, s, "/pause", c.printed)
}

type flowResume struct {
	flowOfServer `embed:""`
	printed      `embed:""`
}

func (c *flowResume) Run(ctx context.Context, s streams) error {
	return c.act(ctx, s, "/resume", c.printed)
}

// act does something with a flow and shows it.
func (c *flowOfServer) act(ctx context.Context, s streams, path string, printed printed) error {
	data, err := c.post(ctx, c.path(path), nil, struct{}{})
	if err != nil {
		return err
	}
	return show(&c.serverFlags, printed, s.out, data, func(f api.Flow) error { return printFlow(s.out, f) })
}

type flowDelete struct {
	flowOfServer `embed:""`
}

func (c *flowDelete) Run(ctx context.Context, s streams) error {
	if _, err := c.send(ctx, http.MethodDelete, c.path(""), nil, nil); err != nil {
		return err
	}
	_, err := fmt.Fprintf(s.out, "flow %s is deleted\n", printable(c.Key))
	return err
}

type flowExport struct {
	flowOfServer `embed:""`
	Number       int `env:"-" placeholder:"N" help:"Number of the version. Default: the enabled one, or else the latest."`
}

func (c *flowExport) Run(ctx context.Context, s streams) error {
	query := url.Values{}
	if c.Number != 0 {
		query.Set("version", strconv.Itoa(c.Number))
	}
	text, err := c.ask(ctx, c.path("/export"), query)
	if err != nil {
		return err
	}
	_, err = s.out.Write(text)
	return err
}

type auditCommand struct {
	serverFlags `embed:""`
	Actor       string `placeholder:"ID" help:"Only changes by this actor."`
	Object      string `placeholder:"KIND" help:"Only changes of this kind of thing, such as flow."`
	Name        string `placeholder:"NAME" help:"Only changes of the thing with this name."`
	After       string `placeholder:"TIME" help:"Only changes then or later: a time, or 7d for seven days ago."`
	printed     `embed:""`
}

func (c *auditCommand) Run(ctx context.Context, s streams) error {
	query := url.Values{"limit": {strconv.Itoa(pageSize)}}
	for name, value := range map[string]string{"actor": c.Actor, "object": c.Object, "name": c.Name,
		"after": c.After} {
		if value != "" {
			query.Set(name, value)
		}
	}
	data, err := c.ask(ctx, "/api/v1/audit", query)
	if err != nil {
		return err
	}
	return show(&c.serverFlags, c.printed, s.out, data, func(list api.AuditList) error {
		table := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "AT\tACTOR\tACTION\tOBJECT\tNAME\tDETAIL")
		for _, e := range list.Entries {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", clock(e.At), printable(e.Actor), printable(e.Action),
				printable(e.Object), printable(e.Name), printable(shownJSON(e.Detail)))
		}
		return table.Flush()
	})
}
