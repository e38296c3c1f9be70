package cmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/api"
	"github.com/everhook/everhook/internal/flowfile"
)

type flowDraftCommands struct {
	Show    flowDraftShow    `cmd:"" help:"Print the text of a draft."`
	Save    flowDraftSave    `cmd:"" help:"Save a file as the draft of a flow; it need not be valid yet."`
	Check   flowDraftCheck   `cmd:"" help:"Report every problem of a draft; exit status 1 if there is an error."`
	Publish flowDraftPublish `cmd:"" help:"Enable a draft as the next version of its flow."`
	Undo    flowDraftUndo    `cmd:"" help:"Undo the last change of a draft."`
	Redo    flowDraftRedo    `cmd:"" help:"Make the change again that was undone."`
	Discard flowDraftDiscard `cmd:"" help:"Discard a draft."`
}

// draftOfServer names the draft of a flow on a server.
type draftOfServer struct {
	flowOfServer `embed:""`
}

// read returns the draft, with its ETag for changes of just this revision.
func (d *draftOfServer) read(ctx context.Context) (draft api.Draft, tag http.Header, err error) {
	data, answered, err := d.exchange(ctx, http.MethodGet, d.path("/draft"), nil, nil, nil)
	if err != nil {
		return draft, nil, err
	}
	return draft, http.Header{"If-Match": {answered.Get("ETag")}}, d.decode(data, &draft)
}

// change does something with the draft as it is now and prints what it is then.
func (d *draftOfServer) change(ctx context.Context, s streams, printed printed, below string) error {
	_, tag, err := d.read(ctx)
	if err != nil {
		return err
	}
	data, _, err := d.exchange(ctx, http.MethodPost, d.path("/draft"+below), nil, tag, nil)
	if err != nil {
		return err
	}
	return show(&d.serverFlags, printed, s.out, data, func(draft api.Draft) error { return printDraft(s.out, draft) })
}

func printDraft(w io.Writer, draft api.Draft) error {
	_, err := fmt.Fprintf(w, "draft of %s, revision %d, saved by %s at %s\n", printable(draft.Flow), draft.Revision,
		printable(draft.Author), clock(draft.Saved))
	return err
}

type flowDraftShow struct {
	draftOfServer `embed:""`
	printed       `embed:""`
}

func (c *flowDraftShow) Run(ctx context.Context, s streams) error {
	data, err := c.ask(ctx, c.path("/draft"), nil)
	if err != nil {
		return err
	}
	return show(&c.serverFlags, c.printed, s.out, data, func(draft api.Draft) error {
		_, err := io.WriteString(s.out, draft.Text)
		return err
	})
}

type flowDraftSave struct {
	draftOfServer `embed:""`
	File          string `arg:"" help:"File with the text; - is standard input."`
	Over          int64  `env:"-" placeholder:"REVISION" help:"Revision of the draft that the text replaces. Without it, there must be no draft yet."`
	printed       `embed:""`
}

// maxDraftFile bounds a text, in bytes: the server takes no more.
const maxDraftFile = 1 << 20

func (c *flowDraftSave) Run(ctx context.Context, s streams) error {
	text, err := c.text(s)
	if err != nil {
		return err
	}
	body, err := everhook.EncodeJSON(api.DraftText{Text: text, Operation: "saved by the command line"})
	if err != nil {
		return err
	}
	header := http.Header{}
	if c.Over > 0 {
		header.Set("If-Match", strconv.Quote(strconv.FormatInt(c.Over, 10)))
	}
	data, _, err := c.exchange(ctx, http.MethodPut, c.path("/draft"), nil, header, bytes.NewReader(body))
	if refused, ok := errors.AsType[*refusedError](err); ok && refused.problem.Status == http.StatusPreconditionFailed {
		draft, _, err := c.read(ctx)
		if err != nil {
			return refused
		}
		return fmt.Errorf("the draft of %s has revision %d, saved by %s at %s; read it with `everhook flow draft show "+
			"%s`, or replace it with --over %d", printable(c.Key), draft.Revision, printable(draft.Author),
			clock(draft.Saved), printable(c.Key), draft.Revision)
	}
	if err != nil {
		return err
	}
	return show(&c.serverFlags, c.printed, s.out, data, func(draft api.Draft) error { return printDraft(s.out, draft) })
}

// text reads the file.
func (c *flowDraftSave) text(s streams) (string, error) {
	in := s.in
	if c.File != "-" {
		file, err := os.Open(c.File)
		if err != nil {
			return "", err
		}
		defer file.Close()
		in = file
	}
	text, err := io.ReadAll(io.LimitReader(in, maxDraftFile+1))
	if err == nil && len(text) > maxDraftFile {
		err = fmt.Errorf("%s is larger than %s", c.File, everhook.Size(maxDraftFile))
	}
	return string(text), err
}

type flowDraftCheck struct {
	draftOfServer `embed:""`
	printed       `embed:""`
}

func (c *flowDraftCheck) Run(ctx context.Context, s streams) error {
	data, err := c.ask(ctx, c.path("/draft/check"), nil)
	if err != nil {
		return err
	}
	var checked api.CheckedDraft
	if err := c.decode(data, &checked); err != nil {
		return err
	}
	problems := flowfile.Problems(checked.Problems)
	if c.forPrograms() {
		err = c.print(s.out, data)
	} else {
		for _, problem := range problems {
			fmt.Fprintln(s.err, problem)
		}
		if len(problems.Errors()) == 0 {
			_, err = fmt.Fprintf(s.out, "the draft of %s can be published\n", printable(c.Key))
		}
	}
	if err == nil && len(problems.Errors()) > 0 {
		err = reported{}
	}
	return err
}

type flowDraftPublish struct {
	draftOfServer `embed:""`
	DryRun        bool   `env:"-" help:"Only print what would change."`
	Note          string `env:"-" placeholder:"TEXT" help:"What changed, for people."`
}

func (c *flowDraftPublish) Run(ctx context.Context, s streams) error {
	_, tag, err := c.read(ctx)
	if err != nil {
		return err
	}
	body, err := everhook.EncodeJSON(api.Publication{Note: c.Note, DryRun: c.DryRun})
	if err != nil {
		return err
	}
	data, _, err := c.exchange(ctx, http.MethodPost, c.path("/draft/publish"), nil, tag, bytes.NewReader(body))
	if err != nil {
		return err
	}
	var applied api.AppliedFlow
	if err := c.decode(data, &applied); err != nil {
		return err
	}
	printPlan(s, applied)
	if !c.DryRun {
		_, err = fmt.Fprintf(s.out, "%s v%d is enabled\n", printable(applied.Key), applied.Version)
	}
	return err
}

type flowDraftUndo struct {
	draftOfServer `embed:""`
	printed       `embed:""`
}

func (c *flowDraftUndo) Run(ctx context.Context, s streams) error {
	return c.change(ctx, s, c.printed, "/undo")
}

type flowDraftRedo struct {
	draftOfServer `embed:""`
	printed       `embed:""`
}

func (c *flowDraftRedo) Run(ctx context.Context, s streams) error {
	return c.change(ctx, s, c.printed, "/redo")
}

type flowDraftDiscard struct {
	draftOfServer `embed:""`
}

func (c *flowDraftDiscard) Run(ctx context.Context, s streams) error {
	_, tag, err := c.read(ctx)
	if err != nil {
		return err
	}
	if _, _, err := c.exchange(ctx, http.MethodDelete, c.path("/draft"), nil, tag, nil); err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.out, "the draft of %s is discarded\n", printable(c.Key))
	return err
}
